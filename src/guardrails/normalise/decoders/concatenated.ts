import { isWord } from '../language/language.ts'
import { spend } from '../piece.ts'
import type { Decoder, Piece } from '../piece.ts'
import { SEEN } from '../units.ts'

const BEFORE = /([A-Za-z]*)["'`]\s{0,3}$/
const AFTER = /^(?:\+|\.\.|\|\|)?\s{0,3}["'`]([A-Za-z]*)/

/** Strings that a program would join: `"ig" + "nore"`. Only where a word is cut. */
export const concatenated: Decoder = {
  name: 'concatenated',
  wakes: SEEN.plus,
  read({ text, work }, put) {
    let group: Piece[] = []
    let cut = false
    const close = (): void => {
      if (cut) for (const piece of group) put(piece)
      group = []
      cut = false
    }
    for (let at = text.indexOf('+'); at >= 0; at = text.indexOf('+', at + 1)) {
      if (!spend(work, 16)) return
      const before = BEFORE.exec(text.slice(Math.max(0, at - 24), at))
      if (before === null) continue
      const after = AFTER.exec(text.slice(at, at + 24))
      if (after === null) continue
      const [left, right] = [before[1] ?? '', after[1] ?? '']
      const start = at - before[0].length + left.length
      const end = at + after[0].length - right.length
      const last = group.at(-1)
      if (last !== undefined && (start - last.end > 200 || start < last.end)) close()
      group.push({ start, end, text: '' })
      cut ||= left !== '' && right !== '' && (isWord((left + right).toLowerCase()) || !isWord(left.toLowerCase()))
    }
    close()
  },
}
