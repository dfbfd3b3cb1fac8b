import { rarity } from './language.ts'

const LONGEST = 16
// A letter that belongs to no word: dearer than any word of one letter, cheaper than tearing a long word apart.
const STRAY = 11

/** Words of a text whose spaces are gone: offsets where each begins, and the share of letters in known words. */
export interface Segmented {
  readonly starts: readonly number[]
  readonly known: number
}

/** Finds the likeliest words in lower-case letters without spaces. Looks up 16 words a letter. */
export function segmented(letters: string): Segmented {
  const { length } = letters
  const best = new Float64Array(length + 1)
  const from = new Int32Array(length + 1)
  for (let end = 1; end <= length; end++) {
    best[end] = (best[end - 1] as number) + STRAY
    from[end] = -(end - 1) - 1
    for (let start = Math.max(0, end - LONGEST); start < end; start++) {
      const price = rarity(letters.slice(start, end))
      if (price === undefined || (end - start === 1 && price > 8)) continue
      const cost = (best[start] as number) + price
      if (cost < (best[end] as number)) {
        best[end] = cost
        from[end] = start
      }
    }
  }
  const starts: number[] = []
  let known = 0
  let stray = -1
  for (let end = length; end > 0; ) {
    const back = from[end] as number
    if (back < 0) {
      // Letters of no word stay together.
      stray = end - 1
      end--
      if (end === 0 || (from[end] as number) >= 0) starts.push(stray)
      continue
    }
    starts.push(back)
    known += end - back
    end = back
  }
  return { starts: starts.reverse(), known: length === 0 ? 0 : known / length }
}
