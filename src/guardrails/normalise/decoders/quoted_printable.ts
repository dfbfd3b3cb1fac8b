import { spend, Tracked } from '../piece.ts'
import type { Decoder, Piece } from '../piece.ts'
import { SEEN } from '../units.ts'

const CODED = /(?:=[0-9A-F]{2}){1,4096}|=\r?\n/gi
const FEWEST = 3

/** RFC 2045 section 6.7. A single `=20` may be anything; several are this. */
export const quotedPrintable: Decoder = {
  name: 'quoted_printable',
  wakes: SEEN.equals,
  read({ text, work }, put) {
    if (!text.includes('=') || !spend(work, text.length)) return
    const pieces: Piece[] = []
    let count = 0
    CODED.lastIndex = 0
    for (let found = CODED.exec(text); found !== null; found = CODED.exec(text)) {
      const at = found.index
      const coded = found[0]
      const end = at + coded.length
      const made = new Tracked()
      if (coded.charCodeAt(1) > 32) {
        count += coded.length / 3
        let offset = at
        for (const char of Buffer.from(coded.replaceAll('=', ''), 'hex').toString()) {
          const size = char === '\ufffd' ? 3 : Buffer.byteLength(char) * 3
          made.put(char, Math.min(offset, end - 1), Math.min(offset + size, end))
          offset += size
        }
      } else if (text.charCodeAt(at - 1) === 61) continue
      else count++
      pieces.push(made.piece(at, end))
    }
    if (count >= FEWEST) for (const piece of pieces) put(piece)
  },
}
