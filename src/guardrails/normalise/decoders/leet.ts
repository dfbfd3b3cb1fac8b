import { isWord } from '../language/language.ts'
import { clipped, spend, Tracked } from '../piece.ts'
import type { Decoder, Stretch } from '../piece.ts'
import { SEEN } from '../units.ts'

const SIGNS: Readonly<Record<string, string>> = { 0: 'o', 2: 'z', 3: 'e', 4: 'a', 5: 's', 6: 'g', 7: 't', 8: 'b', 9: 'g', '@': 'a', $: 's', '+': 't', '(': 'c', '€': 'e', '£': 'l' }
const EITHER = /[1!|]/g
const ORDINAL = /^(?:\d*(?:1st|2nd|3rd|\dth)|\d+(?:s|x|k|m|d|h|p|kb|mb|gb|ms))$/i
const NEAR = 240
const LONGEST = 48

// Signs at the edges of a chunk are punctuation more often than letters.
function core(chunk: string): { from: number; to: number } {
  const from = /^[^A-Za-z0-9@$]*/.exec(chunk)?.[0].length ?? 0
  const to = chunk.length - (/[^A-Za-z0-9@$]*$/.exec(chunk)?.[0].length ?? 0)
  return { from, to: Math.max(from, to) }
}

function plain(chunk: string): string {
  return chunk.toLowerCase().replace(/[02-9@$+(€£]/g, (sign) => SIGNS[sign] ?? sign)
}

/** The word behind leet: 1 stands for i or l, whichever makes a word; i where neither does. */
function unleet(chunk: string): string {
  const base = plain(chunk)
  const places = [...base.matchAll(EITHER)].map((found) => found.index)
  const filled = (bits: number): string => {
    let n = 0
    return base.replace(EITHER, () => ((bits >> n++) & 1 ? 'l' : 'i'))
  }
  for (let bits = 0; bits < 1 << Math.min(places.length, 4); bits++) {
    const word = filled(bits)
    if (isWord(word)) return word
  }
  return filled(0)
}

function hasSign(word: string): boolean {
  return /[0-9@$+(!|€£]/.test(word)
}

/** Digits and signs for letters: `1gn0r3`. Read only near words that are known once it is off. */
export const leet: Decoder = {
  name: 'leet',
  wakes: SEEN.broken,
  read({ text, sketch, work }, put) {
    const hits: { at: Stretch; size: number }[] = []
    for (let s = 0; s < sketch.broken.length; s += 2) {
      const start = sketch.broken[s] as number
      const end = sketch.broken[s + 1] as number
      if (!spend(work, (end - start) * 2)) return
      const chunk = text.slice(start, end)
      const { from, to } = core(chunk)
      const word = chunk.slice(from, to)
      if (!hasSign(word) || ORDINAL.test(word) || /^[^A-Za-z]*$/.test(word)) continue
      const made = unleet(word)
      if (made.length > 2 && isWord(made)) hits.push({ at: { start: start + from, end: start + to }, size: made.length })
    }
    for (let h = 0; h < hits.length; ) {
      let last = h
      let weight = 0
      for (; last < hits.length && (last === h || (hits[last] as { at: Stretch }).at.start - (hits[last - 1] as { at: Stretch }).at.end < NEAR); last++) {
        const { size } = hits[last] as { size: number }
        weight += size >= 6 ? 2 : size >= 4 ? 1 : 0.5
      }
      const first = (hits[h] as { at: Stretch }).at.start
      const end = (hits[last - 1] as { at: Stretch }).at.end
      h = last
      if (weight < 2) continue
      const low = Math.max(0, first - 64)
      const high = clipped(work, low, Math.min(text.length, end + 64))
      if (!spend(work, (high - low) * 2)) return
      for (const found of text.slice(low, high).matchAll(/\S+/g)) {
        if (found[0].length > LONGEST) continue
        const { from, to } = core(found[0])
        const word = found[0].slice(from, to)
        if (!hasSign(word)) continue
        const made = unleet(word)
        if (ORDINAL.test(word) && !isWord(made)) continue
        if (/^[^A-Za-z]*$/.test(word) ? !isWord(made) : !/^[a-z][a-z'’.,;:_/-]*$/.test(made)) continue
        const start = low + found.index + from
        const tracked = new Tracked()
        for (let i = 0; i < made.length; i++) tracked.put(made.charAt(i), start + i, start + i + 1)
        put(tracked.piece(start, start + word.length))
      }
    }
  },
}
