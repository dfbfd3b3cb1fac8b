import type { Path } from '../../../contract/segment.ts'
import { at, type Tree } from '../../../formats/tree.ts'

/** A text among others that are read one after the other. `path` where one could be put in its place; a name has none. */
interface Piece {
  readonly text: string
  readonly path: Path | undefined
  readonly part: 'whole' | 'head' | 'tail'
  /** It is what a part of content says. */
  readonly spoken: boolean
}

/** Texts that are looked at as one, because whoever reads them one after the other does. */
export interface Run {
  readonly text: string
  /** Whether something stands across two of them in what the guards left (`put`), though each by itself may have been changed already. */
  crosses(old: Tree, now: Tree, put: string): boolean
}

/** How much of two neighbouring texts is looked at as one, in UTF-16 units. */
const SEAM = 320
const LONGEST = 8_192
/** How much around a place where two texts meet tells whether the guards changed anything there. */
const AROUND = 12
const LETTERS = /\p{L}/gu

/** Gathers the texts of one answer, in the order in which they stand. */
export class Runs {
  private readonly made: Run[] = []
  private pieces: Piece[] = []
  private length = 0

  add(text: string, path: Path | undefined, spoken: boolean): void {
    // Columns of numbers are no sentence, and many of them in a row look like an account's.
    if (!isWords(text)) return
    if (text.length <= 2 * SEAM) return this.push({ text, path, part: 'whole', spoken })
    this.push({ text: text.slice(0, SEAM), path, part: 'head', spoken })
    this.close()
    this.push({ text: text.slice(-SEAM), path, part: 'tail', spoken })
  }

  /** What follows is not read with what came before. */
  rest(): void {
    this.close()
  }

  all(): readonly Run[] {
    this.close()
    return this.made
  }

  private push(piece: Piece): void {
    const before = this.pieces.at(-1)
    this.pieces.push(piece)
    this.length += piece.text.length + 1
    // A word can be cut as well as a sentence. Two names or numbers of a table are no word.
    if (before !== undefined && ((before.spoken && piece.spoken) || isProse(before) || isProse(piece)) && /\w$/.test(before.text) && /^\w/.test(piece.text)) this.made.push(runOf([before, piece], ''))
    if (this.length < LONGEST) return
    this.close()
    this.pieces.push(piece)
    this.length = piece.text.length
  }

  private close(): void {
    if (this.pieces.length > 1) this.made.push(runOf(this.pieces, ' '))
    this.pieces = []
    this.length = 0
  }
}

function runOf(pieces: readonly Piece[], between: string): Run {
  return {
    text: pieces.map(({ text }) => text).join(between),
    crosses(old, now, put) {
      const left = pieces.map((piece) => textNow(piece, old, now))
      let from = 0
      for (let index = 1; index < left.length; index++) {
        const seam = `${(left[index - 1] as string).slice(-AROUND)}${between}${(left[index] as string).slice(0, AROUND)}`
        const at = put.indexOf(seam, from)
        if (at < 0) return true
        from = at + 1
      }
      return false
    },
  }
}

/** What stands there after each text by itself was changed. */
function textNow({ text, path, part }: Piece, old: Tree, now: Tree): string {
  const changed = path && at(now, path)
  if (typeof changed !== 'string' || changed === at(old, path as Path)) return text
  return part === 'tail' ? changed.slice(-SEAM) : part === 'head' ? changed.slice(0, SEAM) : changed
}

function isProse({ text }: Piece): boolean {
  return /\s/.test(text)
}

function isWords(text: string): boolean {
  const some = text.length > 2 * SEAM ? text.slice(0, SEAM) + text.slice(-SEAM) : text
  return (some.match(LETTERS)?.length ?? 0) * 2 > some.replace(/\s+/g, '').length
}
