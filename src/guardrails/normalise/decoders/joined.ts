import { isLittle, isWord } from '../language/language.ts'
import { spend, Tracked } from '../piece.ts'
import type { Decoder } from '../piece.ts'
import { wordsOf } from '../words_apart.ts'
import { SEEN } from '../units.ts'

const HUMP = /[A-Z]?[a-z]+|[A-Z]+(?![a-z])/g
// Names in programs are joined too, of fewer words and without the little ones.
const FEWEST = 4
// Nats a letter: names are not made to be read.
const LIKELY = 0.4

/** Words without spaces: `ignoreallpreviousinstructions`, `IgnoreAllPreviousInstructions`. */
export const joined: Decoder = {
  name: 'joined',
  wakes: SEEN.long,
  read({ text, sketch, work }, put) {
    for (let s = 0; s < sketch.long.length; s += 2) {
      const start = sketch.long[s] as number
      const end = sketch.long[s + 1] as number
      if (!spend(work, end - start)) return
      const run = text.slice(start, end)
      const humps = [...run.matchAll(HUMP)]
      if (humps.length >= FEWEST) {
        const known = humps.reduce((sum, [hump]) => sum + (isWord(hump.toLowerCase()) ? hump.length : 0), 0)
        if (known * 5 < run.length * 4 || !humps.some(([hump]) => isLittle(hump.toLowerCase()))) continue
        const made = new Tracked()
        for (const [n, hump] of humps.entries()) {
          const at = start + hump.index
          if (n > 0) made.put(' ', at, at + 1)
          for (let i = 0; i < hump[0].length; i++) made.put(hump[0].charAt(i), at + i, at + i + 1)
        }
        put(made.piece(start, end))
      } else if (humps.length === 1 && run.length >= 18) {
        const piece = wordsOf([...run].map((char, i) => ({ char, start: start + i, end: start + i + 1 })), start, end, work, run.length < 30 ? 0.95 : 0.85, LIKELY)
        const words = piece?.text.toLowerCase().split(' ') ?? []
        if (piece !== undefined && words.length >= 4 && words.some(isLittle)) put(piece)
      }
    }
  },
}
