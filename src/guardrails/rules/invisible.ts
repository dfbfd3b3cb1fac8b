import type { Kind, Matcher } from './matcher.ts'

const TAGS: Kind = { guardrail: 'invisible_text', rule: 'tag_characters', category: 'tag_characters', score: 0.97 }
const BIDI: Kind = { guardrail: 'invisible_text', rule: 'bidi_override', category: 'bidi_override', score: 0.9 }
const DATA: Kind = { guardrail: 'invisible_text', rule: 'zero_width_data', category: 'zero_width_data', score: 0.92 }

const ZERO_WIDTH = new Set([0x200b, 0x200c, 0x200d, 0x2060, 0x2061, 0x2062, 0x2063, 0x2064, 0xfeff, 0x180e, 0x00ad])
// The longest run that one match covers: such a run shows nothing, so withholding it costs the reader nothing.
const MAX = 65536
// Shorter runs occur in honest text: a joiner between emoji, a mark at the start of a file.
const FEWEST = 6

/** The unseen code point at `i`, or 0. Tags and variation selectors beyond the first plane share one high surrogate. */
function unseen(text: string, i: number): number {
  const unit = text.charCodeAt(i)
  if (ZERO_WIDTH.has(unit) || (unit >= 0xfe00 && unit <= 0xfe0f)) return unit
  if (unit !== 0xdb40) return 0
  const point = text.codePointAt(i) as number
  return point >= 0xe0000 && point <= 0xe01ef ? point : 0
}

// A subdivision's flag is a black flag, tags, and a closing tag.
function isFlag(text: string, at: number): boolean {
  return at >= 2 && text.codePointAt(at - 2) === 0x1f3f4
}

function unseenBefore(text: string, at: number): boolean {
  if (at === 0) return false
  const before = text.charCodeAt(at - 1)
  return before >= 0xdc00 && before <= 0xdfff ? at > 1 && unseen(text, at - 2) !== 0 : unseen(text, at - 1) !== 0
}

const hidden: Matcher = {
  literals: ['\udb40', ...[...ZERO_WIDTH].map((code) => String.fromCharCode(code)), ...Array.from({ length: 16 }, (_, i) => String.fromCharCode(0xfe00 + i))],
  anywhere: true,
  maxLength: MAX,
  find(text, at, _after, final) {
    if (unseenBefore(text, at)) return undefined
    let tags = 0
    let others = 0
    const kinds = new Set<number>()
    let end = at
    while (end < text.length && end - at < MAX) {
      const point = unseen(text, end)
      if (point === 0) break
      if (point >= 0xe0000 && point < 0xe0080) tags++
      else {
        others++
        if (kinds.size < 3) kinds.add(point)
      }
      end += point > 0xffff ? 2 : 1
    }
    const half = end === text.length - 1 && text.charCodeAt(end) === 0xdb40
    if ((end === text.length || half) && !final) return { more: at }
    if (tags > 0 && !isFlag(text, at)) return { kind: TAGS, start: at, end }
    // Data needs at least two symbols; one repeated symbol is padding, reported only when there is a lot of it.
    if ((kinds.size > 1 && others >= FEWEST) || others >= 32) return { kind: DATA, start: at, end }
    return undefined
  },
}

const bidi: Matcher = {
  literals: ['\u202d', '\u202e'],
  anywhere: true,
  maxLength: 1,
  find: (_text, at, after) => ({ kind: BIDI, start: at, end: after }),
}

export const invisible: readonly Matcher[] = [hidden, bidi]
