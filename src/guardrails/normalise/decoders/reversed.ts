import { backwards, BETTER, LIKELY, oddities, widened, wordShare } from '../odd.ts'
import { isWord } from '../language/language.ts'
import { clipped, spend, Tracked } from '../piece.ts'
import type { Decoder, Piece, Source, Stretch } from '../piece.ts'
import { SEEN } from '../units.ts'

const turned = (word: string): string => [...word].reverse().join('')
// Stretches so near one another are one text: a number or a name between them reads the same to the first pass.
const NEAR = 48

function mirrored(text: string, start: number, end: number, parts: readonly Stretch[]): Piece {
  const made = new Tracked()
  for (const part of parts) {
    for (let i = part.end; i > part.start; ) {
      const low = i > part.start + 1 && isLow(text.charCodeAt(i - 1)) ? i - 2 : i - 1
      made.put(text.slice(low, i), low, i)
      i = low
    }
  }
  return made.piece(start, end)
}

function isLow(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff
}

// Pieces between a separator, which stay where they are.
function split(text: string, start: number, end: number, separator: RegExp): Stretch[] {
  const parts: Stretch[] = []
  let at = start
  for (const found of text.slice(start, end).matchAll(separator)) {
    const from = start + found.index
    if (from > at) parts.push({ start: at, end: from })
    for (let i = from; i < from + found[0].length; i++) parts.push({ start: i, end: i + 1 })
    at = from + found[0].length
  }
  if (end > at) parts.push({ start: at, end })
  return parts
}

function readings(text: string, start: number, end: number, put: (piece: Piece) => void): void {
  put(mirrored(text, start, end, [{ start, end }]))
  if (text.slice(start, end).includes('\n')) put(mirrored(text, start, end, split(text, start, end, /\n/g)))
  put(mirrored(text, start, end, split(text, start, end, /\s+/g)))
}

const ENDS = /[.!?。！？।؟…]/
const DETERMINER = /^(?:the|a|an|your|my|our|their|its)$/
const PREPOSITION = /^(?:of|in|to|for|on|with|from|at|by|into|about|is|are)$/

const LONGEST_TURNED = 2048
const CAPITAL_END = /\s["'(]?[A-Z][a-z]*["')]?\s*$/

// Words in backward order: sentences that end before small letters, a capital at the very end, and articles that stand
// before prepositions.
function wordOrder({ text, work }: Source, put: (piece: Piece) => void): void {
  for (const line of text.matchAll(/[^\n]+/g)) {
    if (line[0].length > LONGEST_TURNED || !CAPITAL_END.test(line[0].slice(-32))) continue
    if (!spend(work, line[0].length)) return
    const words = [...line[0].matchAll(/\S+/g)]
    // An order before it may be written forwards.
    let from = 0
    if (!/^\W*[a-z]/.test(line[0])) from = words.findIndex((word, n) => n > 0 && /^[a-z]/.test(word[0]) && /[.!?:]["')]?$/.test((words[n - 1] as RegExpExecArray)[0]))
    if (from < 0) continue
    const part = words.slice(from)
    const last = part.at(-1)
    if (part.length < 4 || last === undefined) continue
    let back = 0
    let forward = 0
    for (let i = 1; i < part.length; i++) {
      const [before, here] = [(part[i - 1] as RegExpExecArray)[0], (part[i] as RegExpExecArray)[0]]
      if (DETERMINER.test(before) && PREPOSITION.test(here)) back++
      if (PREPOSITION.test(before) && DETERMINER.test(here)) forward++
      if (/[a-z][.!?;]["')]?$/.test(before) && /^[a-z]/.test(here)) back++
    }
    // A short text may hold neither; then its last word must be one that a sentence can begin with, and no name.
    const bare = back === 0 && forward === 0 && from === 0 && line[0].length === text.length && text.length < 300 && isWord(last[0].replace(/\W/g, '').toLowerCase())
    if (!bare && (back === 0 || forward * 2 > back)) continue
    const start = line.index + (part[0] as RegExpExecArray).index
    const made = new Tracked()
    for (const [n, found] of part.reverse().entries()) {
      const at = line.index + found.index
      if (n > 0) made.put(' ', at, at + 1)
      for (let i = 0; i < found[0].length; i++) made.put(found[0].charAt(i), at + i, at + i + 1)
    }
    put(made.piece(start, line.index + last.index + last[0].length))
  }
}

/** Text written backwards: all of it, line by line, word by word, or in the order of its words. */
export const reversed: Decoder = {
  name: 'reversed',
  wakes: SEEN.odd | SEEN.foreign | SEEN.turned,
  read(source, put) {
    const { text, work } = source
    let start = -1
    let end = -1
    const close = (): void => {
      if (start < 0) return
      const around = widened(text, start, clipped(work, start, end), turned)
      // The sentence's end stands before its beginning.
      const mark = /[.!?"')\]]{1,3}$/.exec(text.slice(Math.max(0, around.start - 3), around.start))
      if (spend(work, (around.end - around.start) * 3)) readings(text, around.start - (mark?.[0].length ?? 0), around.end, put)
      start = -1
    }
    for (const odd of oddities(source)) {
      const score = backwards(odd)
      if (score < LIKELY || score < odd.score + BETTER || wordShare(text.slice(odd.start, Math.min(odd.end, odd.start + 600)), turned) < 0.35) continue
      if (start >= 0 && odd.start - end > NEAR) close()
      if (start < 0) start = odd.start
      end = odd.end
    }
    close()
    if ((source.sketch.seen & SEEN.turned) !== 0) wordOrder(source, put)
    // Other scripts have no table of pairs: a sentence's end at its beginning tells.
    if (text.length < 16_384) {
      const first = text.trimStart().charAt(0)
      const last = text.trimEnd().at(-1) ?? ''
      const foreign = /[^\x00-\u02ff\u2000-\u2bff]{3}/.test(text)
      const marked = ENDS.test(first) && !ENDS.test(last) && !text.startsWith('..')
      const cased = /\p{Lu}/u.test(last) && /^\P{Lu}*\p{Ll}/u.test(text.slice(0, 8)) && /\p{Ll}\p{Lu}$/u.test(text.trimEnd().slice(-2))
      if (foreign && (marked || cased) && spend(work, text.length * 3)) readings(text, 0, text.length, put)
    }
  },
}
