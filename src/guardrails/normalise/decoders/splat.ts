import { isWord } from '../language/language.ts'
import { spend, Tracked } from '../piece.ts'
import type { Decoder, Piece } from '../piece.ts'
import { SEEN } from '../sketch.ts'

const LETTERS = /[A-Za-z]+/g

// An apostrophe is part of a word.
const TEARS = /[A-Za-z][^A-Za-z'’]+[A-Za-z]/
const NEAR = 240
const LONG = 4

interface Torn {
  readonly piece: Piece
  /** False where each part is a word too, as in compounds: read so only beside others. */
  readonly sure: boolean
}

function torn(chunk: string, start: number): Torn | undefined {
  const parts = [...chunk.matchAll(LETTERS)]
  const words = parts.map(([part]) => part.toLowerCase())
  // Letters one by one are read where all that stands apart is.
  if (parts.length < 2 || words.every((word) => word.length === 1)) return undefined
  const joined = words.join('')
  if (joined.length < 4 || !isWord(joined)) return undefined
  // Possessives, "e-mail" and "re-write" are no disguise.
  if (parts.length === 2 && words.some((word) => word.length === 1) && joined.length < 6) return undefined
  if (!TEARS.test(chunk)) return undefined
  const first = parts[0] as RegExpExecArray
  const last = parts.at(-1) as RegExpExecArray
  if (last[0] === 's' && isWord(joined.slice(0, -1))) return undefined
  if (parts.length === 2 && chunk.charAt(first.index + first[0].length) === '-' && words.some((word) => word.length >= LONG && isWord(word))) return undefined
  const made = new Tracked()
  for (const part of parts) for (let i = 0; i < part[0].length; i++) made.put(part[0].charAt(i), start + part.index + i, start + part.index + i + 1)
  return { piece: made.piece(start + first.index, start + last.index + last[0].length), sure: !words.every((word) => word.length > 1 && isWord(word)) }
}

/** A word torn apart by signs: `ig*nore`, `ign_ore`. Compounds of whole words are what they are. */
export const splat: Decoder = {
  name: 'splat',
  wakes: SEEN.broken,
  read({ text, sketch, work }, put) {
    let doubtful: Piece[] = []
    let sureEnd = -NEAR
    for (let s = 0; s < sketch.broken.length; s += 2) {
      const start = sketch.broken[s] as number
      const end = sketch.broken[s + 1] as number
      if (!spend(work, (end - start) * 2)) return
      const found = torn(text.slice(start, end), start)
      if (found === undefined) continue
      if (!found.sure && start - sureEnd > NEAR) {
        doubtful.push(found.piece)
        continue
      }
      if (found.sure) {
        for (const piece of doubtful) if (start - piece.end < NEAR) put(piece)
        doubtful = []
        sureEnd = end
      }
      put(found.piece)
    }
  },
}
