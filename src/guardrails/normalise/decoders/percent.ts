import { spend, Tracked } from '../piece.ts'
import type { Decoder } from '../piece.ts'
import { SEEN } from '../units.ts'

const ESCAPED = /(?:%[0-9a-fA-F]{2}){1,4096}|%u[0-9a-fA-F]{4}/y

/** RFC 3986 percent-encoding, and the `%u0041` of old browsers. A `+` beside it is a space, as in forms. */
export const percent: Decoder = {
  name: 'percent',
  wakes: SEEN.percent,
  read({ text, work }, put) {
    for (let at = text.indexOf('%'); at >= 0; ) {
      if (!spend(work, 8)) return
      ESCAPED.lastIndex = at
      const found = ESCAPED.exec(text)?.[0]
      if (found === undefined) {
        at = text.indexOf('%', at + 1)
        continue
      }
      if (!spend(work, found.length)) return
      const end = at + found.length
      const made = new Tracked()
      if (found[1] === 'u') made.put(String.fromCharCode(Number.parseInt(found.slice(2), 16)), at, end)
      else {
        let offset = at
        for (const char of Buffer.from(found.replaceAll('%', ''), 'hex').toString()) {
          const size = char === '\ufffd' ? 3 : Buffer.byteLength(char) * 3
          made.put(char, Math.min(offset, end - 1), Math.min(offset + size, end))
          offset += size
        }
      }
      put(made.piece(at, end))
      // What is joined by plus signs in the same chunk.
      let stop = end
      for (; stop < text.length && text.charCodeAt(stop) > 32 && stop - end < 400; stop++) {
        const unit = text.charCodeAt(stop)
        if (unit === 37) break
        if (unit === 43) put({ start: stop, end: stop + 1, text: ' ' })
      }
      at = text.indexOf('%', end)
    }
  },
}
