import { textOf } from '../bytes.ts'
import { byteLists } from '../number_lists.ts'
import { spend } from '../piece.ts'
import type { Decoder } from '../piece.ts'
import { SEEN } from '../units.ts'

const ONES = /^(?:0b)?([01]{7,8})$/
const OTHER = /[^01]/

/** Seven or eight digits a byte, apart or in one run. */
export const binary: Decoder = {
  name: 'binary',
  wakes: SEEN.runs | SEEN.numbers,
  read(source, put) {
    const { text, sketch, work } = source
    for (let r = 0; r < sketch.runs.length; r += 2) {
      const start = sketch.runs[r] as number
      const end = sketch.runs[r + 1] as number
      if (end - start < 24 || (end - start) % 8 !== 0 || text.charCodeAt(start) > 49 || text.charCodeAt(start + 1) > 49) continue
      if (!spend(work, end - start)) return
      const run = text.slice(start, end)
      if (OTHER.test(run)) continue
      const bytes = Buffer.alloc(run.length / 8)
      for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(run.slice(i * 8, i * 8 + 8), 2)
      const found = textOf(bytes, work)
      if (found !== undefined) put({ start, end, text: found })
    }
    byteLists(source, ONES, 2, put)
  },
}
