import { spend, Tracked } from '../piece.ts'
import type { Decoder } from '../piece.ts'
import { SEEN } from '../units.ts'

const OVERRIDE = '\u202e'
const ENDS = /[\u202c\u2069\n\u2029]/
const CONTROL = /[\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]/
const MOST = 4096

/** What a right-to-left override shows: the letters in the order in which a reader sees them (UAX 9). */
export const bidi: Decoder = {
  name: 'bidi',
  wakes: SEEN.foreign,
  raw: true,
  read({ text, work }, put) {
    for (let at = text.indexOf(OVERRIDE); at >= 0; at = text.indexOf(OVERRIDE, at + 1)) {
      const part = text.slice(at + 1, at + 1 + MOST)
      const stop = part.search(ENDS)
      const end = at + 1 + (stop < 0 ? part.length : stop)
      if (!spend(work, 16 + (end - at) * 2)) return
      const made = new Tracked()
      for (let i = end; i > at + 1; ) {
        const unit = text.charCodeAt(i - 1)
        const low = unit >= 0xdc00 && unit <= 0xdfff && i - 2 > at ? i - 2 : i - 1
        const char = text.slice(low, i)
        if (!CONTROL.test(char)) made.put(char, low, i)
        i = low
      }
      if (made.text !== '') put(made.piece(at, end))
      at = Math.max(at, end - 1)
    }
  },
}
