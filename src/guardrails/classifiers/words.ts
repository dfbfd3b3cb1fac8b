import type { Tokenizer } from './tokenizer.ts'

/** A word of a text and its tokens; long words come in pieces. */
export interface Word {
  readonly start: number
  readonly end: number
  readonly ids: readonly number[]
}

// As in training: longer runs without a space are cut.
const LONGEST_WORD = 32
const REMEMBERED = 20_000
const UNSEEN = /[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff]|\udb40[\udc00-\udc7f\udd00-\uddef]/g

/** Makes a function that cuts texts into words with their tokens. Tokens of words seen before come from memory. */
export function wordsWith(tokenizer: Tokenizer): (text: string) => readonly Word[] {
  const known = new Map<string, readonly number[]>()
  const idsOf = (piece: string): readonly number[] => {
    const remembered = known.get(piece)
    if (remembered !== undefined) return remembered
    if (known.size >= REMEMBERED) known.clear()
    const { ids } = tokenizer.encode(piece, { add_special_tokens: false })
    known.set(piece, ids)
    return ids
  }
  return (text) => {
    const words: Word[] = []
    for (const match of text.matchAll(/\S+/g)) {
      const start = match.index
      const raw = match[0]
      // A space can come out of one character (NFKC), so what is one word here may be several there.
      const plain = raw.normalize('NFKC').replace(UNSEEN, '')
      if (plain === '') continue
      if (plain.length <= LONGEST_WORD) {
        words.push({ start, end: start + raw.length, ids: idsOf(plain) })
        continue
      }
      const points = Array.from(plain)
      const pieces = Math.ceil(points.length / LONGEST_WORD)
      for (let k = 0; k < pieces; k++) {
        const piece = points.slice(k * LONGEST_WORD, (k + 1) * LONGEST_WORD).join('')
        words.push({ start: start + Math.floor((raw.length * k) / pieces), end: start + Math.floor((raw.length * (k + 1)) / pieces), ids: idsOf(piece) })
      }
    }
    return words
  }
}

/** A run of words that fits one window of tokens: the first word, the one behind the last, and all tokens between. */
export interface Run {
  readonly first: number
  readonly last: number
  readonly ids: readonly number[]
}

/** Cuts words into runs of at most `room` tokens; each begins `overlap` tokens or so before the end of the one before. */
export function runsOf(words: readonly Word[], room: number, overlap: number): readonly Run[] {
  const runs: Run[] = []
  for (let first = 0; first < words.length; ) {
    const ids: number[] = []
    let last = first
    while (last < words.length) {
      const next = (words[last] as Word).ids
      if (ids.length + next.length > room && last > first) break
      for (const id of next) if (ids.length < room) ids.push(id)
      last++
    }
    runs.push({ first, last, ids })
    if (last === words.length) break
    let back = 0
    let from = last
    while (from > first + 1 && back + (words[from - 1] as Word).ids.length <= overlap) back += (words[--from] as Word).ids.length
    first = from
  }
  return runs
}
