import { textOf } from '../bytes.ts'
import { spend } from '../piece.ts'
import type { Decoder } from '../piece.ts'
import { SEEN } from '../units.ts'

const RUN = /(?:[\ufe00-\ufe0f]|\udb40[\udd00-\uddef]){4,65536}/g

/** Bytes hidden in the 256 variation selectors. */
export const variation: Decoder = {
  name: 'variation_selectors',
  wakes: SEEN.foreign,
  raw: true,
  read({ text, work }, put) {
    if (!spend(work, text.length >> 2)) return
    RUN.lastIndex = 0
    for (let run = RUN.exec(text); run !== null; run = RUN.exec(text)) {
      if (!spend(work, run[0].length * 2)) return
      const bytes: number[] = []
      for (const char of run[0]) {
        const point = char.codePointAt(0) as number
        bytes.push(point >= 0xe0100 ? point - 0xe0100 + 16 : point - 0xfe00)
      }
      const found = textOf(Buffer.from(bytes), work, 4)
      if (found !== undefined) put({ start: run.index, end: run.index + run[0].length, text: `\n${found}\n` })
    }
  },
}
