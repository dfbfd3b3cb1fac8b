import { BETTER, exchanged, LIKELY, widened, wordShare } from './odd.ts'
import type { Oddity } from './odd.ts'
import { clipped, spend } from './piece.ts'
import type { Piece, Source } from './piece.ts'

/** An exchange of letters: `map` by place in the alphabet, 1–26. */
export function exchange(map: Uint8Array): (text: string) => string {
  return (text) => {
    let out = ''
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i)
      const base = unit >= 97 && unit <= 122 ? 96 : unit >= 65 && unit <= 90 ? 64 : 0
      out += base === 0 ? text.charAt(i) : String.fromCharCode(base + (map[unit - base] as number))
    }
    return out
  }
}

/** The piece that an exchange makes of an odd stretch; undefined where it does not turn it into language. */
export function exchangedPiece(source: Source, odd: Oddity, map: Uint8Array): Piece | undefined {
  const score = exchanged(odd, map)
  if (score < LIKELY || score < odd.score + BETTER) return undefined
  const { text, work } = source
  const stop = clipped(work, odd.start, odd.end)
  if (!spend(work, stop - odd.start)) return undefined
  const change = exchange(map)
  if (wordShare(text.slice(odd.start, Math.min(odd.end, odd.start + 600)), change) < 0.4) return undefined
  const { start, end } = widened(text, odd.start, stop, change)
  return { start, end, text: change(text.slice(start, end)), map: (low, high) => ({ start: start + low, end: start + high }) }
}
