import type { Sketch } from './sketch.ts'

export interface Stretch {
  readonly start: number
  readonly end: number
}

/** What a decoder makes of one stretch of its source. */
export interface Piece extends Stretch {
  readonly text: string
  /** Where a part of `text` stands in the source; absent where only the whole can be said. Always inside the stretch. */
  map?(start: number, end: number): Stretch
}

/** What may still be spent. A count of units read and not a clock, so that equal texts give equal readings. */
export interface Work {
  left: number
  over: boolean
  /** Units that decompression may still give. */
  inflate: number
  /** Decompressed size against compressed size. */
  readonly ratio: number
}

/** Takes so much work off; false when that was more than is left, and then nothing more may be read. */
export function spend(work: Work, units: number): boolean {
  if (work.left < units) {
    work.left = 0
    work.over = true
    return false
  }
  work.left -= units
  return true
}

const LONGEST = 1 << 16

/** Where reading a stretch ends: its end, or sooner in one longer than any sentence, and then the rest stays unread. */
export function clipped(work: Work, start: number, end: number): number {
  if (end - start <= LONGEST) return end
  work.over = true
  return start + LONGEST
}

/** One text to decode, with what the first pass saw. */
export interface Source {
  readonly text: string
  readonly sketch: Sketch
  readonly work: Work
}

/**
 * One way to disguise text. Decoders give only what reads like text (or is printable and too long to be chance), so
 * that data which merely looks encoded yields nothing.
 */
export interface Decoder {
  readonly name: string
  /** What the first pass must have seen for this one to be asked: bits of `SEEN`, any of them. */
  readonly wakes: number
  /** Set where the disguise is made of characters that a view folds away: sees the text as it came. */
  readonly raw?: true
  read(source: Source, put: (piece: Piece) => void): void
}

/** Builds the text of a piece together with the place that each unit came from. */
export class Tracked {
  text = ''
  readonly #starts: number[] = []
  readonly #ends: number[] = []

  put(text: string, start: number, end: number): void {
    this.text += text
    for (let i = 0; i < text.length; i++) {
      this.#starts.push(start)
      this.#ends.push(end)
    }
  }

  /** Starts and ends may run backwards, as in reversed text: the widest stretch counts. */
  piece(start: number, end: number): Piece {
    const starts = this.#starts
    const ends = this.#ends
    return {
      start,
      end,
      text: this.text,
      map(from, to) {
        let low = end
        let high = start
        for (let i = from; i < to; i++) {
          low = Math.min(low, starts[i] ?? end)
          high = Math.max(high, ends[i] ?? start)
        }
        return low < high ? { start: low, end: high } : { start, end }
      },
    }
  }
}
