import { exchangedPiece } from '../letters.ts'
import { oddities } from '../odd.ts'
import type { Decoder } from '../piece.ts'
import { SEEN } from '../units.ts'

const MAP = Uint8Array.from({ length: 27 }, (_, i) => (i === 0 ? 0 : 27 - i))

/** The alphabet backwards: z for a. */
export const atbash: Decoder = {
  name: 'atbash',
  wakes: SEEN.odd,
  read(source, put) {
    for (const odd of oddities(source)) {
      const piece = exchangedPiece(source, odd, MAP)
      if (piece !== undefined) put(piece)
    }
  },
}
