import { likeness } from '../language/language.ts'
import { spend, Tracked } from '../piece.ts'
import type { Decoder } from '../piece.ts'
import { SEEN } from '../units.ts'

// Turned letters; those that are letters themselves (n, u, p, d, b, q) count only beside the others.
const TURNED: ReadonlyMap<string, string> = new Map(Object.entries({
  'ɐ': 'a', 'ɔ': 'c', 'ǝ': 'e', 'ɟ': 'f', 'ƃ': 'g', 'ᵷ': 'g', 'ɓ': 'g', 'ɥ': 'h', 'ᴉ': 'i', 'ı': 'i', '!': 'i', 'ɾ': 'j', 'ſ': 'j', 'ʞ': 'k', 'ʃ': 'l', 'ꞁ': 'l', 'ן': 'l', 'ɯ': 'm',
  'ɹ': 'r', 'ʇ': 't', 'ʌ': 'v', 'ʍ': 'w', 'ʎ': 'y', '∀': 'A', 'ᗺ': 'B', 'Ɔ': 'C', 'ᗡ': 'D', 'Ǝ': 'E', 'Ⅎ': 'F', '⅁': 'G', '⋊': 'K', '˥': 'L', 'Ԁ': 'P', 'Ό': 'Q', 'ᴚ': 'R',
  '⊥': 'T', '┴': 'T', '∩': 'U', 'Λ': 'V', 'Ʌ': 'V', '⅄': 'Y', n: 'u', u: 'n', p: 'd', d: 'p', b: 'q', q: 'b', M: 'W', W: 'M', '˙': '.', "'": ',', ',': "'", '¿': '?', '¡': '!', '؛': ';',
}))
const MARKS = /[ɐɔǝɟƃᵷɥᴉɾʞꞁɯɹʇʌʍʎƎƆᗡℲ⅁Ɐ⅄∀ᗺ]/g
const FEWEST = 3

/** Letters turned upside down, with the line turned round or not: `ǝɹouƃı`. */
export const flipped: Decoder = {
  name: 'flipped',
  wakes: SEEN.foreign,
  raw: true,
  read({ text, work }, put) {
    if (!spend(work, text.length >> 2)) return
    MARKS.lastIndex = 0
    if (MARKS.exec(text) === null) return
    for (const line of text.matchAll(/[^\n]{1,4096}/g)) {
      if ((line[0].match(MARKS)?.length ?? 0) < FEWEST) continue
      if (!spend(work, line[0].length * 4)) return
      const start = line.index
      const ahead = new Tracked()
      const back = new Tracked()
      const chars = [...line[0]]
      let at = start
      const places = chars.map((char) => [char, at, (at += char.length)] as const)
      for (const [char, from, to] of places) ahead.put(TURNED.get(char) ?? char, from, to)
      for (const [char, from, to] of places.reverse()) back.put(TURNED.get(char) ?? char, from, to)
      const [straight, turned] = [likeness(ahead.text).known, likeness(back.text).known]
      if (Math.max(straight, turned) < 0.3) continue
      put((turned >= straight ? back : ahead).piece(start, start + line[0].length))
    }
  },
}
