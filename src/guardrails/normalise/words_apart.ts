import { likeness } from './language/language.ts'
import { segmented } from './language/segment.ts'
import { spend, Tracked } from './piece.ts'
import type { Piece, Work } from './piece.ts'

const MOST = 4096
const LOOKUPS = 16

/** One character of a text and where it stands. */
export interface Placed {
  readonly char: string
  readonly start: number
  readonly end: number
}

/**
 * Puts spaces between the words of letters that follow one another; undefined where they make no words: less than
 * `share` of the letters in known ones. Below `likely` nats a letter nothing is looked up.
 */
export function wordsOf(letters: readonly Placed[], start: number, end: number, work: Work, share = 0.75, likely = 0.1): Piece | undefined {
  const size = Math.min(letters.length, MOST)
  const joined = letters.slice(0, size).map(({ char }) => char).join('')
  if (likeness(joined).perLetter < likely || !spend(work, size * LOOKUPS)) return undefined
  const { starts, known } = segmented(joined.toLowerCase())
  if (known < share) return undefined
  const made = new Tracked()
  let next = 1
  for (let i = 0; i < size; i++) {
    const { char, start: from, end: to } = letters[i] as Placed
    if (i === starts[next]) {
      made.put(' ', from, to)
      next++
    }
    made.put(char, from, to)
  }
  return made.piece(start, end)
}
