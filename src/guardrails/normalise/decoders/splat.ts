import { isWord } from '../language/language.ts'
import { clipped, spend, Tracked } from '../piece.ts'
import type { Decoder, Piece, Source } from '../piece.ts'
import { SEEN } from '../units.ts'

const LETTERS = /[A-Za-z]+/g

// An apostrophe is part of a word.
const TEARS = /[A-Za-z][^A-Za-z'’]+[A-Za-z]/
const NEAR = 240
const CLOSE = 64
const LONG = 4
const LONGEST = 48
const CHUNK = /\S+/g

interface Torn {
  readonly piece: Piece
  readonly sign: string
  /** False where each part is a word too, as in compounds: read so only beside others. */
  readonly sure: boolean
}

function healed(start: number, parts: readonly RegExpExecArray[]): Piece {
  const first = parts[0] as RegExpExecArray
  const last = parts.at(-1) as RegExpExecArray
  const made = new Tracked()
  for (const part of parts) for (let i = 0; i < part[0].length; i++) made.put(part[0].charAt(i), start + part.index + i, start + part.index + i + 1)
  return made.piece(start + first.index, start + last.index + last[0].length)
}

function torn(chunk: string, start: number): Torn | undefined {
  const parts = [...chunk.matchAll(LETTERS)]
  const words = parts.map(([part]) => part.toLowerCase())
  // Letters one by one are read where all that stands apart is.
  if (parts.length < 2 || words.every((word) => word.length === 1) || !TEARS.test(chunk)) return undefined
  const joined = words.join('')
  if (joined.length < 4 || !isWord(joined)) return undefined
  // Possessives, "e-mail" and "re-write" are no disguise.
  if (parts.length === 2 && words.some((word) => word.length === 1) && joined.length < 6) return undefined
  const first = parts[0] as RegExpExecArray
  if (words.at(-1) === 's' && isWord(joined.slice(0, -1))) return undefined
  const sign = chunk.slice(first.index + first[0].length, (parts[1] as RegExpExecArray).index)
  if (parts.length === 2 && sign === '-' && words.some((word) => word.length >= LONG && isWord(word))) return undefined
  return { piece: healed(start, parts), sign, sure: !words.every((word) => word.length > 1 && isWord(word)) }
}

// Where several words were torn by one sign, all that it stands in were, known or not.
function region({ text, work }: Source, from: number, to: number, sign: string, put: (piece: Piece) => void): void {
  const low = Math.max(0, from - CLOSE)
  const high = clipped(work, low, Math.min(text.length, to + CLOSE))
  if (!spend(work, high - low)) return
  for (const found of text.slice(low, high).matchAll(CHUNK)) {
    const [chunk] = found
    if (chunk.length > LONGEST || !chunk.includes(sign)) continue
    const parts = [...chunk.matchAll(LETTERS)]
    const joints = parts.slice(1).map((part, n) => chunk.slice((parts[n] as RegExpExecArray).index + (parts[n] as RegExpExecArray)[0].length, part.index))
    if (joints.length > 0 && joints.every((joint) => joint === sign)) put(healed(low + found.index, parts))
  }
}

/** A word torn apart by signs: `ig*nore`, `ign_ore`. Compounds of whole words are what they are. */
export const splat: Decoder = {
  name: 'splat',
  wakes: SEEN.broken,
  read(source, put) {
    const { text, sketch, work } = source
    let group: Torn[] = []
    const close = (): void => {
      const sure = group.filter((one) => one.sure)
      const [first] = sure
      const last = sure.at(-1)
      if (first !== undefined && last !== undefined && sure.length > 1 && sure.every(({ sign }) => sign === first.sign)) region(source, first.piece.start, last.piece.end, first.sign, put)
      else if (first !== undefined) for (const { piece } of group) put(piece)
      group = []
    }
    for (let s = 0; s < sketch.broken.length; s += 2) {
      const start = sketch.broken[s] as number
      const end = sketch.broken[s + 1] as number
      if (!spend(work, (end - start) * 2)) return
      const found = torn(text.slice(start, end), start)
      if (found === undefined) continue
      const last = group.at(-1)
      if (last !== undefined && start - last.piece.end > NEAR) close()
      group.push(found)
    }
    close()
  },
}
