import { decoders } from './decoders/list.ts'
import type { Piece, Stretch, Work } from './piece.ts'
import { sketch } from './sketch.ts'
import { SEEN } from './units.ts'
import { spliced } from './splice.ts'
import type { Named, Window } from './splice.ts'
import { viewOf } from './view.ts'
import type { View } from './view.ts'

/** What decoding may cost. Sizes are UTF-16 units. */
export interface Bounds {
  /** Encodings inside encodings. */
  readonly depth: number
  /** Decoded text in total, as a multiple of the text's own length, and at most `units`. */
  readonly times: number
  readonly units: number
  readonly readings: number
  /** Decompressed size against compressed size. */
  readonly ratio: number
  /** Units that decoders may read in total, as a multiple of the text's own length. */
  readonly work: number
}

export const BOUNDS: Bounds = { depth: 4, times: 4, units: 1_048_576, readings: 128, ratio: 120, work: 24 }
// A short text may be decoded in full whatever the multiples say.
const LEAST = 65_536

/** A text as it reads once decoded. */
export interface Reading extends Stretch {
  readonly text: string
  /** The decoders, outermost first; those that worked side by side in one stretch are joined by `+`. */
  readonly via: readonly string[]
  /** Where a part of the reading stands in the original; always inside it. */
  span(start: number, end: number): Stretch
  /** True where a part of the reading holds anything decoded, and not only what stands around it. */
  decoded(start: number, end: number): boolean
}

export interface Readings {
  readonly readings: readonly Reading[]
  /** True where a bound was met: the text may say more than what was read. */
  readonly exhausted: boolean
}

const NOTHING: Readings = { readings: [], exhausted: false }
const SHORTEST = 6

interface Level {
  readonly text: string
  readonly via: readonly string[]
  readonly up: ((start: number, end: number) => Stretch) | undefined
}

const MOST_PIECES = 65_536

// A piece of a view, as a piece of what the view was made of.
function throughView(piece: Piece, view: View): Piece {
  const { map } = piece
  const place = (start: number, end: number): Stretch => ({ start: view.from(start), end: view.to(end) })
  return {
    text: piece.text,
    ...place(piece.start, piece.end),
    ...(map && {
      map: (start: number, end: number) => {
        const found = map(start, end)
        return place(found.start, found.end)
      },
    }),
  }
}

const NO_WINDOWS: readonly Window[] = []

function windowsOf(text: string, work: Work): readonly Window[] {
  // As many bytes as units: all ASCII, and nothing that a view could fold.
  const ascii = Buffer.byteLength(text) === text.length
  const view = ascii ? undefined : viewOf(text)
  const readable = view?.text ?? text
  const source = { text: readable, sketch: sketch(readable), work }
  const seen = source.sketch.seen | (ascii ? 0 : SEEN.foreign)
  if (seen === 0) return NO_WINDOWS
  if (source.sketch.full) work.over = true
  const pieces: Named[] = []
  const add = (name: string, piece: Piece): void => {
    if (pieces.length < MOST_PIECES) pieces.push({ name, piece })
    else work.over = true
  }
  for (const decoder of decoders) {
    if ((decoder.wakes & seen) === 0) continue
    if (work.left === 0) break
    const { name } = decoder
    if (decoder.raw) {
      decoder.read({ ...source, text }, (piece) => add(name, piece))
      continue
    }
    decoder.read(source, view === undefined ? (piece) => add(name, piece) : (piece) => add(name, throughView(piece, view)))
  }
  return pieces.length === 0 ? NO_WINDOWS : spliced(text, pieces)
}

/**
 * The readings of a text: every disguise taken off, one inside the other, within bounds. Ordinary text has none. The
 * same text always gives the same readings; what a bound cut off shows as `exhausted`.
 */
export function readingsOf(text: string, bounds: Bounds = BOUNDS): Readings {
  if (text.length < SHORTEST) return NOTHING
  const most = Math.min(bounds.units, Math.max(LEAST, text.length * bounds.times))
  const work: Work = { left: Math.max(LEAST * 4, text.length * bounds.work), over: false, inflate: most, ratio: bounds.ratio }
  let total = 0
  let levels: Level[] = [{ text, via: [], up: undefined }]
  let found: Reading[] | undefined
  let seen: Set<string> | undefined
  for (let depth = 0; levels.length > 0; depth++) {
    const next: Level[] = []
    for (const level of levels) {
      for (const window of windowsOf(level.text, work)) {
        seen ??= new Set([text])
        if (seen.has(window.text)) continue
        seen.add(window.text)
        found ??= []
        total += window.text.length
        if (depth >= bounds.depth || found.length >= bounds.readings || total > most) {
          work.over = true
          break
        }
        const { up } = level
        const span = up === undefined ? window.span : (start: number, end: number): Stretch => {
          const place = window.span(start, end)
          return up(place.start, place.end)
        }
        const via = [...level.via, window.names.join('+')]
        found.push({ text: window.text, via, ...(up === undefined ? { start: window.start, end: window.end } : up(window.start, window.end)), span, decoded: window.decoded })
        next.push({ text: window.text, via, up: span })
      }
    }
    levels = depth < bounds.depth ? next : []
  }
  return found === undefined ? (work.over ? { readings: [], exhausted: true } : NOTHING) : { readings: found, exhausted: work.over }
}
