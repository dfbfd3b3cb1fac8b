import { isLanguage } from '../language/language.ts'
import { clipped, spend, Tracked } from '../piece.ts'
import type { Decoder } from '../piece.ts'
import { wordsOf } from '../words_apart.ts'
import type { Placed } from '../words_apart.ts'
import { SEEN } from '../units.ts'

const CODES = new Map(
  '.- a -... b -.-. c -.. d . e ..-. f --. g .... h .. i .--- j -.- k .-.. l -- m -. n --- o .--. p --.- q .-. r ... s - t ..- u ...- v .-- w -..- x -.-- y --.. z ----- 0 .---- 1 ..--- 2 ...-- 3 ....- 4 ..... 5 -.... 6 --... 7 ---.. 8 ----. 9 .-.-.- . --..-- , ..--.. ? -.-.-- ! .----. \' -..-. / ---... : -....- - .-..-. "'
    .split(' ')
    .reduce<[string, string][]>((pairs, part, i, all) => (i % 2 === 0 ? [...pairs, [part, all[i + 1] as string]] : pairs), []),
)
const TOKEN = /[.\-_·‐-―•−⋅・∙●˙]+|[^.\-_·‐-―•−⋅・∙●˙]+/g
const FEWEST = 5

/** International Morse code (ITU-R M.1677-1); words are parted by a slash, a bar, a line or a wide space. */
export const morse: Decoder = {
  name: 'morse',
  wakes: SEEN.dots,
  read({ text, sketch, work }, put) {
    for (let s = 0; s < sketch.dots.length; s += 2) {
      const start = sketch.dots[s] as number
      const end = clipped(work, start, sketch.dots[s + 1] as number)
      if (!spend(work, (end - start) * 2)) return
      const made = new Tracked()
      const chars: Placed[] = []
      let wrong = 0
      for (const found of text.slice(start, end).matchAll(TOKEN)) {
        const at = start + found.index
        const [part] = found
        const behind = at + part.length
        if (/[\s/|]/.test(part)) {
          if (part !== ' ') made.put(' ', at, behind)
          continue
        }
        const char = CODES.get(part.replace(/[·•⋅・∙●˙]/g, '.').replace(/[_‐-―−]/g, '-'))
        if (char === undefined) {
          wrong++
          continue
        }
        made.put(char, at, behind)
        chars.push({ char, start: at, end: behind })
      }
      if (chars.length < FEWEST || wrong * 8 > chars.length) continue
      if (isLanguage(made.text, 4)) put(made.piece(start, end))
      else if (!made.text.includes(' ')) {
        const piece = wordsOf(chars, start, end, work)
        if (piece !== undefined) put(piece)
      }
    }
  },
}
