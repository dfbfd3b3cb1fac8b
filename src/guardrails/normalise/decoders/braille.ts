import { isLanguage } from '../language/language.ts'
import { spend, Tracked } from '../piece.ts'
import type { Decoder } from '../piece.ts'
import { SEEN } from '../units.ts'

// Dots of the letters a to z, as in the code points: dot n is bit n-1.
const DOTS = [1, 3, 9, 25, 17, 11, 27, 19, 10, 26, 5, 7, 13, 29, 21, 15, 31, 23, 14, 30, 37, 39, 58, 45, 61, 53]
const SIGNS = new Map([[0, ' '], [2, ','], [6, ';'], [18, ':'], [50, '.'], [22, '!'], [38, '?'], [4, "'"], [36, '-'], ...DOTS.map((dots, i): [number, string] => [dots, String.fromCharCode(97 + i)])])
const RUN = /[\u2800-\u28ff][\u2800-\u28ff \n]{3,65536}/g

/** Uncontracted English braille in the code points U+2800 to U+28FF. */
export const braille: Decoder = {
  name: 'braille',
  wakes: SEEN.foreign,
  raw: true,
  read({ text, work }, put) {
    if (!spend(work, text.length >> 2)) return
    RUN.lastIndex = 0
    for (let run = RUN.exec(text); run !== null; run = RUN.exec(text)) {
      if (!spend(work, run[0].length)) return
      const made = new Tracked()
      for (let i = 0; i < run[0].length; i++) {
        const unit = run[0].charCodeAt(i)
        const at = run.index + i
        made.put(unit < 0x2800 ? run[0].charAt(i) : (SIGNS.get(unit & 63) ?? ''), at, at + 1)
      }
      if (isLanguage(made.text, 4)) put(made.piece(run.index, run.index + run[0].length))
    }
  },
}
