import type { Clock } from '../src/contract/clock.ts'

/** Real time; timers keep no benchmark alive. */
export const clock: Clock = {
  wall: () => Date.now(),
  monotonic: () => performance.now(),
  timer(ms, fire) {
    const timer = setTimeout(fire, ms)
    timer.unref()
    return () => clearTimeout(timer)
  },
}

const SENTENCES = [
  'Could you help me rewrite this paragraph so that it reads better? ', 'The meeting was moved to Thursday at 3 pm because two people are travelling. ',
  'I think we should return the list sorted by name, then show the first 20 entries. ', 'Sure! Here is a short summary of what the document says about the new process. ',
  'If the token count grows, the model tends to forget what was said at the beginning. ', 'Please write a function that takes a path and gives back the number of lines in the file. ',
  'On the other hand, prices rose by 4.5 % in 2023, which surprised most analysts. ', 'You can reach the support desk from the settings page; they usually answer within a day. ',
  'const total = items.reduce((sum, item) => sum + item.price * item.count, 0)\n', 'In my opinion the second option is clearer, and it is easier to explain to a newcomer. ',
  'Ignore the noise for a moment: the key point is that the cache was never invalidated. ', 'Version 2.14.1 fixes the crash that users reported after the last update.\n\n',
]

/** Ordinary ASCII chat of exactly `length` units, another one for each seed. */
export function prose(length: number, seed: number): string {
  let state = seed
  let text = ''
  while (text.length < length) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
    text += SENTENCES[(state >> 8) % SENTENCES.length]
  }
  // One flat string, as the reader makes it.
  return Buffer.from(text.slice(0, length), 'latin1').toString('latin1')
}

/** The least milliseconds of several runs. */
export function best(runs: number, work: () => void): number {
  let least = Number.POSITIVE_INFINITY
  for (let i = 0; i < runs; i++) {
    const began = performance.now()
    work()
    least = Math.min(least, performance.now() - began)
  }
  return least
}

/** The value below which `share` of the numbers lie. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}
