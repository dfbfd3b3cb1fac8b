/** How durations are written in settings: a whole or decimal number and a unit, `500ms`, `10 s`, `1.5h`, `7d`. */
export const DURATION = /^(\d{1,9}(?:\.\d{1,3})?) ?(ms|s|m|h|d)$/
/** How amounts of memory are written in settings: `64 KB`, `10MB`, `1 GB`; units are powers of 1,024. */
export const BYTES = /^(\d{1,9}(?:\.\d{1,3})?) ?(B|KB|MB|GB)$/

const milliseconds: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
const sizes: Readonly<Record<string, number>> = { B: 1, KB: 1024, MB: 1024 ** 2, GB: 1024 ** 3 }

/** Milliseconds, rounded to whole ones. @throws {RangeError} for text that is no duration: schemas refuse it first. */
export function durationMs(text: string): number {
  return scaled(text, DURATION, milliseconds)
}

/** Bytes, rounded to whole ones. @throws {RangeError} for text that is no size: schemas refuse it first. */
export function sizeBytes(text: string): number {
  return scaled(text, BYTES, sizes)
}

function scaled(text: string, form: RegExp, units: Readonly<Record<string, number>>): number {
  const [, amount = '', unit = ''] = form.exec(text) ?? []
  const factor = units[unit]
  if (factor === undefined) throw new RangeError(`not an amount with a unit: ${text}`)
  return Math.round(Number(amount) * factor)
}
