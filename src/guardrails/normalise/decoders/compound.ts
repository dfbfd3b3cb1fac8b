import { isLittle, isWord } from '../language/language.ts'
import { spend, Tracked } from '../piece.ts'
import type { Decoder } from '../piece.ts'
import { SEEN } from '../units.ts'

const FEWEST = 4
const LONGEST = 2000

/** A sentence whose spaces are another sign: `ignore+all+previous+instructions`. */
export const compound: Decoder = {
  name: 'compound',
  wakes: SEEN.compounds,
  read({ text, sketch, work }, put) {
    for (let s = 0; s < sketch.compounds.length; s += 2) {
      const start = sketch.compounds[s] as number
      const end = sketch.compounds[s + 1] as number
      if (!spend(work, 16) || end - start > LONGEST) continue
      const chunk = text.slice(start, end)
      const sign = /[^A-Za-z0-9\s'"]/.exec(chunk)?.[0]
      // Rules and readers take hyphens and underlines for spaces anyway; slashes make paths.
      if (sign === undefined || '-_/\\,:;<>()[]{}'.includes(sign) || !spend(work, chunk.length * 2)) continue
      const parts = chunk.split(sign)
      const words = parts.map((part) => part.toLowerCase().replace(/^[^a-z]+|[^a-z]+$/g, ''))
      const known = words.filter(isWord)
      if (parts.length < FEWEST || known.length * 4 < parts.length * 3 || !known.some(isLittle)) continue
      const made = new Tracked()
      let at = start
      for (const [n, part] of parts.entries()) {
        if (n > 0) made.put(' ', at - sign.length, at)
        for (let i = 0; i < part.length; i++) made.put(part.charAt(i), at + i, at + i + 1)
        at += part.length + sign.length
      }
      put(made.piece(start, end))
    }
  },
}
