import { textOf } from './bytes.ts'
import { isLanguage } from './language/language.ts'
import { spend } from './piece.ts'
import type { Piece, Source } from './piece.ts'

const TOKEN = /[^\s,;:|\-._/[\](){}"'<>]+/g
const FEWEST = 4
// Longer lists are read in parts.
const MOST = 65_536

/**
 * Reads lists of numbers as the bytes of a text. `shape` captures the digits of one number; a token that does not fit,
 * or is no character, ends a list.
 */
export function byteLists(source: Source, shape: RegExp, radix: number, put: (piece: Piece) => void): void {
  const { text, sketch, work } = source
  for (let s = 0; s < sketch.numbers.length; s += 2) {
    const from = sketch.numbers[s] as number
    const to = sketch.numbers[s + 1] as number
    let bytes: number[] = []
    let starts: number[] = []
    let ends: number[] = []
    let wide = false
    const close = (): void => {
      const low = starts[0]
      const high = ends.at(-1)
      if (bytes.length >= FEWEST && low !== undefined && high !== undefined) {
        const found = wide ? String.fromCodePoint(...bytes.slice(0, 10_000)) : textOf(Buffer.from(bytes), work, 1e9)
        // Any column of figures is characters to somebody: only words count.
        if (found !== undefined && (isLanguage(found, bytes.length < 8 ? 4 : 6) || /[^\x00-\x7f]{4}/.test(found))) {
          const [starting, ending] = [starts, ends]
          const plain = !wide && found.length === bytes.length
          put({ start: low, end: high, text: found, ...(plain && { map: (a: number, b: number) => ({ start: starting[a] ?? low, end: ending[b - 1] ?? high }) }) })
        }
      }
      bytes = []
      starts = []
      ends = []
      wide = false
    }
    TOKEN.lastIndex = from
    for (let token = TOKEN.exec(text); token !== null && token.index < to; token = TOKEN.exec(text)) {
      if (!spend(work, token[0].length + 2)) return
      const digits = shape.exec(token[0])?.[1]
      const value = digits === undefined ? -1 : Number.parseInt(digits, radix)
      if (value < 9 || value > 0xffff || (value >= 0xd800 && value < 0xe000) || (value > 255 && radix !== 10)) {
        close()
        continue
      }
      wide ||= value > 255
      if (bytes.length >= MOST) close()
      bytes.push(value)
      starts.push(token.index)
      ends.push(token.index + token[0].length)
    }
    close()
  }
}
