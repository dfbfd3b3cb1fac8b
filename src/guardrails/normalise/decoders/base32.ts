import { textOf } from '../bytes.ts'
import { spend } from '../piece.ts'
import type { Decoder } from '../piece.ts'
import { SEEN } from '../units.ts'

const UPPER = /[^A-Z2-7]/
const LOWER = /[^a-z2-7]/
const FEWEST = 16

function bytesOf(text: string): Buffer {
  const out = Buffer.alloc(Math.floor((text.length * 5) / 8))
  let bits = 0
  let held = 0
  let at = 0
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    held = ((held << 5) | (unit < 64 ? unit - 24 : (unit & 31) - 1)) & 0xfff
    bits += 5
    if (bits >= 8) {
      bits -= 8
      out[at++] = held >> bits
    }
  }
  return out
}

/** RFC 4648 section 6, either case, with or without padding. */
export const base32: Decoder = {
  name: 'base32',
  wakes: SEEN.runs,
  read({ text, sketch, work }, put) {
    for (let r = 0; r < sketch.runs.length; r += 2) {
      const start = sketch.runs[r] as number
      let end = sketch.runs[r + 1] as number
      if (end - start < FEWEST) continue
      if (!spend(work, end - start)) return
      const run = text.slice(start, end)
      if (UPPER.test(run) && LOWER.test(run)) continue
      const found = textOf(bytesOf(run), work)
      if (found === undefined) continue
      while (text.charCodeAt(end) === 61) end++
      put({ start, end, text: found })
    }
  },
}
