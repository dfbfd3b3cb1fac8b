import { spend } from '../piece.ts'
import type { Decoder, Piece } from '../piece.ts'
import { SEEN } from '../units.ts'

const ESCAPE = /\\u\{([0-9a-fA-F]{1,6})\}|\\[uU]0{0,4}([0-9a-fA-F]{4})|\\x\{?([0-9a-fA-F]{2})\}?|\\([0-3]?[0-7]{2})(?![0-9])|[uU]\+0{0,2}([0-9a-fA-F]{4,5})(?![0-9a-fA-F])/g
// Single ones occur in honest text ("U+200B is a space"); a word takes more.
const FEWEST = 3

/** The escapes of programming languages (`\u0041`, `\u{41}`, `\x41`, `\101`) and `U+0041`. */
export const escapes: Decoder = {
  name: 'escapes',
  wakes: SEEN.backslash | SEEN.plus,
  read({ text, work }, put) {
    if (!text.includes('\\') && !text.includes('U+') && !text.includes('u+')) return
    if (!spend(work, text.length)) return
    let group: Piece[] = []
    const close = (): void => {
      if (group.length >= FEWEST) for (const piece of group) put(piece)
      group = []
    }
    ESCAPE.lastIndex = 0
    for (let found = ESCAPE.exec(text); found !== null; found = ESCAPE.exec(text)) {
      const octal = found[4]
      const digits = found[1] ?? found[2] ?? found[3] ?? found[5]
      const point = octal !== undefined ? Number.parseInt(octal, 8) : Number.parseInt(digits ?? '', 16)
      if (point > 0x10ffff || (point < 32 && point !== 9 && point !== 10 && point !== 13)) continue
      const start = found.index
      const end = start + found[0].length
      const last = group.at(-1)
      if (last !== undefined && start - last.end > 80) close()
      // Named code points are written apart: the space between them is not part of the word.
      const apart = found[5] !== undefined && last !== undefined && last.end === start - 1 && text.charCodeAt(start - 1) === 32 && /^u\+/i.test(text.slice(last.start, last.start + 3).trim())
      group.push({ start: apart ? start - 1 : start, end, text: String.fromCodePoint(point) })
    }
    close()
  },
}
