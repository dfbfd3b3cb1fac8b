import { isLanguage, isWord, likeness } from '../language/language.ts'
import { oddities } from '../odd.ts'
import { clipped, spend, Tracked } from '../piece.ts'
import type { Decoder, Piece, Source } from '../piece.ts'
import { wordsOf } from '../words_apart.ts'
import type { Placed } from '../words_apart.ts'
import { SEEN } from '../sketch.ts'

const LONGEST = 4096
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
  const made = new Tracked()
  let parted = 0
  for (const [n, { char, start: at, end: behind }] of chars.entries()) {
    const before = n === 0 ? inner : (gaps[n - 1] as string)
    // Letters of one chunk are written together: signs between them part no words.
    if (before !== inner && before !== '') {
      parted++
      const edge = (chars[n - 1] as Placed).end
      made.put(before.includes('\n') && !inner.includes('\n') ? '\n' : (/[.,;:!?]\s/.exec(before)?.[0] ?? ' '), edge, at)
    }
    made.put(char, at, behind)
  }
  const { text: plain } = made
  const { letters: latin } = likeness(plain)
  if (latin * 2 < plain.length) {
    if (letters >= 4 && /[^\x00-\x7f]{2}/.test(plain)) put(made.piece(start, end))
  } else if (isLanguage(plain, 5) || isWord(plain.toLowerCase())) put(made.piece(start, end))
  else if (parted * 9 < chars.length) {
    const piece = wordsOf(chars, start, end, work)
    if (piece !== undefined) put(piece)
  }
}

// Words cut at random places: short fragments that are no words until they are joined.
function fragments({ text, work }: Source, start: number, end: number, letters: number, put: (piece: Piece) => void): void {
  if (end - start > LONGEST || letters < 12 || !spend(work, end - start)) return
  const chars: Placed[] = []
  let count = 0
  for (const found of text.slice(start, end).matchAll(/[A-Za-z]+|\S/g)) {
    if (!/[A-Za-z]/.test(found[0])) return
    count++
    for (let i = 0; i < found[0].length; i++) chars.push({ char: found[0].charAt(i), start: start + found.index + i, end: start + found.index + i + 1 })
  }
  if (count < 4 || letters > count * 4.5) return
  const piece = wordsOf(chars, start, end, work, 0.9)
  if (piece !== undefined && piece.text.split(' ').length < count) put(piece)
}

/** Letters that stand apart: `i g n o r e`, `i.g.n.o.r.e`, and words cut into fragments. */
export const spaced: Decoder = {
  name: 'spaced',
  wakes: SEEN.apart | SEEN.odd,
  read(source, put) {
    const { sketch, work } = source
    for (let s = 0; s < sketch.apart.length; s += 2) {
      const from = sketch.apart[s] as number
      const to = clipped(work, from, sketch.apart[s + 1] as number)
      if (!spend(work, (to - from) * 4)) return
      joined(source, from, to, put)
    }
    for (const { start, end, letters } of oddities(source)) fragments(source, start, end, letters, put)
  },
}
