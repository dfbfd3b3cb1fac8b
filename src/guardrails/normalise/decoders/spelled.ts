import { clipped, spend } from '../piece.ts'
import type { Decoder } from '../piece.ts'
import { SPELLING } from '../spelling.ts'
import { wordsOf } from '../words_apart.ts'
import type { Placed } from '../words_apart.ts'
import { SEEN } from '../units.ts'

/** The spelling alphabet of radio (ICAO Annex 10): `india golf november oscar romeo echo`. */
export const spelled: Decoder = {
  name: 'spelled',
  wakes: SEEN.spelled,
  read({ text, sketch, work }, put) {
    for (let s = 0; s < sketch.spelled.length; s += 2) {
      const start = sketch.spelled[s] as number
      const end = clipped(work, start, sketch.spelled[s + 1] as number)
      if (!spend(work, (end - start) * 2)) return
      const letters: Placed[] = []
      for (const found of text.slice(start, end).matchAll(/[A-Za-z]+(?:-[A-Za-z]+)?/g)) {
        if (SPELLING.has(found[0].toLowerCase())) letters.push({ char: found[0].charAt(0).toLowerCase(), start: start + found.index, end: start + found.index + found[0].length })
      }
      const piece = letters.length < 5 ? undefined : wordsOf(letters, start, end, work)
      if (piece !== undefined) put(piece)
    }
  },
}
