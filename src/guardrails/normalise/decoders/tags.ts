import { spend, Tracked } from '../piece.ts'
import type { Decoder } from '../piece.ts'
import { SEEN } from '../units.ts'

const RUN = /(?:\udb40[\udc20-\udc7f]){1,4096}/g

/** ASCII in tag characters (U+E0020 to U+E007E), which nobody sees. The tags of a flag are a flag. */
export const tags: Decoder = {
  name: 'tags',
  wakes: SEEN.foreign,
  raw: true,
  read({ text, work }, put) {
    if (!text.includes('\udb40') || !spend(work, text.length)) return
    RUN.lastIndex = 0
    for (let run = RUN.exec(text); run !== null; run = RUN.exec(text)) {
      const start = run.index
      if (text.codePointAt(start - 2) === 0x1f3f4) continue
      const made = new Tracked()
      // Hidden text is no part of the word that it hides in.
      made.put('\n', start, start + 2)
      for (let i = 0; i < run[0].length; i += 2) {
        const unit = run[0].charCodeAt(i + 1) - 0xdc00
        if (unit < 127) made.put(String.fromCharCode(unit), start + i, start + i + 2)
      }
      made.put('\n', start + run[0].length - 2, start + run[0].length)
      if (made.text.length > 3) put(made.piece(start, start + run[0].length))
    }
  },
}
