import { isWord } from '../language/language.ts'
import { spend, Tracked } from '../piece.ts'
import type { Decoder } from '../piece.ts'
import { SEEN } from '../sketch.ts'

const LETTERS = /[A-Za-z]+/g

/** A word torn apart by signs: `ig*nore`, `i_g_n_o_r_e`. Compounds of whole words are what they are. */
export const splat: Decoder = {
  name: 'splat',
  wakes: SEEN.broken,
  read({ text, sketch, work }, put) {
    for (let s = 0; s < sketch.broken.length; s += 2) {
      const start = sketch.broken[s] as number
      const end = sketch.broken[s + 1] as number
      if (!spend(work, (end - start) * 2)) return
      const chunk = text.slice(start, end)
      const parts = [...chunk.matchAll(LETTERS)]
      // Letters one by one are read where all that stands apart is.
      if (parts.length < 2 || parts.every(([part]) => part.length === 1)) continue
      const joined = parts.map(([part]) => part).join('').toLowerCase()
      if (joined.length < 4 || !isWord(joined) || isWord(joined.slice(0, -1)) && (parts.at(-1) as RegExpExecArray)[0] === 's') continue
      if (parts.some(([part]) => part.length > 2 && isWord(part.toLowerCase()))) continue
      if (parts.length === 2 && parts.some(([part]) => part.length === 1) && joined.length < 6) continue
      const made = new Tracked()
      for (const part of parts) for (let i = 0; i < part[0].length; i++) made.put(part[0].charAt(i), start + part.index + i, start + part.index + i + 1)
      const first = parts[0] as RegExpExecArray
      const last = parts.at(-1) as RegExpExecArray
      put(made.piece(start + first.index, start + last.index + last[0].length))
    }
  },
}
