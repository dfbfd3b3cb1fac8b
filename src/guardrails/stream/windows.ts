/** A stretch of a run of text that a slow layer looks at as one. */
export interface Window {
  readonly text: string
  /** Offset of the window in the run. */
  readonly start: number
  /** Where the next window begins: what stands before it is in no later one. */
  readonly next: number
  readonly last: boolean
}

// The first look comes after a sentence or two; later ones cover more, so that a long text costs few looks.
const FIRST = 192
const GROWTH = 1.25
// Until this look windows stay small enough for a bounded delay; behind it (about 50,000 units) they grow again.
const STEADY = 2048
const STEADY_LOOKS = 32
// A reply of the largest size that may wait needs fewer.
export const MOST_LOOKS = 64
// What two neighbours share, so that nothing is cut in two for both.
const LONGEST_OVERLAP = 400
const SHORTEST_OVERLAP = 64
const BLIND_OVERLAP = 240

const NONE: readonly Window[] = []

function strides(): readonly number[] {
  const made: number[] = []
  let stride = FIRST
  for (let i = 0; i < MOST_LOOKS; i++) {
    made.push(Math.round(stride))
    stride = i < STEADY_LOOKS ? Math.min(STEADY, stride * GROWTH) : stride * GROWTH
  }
  return made
}

const STRIDES = strides()

function isSpace(code: number): boolean {
  return code === 32 || (code >= 9 && code <= 13) || code === 0xa0 || code === 0x2028 || code === 0x2029
}

// . ! ? … and the marks of Arabic, Urdu and Devanagari end a sentence where a space follows.
function ends(code: number): boolean {
  return code === 46 || code === 33 || code === 63 || code === 0x2026 || code === 0x61f || code === 0x6d4 || code === 0x964
}

// These end one whatever follows: line feed, and the full-width marks of Chinese and Japanese.
function endsAlone(code: number): boolean {
  return code === 10 || code === 0x3002 || code === 0xff01 || code === 0xff1f
}

function isLow(code: number): boolean {
  return code >= 0xdc00 && code <= 0xdfff
}

/**
 * Cuts a run of text that arrives in pieces into overlapping windows of whole sentences. Where a window begins and
 * ends depends on the text alone, never on the pieces. Keeps only what the next window needs.
 */
export class Windows {
  #parts: string[] = []
  /** Offset of the first unit that is kept: the beginning of the next window. */
  #start = 0
  /** Where the last window ended. */
  #from = 0
  #length = 0
  #count = 0
  #before = -1
  /** Beginnings of sentences that the window after the next may begin with. */
  #begins: number[] = []

  /** True where more text came than may be looked at. */
  get spent(): boolean {
    return this.#count >= MOST_LOOKS && this.#length > this.#from
  }

  /** Takes the next piece and gives the windows that are complete with it. */
  push(piece: string, final: boolean): readonly Window[] {
    let made: Window[] | undefined
    let rest = piece
    while (rest !== '' && this.#count < MOST_LOOKS) {
      const end = this.#endIn(rest)
      if (end < 0) break
      const used = end - this.#length
      if (used > 0) {
        this.#parts.push(rest.slice(0, used))
        rest = rest.slice(used)
      }
      this.#length = end
      ;(made ??= []).push(this.#cut(end, false))
    }
    if (rest !== '') {
      this.#before = rest.charCodeAt(rest.length - 1)
      this.#length += rest.length
      if (this.#count < MOST_LOOKS) this.#parts.push(rest)
    }
    if (!final || this.#count >= MOST_LOOKS || this.#length === this.#from) return made ?? NONE
    const seen = this.#from
    const first = this.#count === 0
    const last = this.#cut(this.#length, true)
    // White space behind a window that has been looked at is nothing new.
    if (!first && last.text.slice(seen - last.start).trim() === '') return made ?? NONE
    return made === undefined ? [last] : [...made, last]
  }

  // Offset at which the open window ends, as far as `piece` tells; -1 where it does not.
  #endIn(piece: string): number {
    const stride = STRIDES[this.#count] as number
    const least = this.#from + stride
    const most = least + stride
    const base = this.#length
    let i = Math.max(0, least - LONGEST_OVERLAP - base)
    if (i >= piece.length) return -1
    let before = i === 0 ? this.#before : piece.charCodeAt(i - 1)
    for (; i < piece.length; i++) {
      const code = piece.charCodeAt(i)
      const at = base + i
      // A sentence begins here where the unit before ended one.
      if (endsAlone(before) || (ends(before) && isSpace(code))) {
        if (at >= least) return at
        this.#begins.push(at)
      }
      if (at > most || (at === most && !isLow(code))) return at
      before = code
    }
    return -1
  }

  #cut(end: number, last: boolean): Window {
    const text = this.#parts.length === 1 ? (this.#parts[0] as string) : this.#parts.join('')
    const start = this.#start
    let next = end
    if (!last) {
      next = this.#begins.find((at) => at >= end - LONGEST_OVERLAP && at <= end - SHORTEST_OVERLAP) ?? end - BLIND_OVERLAP
      next = Math.max(next, start)
      if (next > start && isLow(text.charCodeAt(next - start))) next--
    }
    this.#parts = last ? [] : [text.slice(next - start)]
    this.#start = next
    this.#from = end
    this.#count++
    this.#begins = []
    this.#before = text.charCodeAt(end - start - 1)
    return { text: text.slice(0, end - start), start, next, last }
  }
}
