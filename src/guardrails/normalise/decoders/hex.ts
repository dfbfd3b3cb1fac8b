import { textOf } from '../bytes.ts'
import { isLanguage } from '../language/language.ts'
import { spend } from '../piece.ts'
import type { Decoder } from '../piece.ts'
import { byteLists } from '../number_lists.ts'
import { SEEN } from '../units.ts'

const OTHER = /[^0-9a-fA-F]/
const FEWEST = 8
const PAIR = /^(?:0[xX]|\\[xX]|[xX#$])?([0-9a-fA-F]{2})[hH]?$/

/** Two digits a byte: in one run, after `0x`, or in pairs that stand apart. */
export const hex: Decoder = {
  name: 'hex',
  wakes: SEEN.runs | SEEN.numbers,
  read(source, put) {
    const { text, sketch, work } = source
    for (let r = 0; r < sketch.runs.length; r += 2) {
      const start = sketch.runs[r] as number
      const end = sketch.runs[r + 1] as number
      if (!spend(work, 4 + Math.min(64, end - start))) return
      if (!/^[0-9a-fA-FxX]{8}/.test(text.slice(start, start + 8))) continue
      if (!spend(work, end - start)) return
      const run = text.slice(start, end)
      const digits = /^0x/i.test(run) ? run.slice(2) : run
      if (digits.length < FEWEST || digits.length % 2 === 1 || OTHER.test(digits)) continue
      const found = textOf(Buffer.from(digits, 'hex'), work, 12)
      // Long numbers in decimal are hex too, and printable.
      if (found === undefined || (!/[a-f]/i.test(digits) && !isLanguage(found, 10))) continue
      const from = end - digits.length
      const plain = found.length * 2 === digits.length
      put({ start, end, text: found, ...(plain && { map: (low: number, high: number) => ({ start: from + low * 2, end: from + high * 2 }) }) })
    }
    byteLists(source, PAIR, 16, put)
  },
}
