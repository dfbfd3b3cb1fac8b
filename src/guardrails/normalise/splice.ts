import type { Piece, Stretch } from './piece.ts'

/** A piece and the decoder it came from. */
export interface Named {
  readonly name: string
  readonly piece: Piece
}

/** A window of a source in which pieces stand decoded. Offsets that it gives are the source's. */
export interface Window extends Stretch {
  readonly text: string
  readonly names: readonly string[]
  span(start: number, end: number): Stretch
  /** True where a part of `text` holds anything that was decoded. */
  decoded(start: number, end: number): boolean
}

// What stands around a piece belongs to its meaning: half of an order may be written openly. Rules look back about
// this far before they believe a phrase.
const CONTEXT = 160
// A piece of this size speaks for itself.
const WHOLE = 1200
// So that what a bound leaves unread is the end of a long text and not all of it.
const LONGEST = 32_768

function contextOf({ piece }: Named): number {
  return piece.text.length >= WHOLE ? 0 : CONTEXT
}

function windowOf(source: string, group: readonly Named[], start: number, end: number): Window {
  const outs: number[] = []
  let text = ''
  let at = start
  for (const { piece } of group) {
    text += source.slice(at, piece.start)
    outs.push(text.length)
    text += piece.text
    at = piece.end
  }
  text += source.slice(at, end)
  // The last piece that begins at or before an offset of the window; -1 before the first.
  const pieceAt = (offset: number): number => {
    let low = 0
    let high = outs.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((outs[middle] as number) <= offset) low = middle + 1
      else high = middle
    }
    return low - 1
  }
  const place = (from: number, to: number): Stretch => {
    const n = pieceAt(from)
    if (n < 0) return { start: start + from, end: start + to }
    const { piece } = group[n] as Named
    const inside = from - (outs[n] as number)
    if (inside >= piece.text.length) {
      const offset = piece.end + inside - piece.text.length
      return { start: offset, end: offset + to - from }
    }
    return piece.map === undefined ? piece : piece.map(inside, Math.min(piece.text.length, inside + to - from))
  }
  return {
    start,
    end,
    text,
    names: [...new Set(group.map(({ name }) => name))],
    span(from, to) {
      if (to <= from) return { start, end }
      let low = end
      let high = start
      for (let i = from; i < to; ) {
        const n = pieceAt(i)
        const next = outs[n + 1] ?? text.length
        const inside = n < 0 ? -1 : i - (outs[n] as number)
        const stop = Math.min(to, n >= 0 && inside < (group[n] as Named).piece.text.length ? (outs[n] as number) + (group[n] as Named).piece.text.length : next)
        const found = place(i, Math.max(stop, i + 1))
        low = Math.min(low, found.start)
        high = Math.max(high, found.end)
        i = Math.max(stop, i + 1)
      }
      low = Math.max(start, Math.min(low, end))
      high = Math.max(low, Math.min(high, end))
      return low < high ? { start: low, end: high } : { start, end }
    },
    decoded(from, to) {
      for (let n = Math.max(0, pieceAt(from)); n < outs.length && (outs[n] as number) < to; n++) {
        if ((outs[n] as number) + (group[n] as Named).piece.text.length > from) return true
      }
      return false
    },
  }
}

// An offset that does not stand between the halves of a surrogate pair.
function whole(text: string, at: number): number {
  const unit = text.charCodeAt(at)
  return at > 0 && unit >= 0xdc00 && unit <= 0xdfff ? at - 1 : at
}

/**
 * Puts pieces back where they came from. Neighbours share a window; pieces that overlap are different readings of the
 * same stretch and stand in windows of their own.
 */
export function spliced(source: string, pieces: readonly Named[]): Window[] {
  const windows: Window[] = []
  let rest = [...pieces].sort((a, b) => a.piece.start - b.piece.start || b.piece.end - a.piece.end)
  while (rest.length > 0) {
    const later: Named[] = []
    let group: Named[] = []
    let start = 0
    let end = 0
    let last = 0
    const close = (): void => {
      if (group.length > 0) windows.push(windowOf(source, group, whole(source, start), whole(source, end)))
      group = []
    }
    for (const one of rest) {
      const { piece } = one
      if (group.length > 0 && piece.start < last) {
        later.push(one)
        continue
      }
      const context = contextOf(one)
      if (group.length > 0 && piece.start - context > end) close()
      else if (group.length > 0 && piece.end - start > LONGEST) {
        // A phrase over the cut is seen in the next window.
        const kept = group.filter(({ piece: { start: from } }) => from > piece.start - CONTEXT)
        close()
        group = kept
        if (group.length > 0) start = (group[0] as Named).piece.start
      }
      if (group.length === 0) start = Math.max(last, piece.start - context)
      group.push(one)
      last = piece.end
      end = Math.min(source.length, piece.end + context)
    }
    close()
    rest = later
  }
  return windows
}
