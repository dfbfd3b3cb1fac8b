import { exchangedPiece } from '../letters.ts'
import { exchanged, oddities } from '../odd.ts'
import type { Decoder } from '../piece.ts'
import { SEEN } from '../units.ts'

const SHIFTS = Array.from({ length: 25 }, (_, n) => Uint8Array.from({ length: 27 }, (_unused, i) => (i === 0 ? 0 : ((i + n) % 26) + 1))).filter((_, n) => n !== 12)

/** Every shift of the alphabet but ROT13. */
export const caesar: Decoder = {
  name: 'caesar',
  wakes: SEEN.odd,
  read(source, put) {
    for (const odd of oddities(source)) {
      let best: Uint8Array | undefined
      let most = odd.score
      for (const map of SHIFTS) {
        const score = exchanged(odd, map)
        if (score > most) {
          most = score
          best = map
        }
      }
      const piece = best && exchangedPiece(source, odd, best)
      if (piece !== undefined) put(piece)
    }
  },
}
