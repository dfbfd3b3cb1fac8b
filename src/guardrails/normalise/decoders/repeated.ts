import { isWord } from '../language/language.ts'
import { oddities } from '../odd.ts'
import { clipped, spend, Tracked } from '../piece.ts'
import type { Decoder } from '../piece.ts'
import { SEEN } from '../units.ts'

/** Every letter written twice, or three times: `iiggnnoorree`. */
export const repeated: Decoder = {
  name: 'repeated',
  wakes: SEEN.odd,
  read(source, put) {
    const { text, work } = source
    for (const odd of oddities(source)) {
      const { start, pairs, letters } = odd
      let same = 0
      for (let i = 0; i < pairs.length; i += 3) if (pairs[i] === pairs[i + 1]) same += pairs[i + 2] as number
      if (same * 5 < letters * 2) continue
      const end = clipped(work, start, odd.end)
      if (!spend(work, end - start)) return
      const times = same * 5 > letters * 3 ? 3 : 2
      const made = new Tracked()
      let words = 0
      let hits = 0
      for (const [run, at] of [...text.slice(start, end).matchAll(/([a-z])\1{0,64}|[^a-z]{1,256}/gi)].map((found) => [found[0], start + found.index] as const)) {
        const keep = /^[a-z]/i.test(run) ? Math.max(1, Math.round(run.length / times)) : run.length
        for (let i = 0; i < keep; i++) made.put(run.charAt(i), at + Math.floor((i * run.length) / keep), at + Math.floor(((i + 1) * run.length) / keep))
      }
      for (const word of made.text.toLowerCase().match(/[a-z]+/g) ?? []) {
        words++
        if (isWord(word)) hits++
      }
      if (hits * 5 >= words * 2 && hits > 0) put(made.piece(start, end))
    }
  },
}
