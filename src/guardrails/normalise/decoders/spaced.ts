import { isLanguage, isWord, likeness } from '../language/language.ts'
import { clipped, spend, Tracked } from '../piece.ts'
import type { Decoder, Piece, Source } from '../piece.ts'
import { wordsOf } from '../words_apart.ts'
import type { Placed } from '../words_apart.ts'
import { SEEN } from '../units.ts'

const CHAR = /[\p{L}\p{N}]/u

// Single characters with what stands between them; the commonest separator parts letters, any other parts words.
function joined({ text, work }: Source, from: number, to: number, put: (piece: Piece) => void): void {
  const chars: Placed[] = []
  const gaps: string[] = []
  let gap = ''
  for (let i = from; i < to; ) {
    const point = text.codePointAt(i) as number
    const char = String.fromCodePoint(point)
    if (CHAR.test(char)) {
      if (chars.length > 0) gaps.push(gap)
      gap = ''
      chars.push({ char, start: i, end: i + char.length })
    } else gap += char
    i += char.length
  }
  const letters = chars.filter(({ char }) => !/[0-9]/.test(char)).length
  if (chars.length < 4 || letters * 3 < chars.length * 2) return
  const counts = new Map<string, number>()
  for (const one of gaps) counts.set(one, (counts.get(one) ?? 0) + 1)
  const inner = [...counts].reduce((best, one) => (one[1] > best[1] ? one : best))[0]
  const start = (chars[0] as Placed).start
  const end = (chars.at(-1) as Placed).end
  const wide = inner.trim() === ''
  const made = new Tracked()
  // Letters between two gaps of another kind; where words are not parted, sentences are.
  const parts: Placed[][] = [[]]
  for (const [n, placed] of chars.entries()) {
    const before = n === 0 ? inner : (gaps[n - 1] as string)
    // Letters of one chunk are written together: signs between them part no words.
    if (before !== inner && before !== '') {
      parts.push([])
      made.put(between(before, inner, wide), (chars[n - 1] as Placed).end, placed.start)
    }
    made.put(placed.char, placed.start, placed.end)
    parts.at(-1)?.push(placed)
  }
  const { text: plain } = made
  const { letters: latin } = likeness(plain)
  if (latin * 2 < plain.length) {
    if (letters >= 4 && /[^\x00-\x7f]{2}/.test(plain)) put(made.piece(start, end))
  } else if (isLanguage(plain, 5) || isWord(plain.toLowerCase())) put(made.piece(start, end))
  else if (parts.length * 9 < chars.length) {
    for (const part of parts) {
      const first = part[0]
      const last = part.at(-1)
      const piece = first && last && part.length >= 4 ? wordsOf(part, first.start, last.end, work) : undefined
      if (piece !== undefined) put(piece)
    }
  }
}

// What stood between two characters before each got its separator: signs stay, and a gap wider than they need is a space.
function between(gap: string, inner: string, wide: boolean): string {
  const signs = gap.replace(/\s+/g, '')
  if (!wide) return gap.includes('\n') ? '\n' : (/[.,;:!?]\s/.exec(gap)?.[0] ?? ' ')
  const spare = gap.length - signs.length > inner.length * (signs.length + 1)
  return signs + (!spare && signs !== '' ? '' : gap.includes('\n') && !inner.includes('\n') ? '\n' : ' ')
}

/** Letters that stand apart: `i g n o r e`, `i.g.n.o.r.e`. */
export const spaced: Decoder = {
  name: 'spaced',
  wakes: SEEN.apart,
  read(source, put) {
    const { sketch, work } = source
    for (let s = 0; s < sketch.apart.length; s += 2) {
      const from = sketch.apart[s] as number
      const to = clipped(work, from, sketch.apart[s + 1] as number)
      if (!spend(work, (to - from) * 4)) return
      joined(source, from, to, put)
    }
  },
}
