/** A stretch of a text, in UTF-16 units. */
export interface Stretch {
  readonly start: number
  readonly end: number
}

/** Units of a window: about 120 tokens of prose. */
export const WINDOW = 480
const STRIDE = 340
// How far a border may move to stand between two words.
const SLACK = 40

/**
 * Overlapping windows over a text, borders between words where there are any. Anything of at most 100 units stands
 * whole in at least one of them.
 */
export function windowsOf(text: string): readonly Stretch[] {
  if (text.length <= WINDOW) return [{ start: 0, end: text.length }]
  const made: Stretch[] = []
  for (let from = 0; ; from += STRIDE) {
    const start = from === 0 ? 0 : border(text, from)
    const end = Math.min(text.length, from + WINDOW)
    made.push({ start, end: end === text.length ? end : border(text, end) })
    if (end === text.length) return made
  }
}

function border(text: string, at: number): number {
  for (let i = at; i > at - SLACK; i--) {
    const code = text.charCodeAt(i - 1)
    if (code === 32 || code === 10) return i
  }
  const code = text.charCodeAt(at)
  return code >= 0xdc00 && code <= 0xdfff ? at - 1 : at
}
