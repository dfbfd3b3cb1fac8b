import { textOf } from '../bytes.ts'
import { spend } from '../piece.ts'
import type { Decoder } from '../piece.ts'
import { SEEN } from '../units.ts'

const RUN = /[\u200b-\u200f\u2060-\u2064\ufeff\u180e\u00ad]{16,65536}/g

/** Bits hidden in two kinds of zero-width characters, seven or eight to a byte; a third kind parts the bytes. */
export const zeroWidth: Decoder = {
  name: 'zero_width',
  wakes: SEEN.foreign,
  raw: true,
  read({ text, work }, put) {
    if (!spend(work, text.length >> 2)) return
    RUN.lastIndex = 0
    for (let run = RUN.exec(text); run !== null; run = RUN.exec(text)) {
      const units = run[0]
      if (!spend(work, units.length * 4)) return
      const counts = new Map<string, number>()
      for (const unit of units) counts.set(unit, (counts.get(unit) ?? 0) + 1)
      const [one, other] = [...counts].sort((a, b) => b[1] - a[1]).map(([unit]) => unit)
      if (one === undefined || other === undefined) continue
      const bits = [...units].filter((unit) => unit === one || unit === other)
      const found = tried(bits, one, work) ?? tried(bits, other, work)
      if (found !== undefined) put({ start: run.index, end: run.index + run[0].length, text: `\n${found}\n` })
    }
  },
}

function tried(bits: readonly string[], one: string, work: Parameters<typeof textOf>[1]): string | undefined {
  for (const size of [8, 7]) {
    const bytes = Buffer.alloc(Math.floor(bits.length / size))
    for (let i = 0; i < bytes.length * size; i++) {
      const at = Math.floor(i / size)
      bytes[at] = ((bytes[at] as number) << 1) | (bits[i] === one ? 1 : 0)
    }
    const found = textOf(bytes, work, 6)
    if (found !== undefined) return found
  }
  return undefined
}
