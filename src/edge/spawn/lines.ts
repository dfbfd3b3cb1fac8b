import type { ProgramEvents } from '../../contract/program.ts'

const FEED = 10
const RETURN = 13
/** How much of each end of a line that was too long is kept. */
const KEPT = 256

const MOST_PIECES = 1_024
/** Of a line without end, so much is thrown away before it is told, and each time again. */
const MOST_THROWN = 16 * 1024 * 1024
/** Of empty lines in a row only one in so many is told. */
const EMPTY_LINES = 10_000
const EMPTY = new Uint8Array(0)

/**
 * Cuts a stream into lines, LF or CRLF. Never holds more than `limit` bytes of an unfinished one: what is longer is
 * thrown away as it comes, and told when it ends, or goes on for too long. Empty lines say nothing until there are too many.
 */
export function lineReader(limit: number, { line, oversized }: Pick<ProgramEvents, 'line' | 'oversized'>): (chunk: Uint8Array) => void {
  let pieces: Uint8Array[] = []
  let held = 0
  /** Set while a line that is too long goes by. */
  let head: Buffer | undefined
  let tail = Buffer.alloc(0)
  let thrown = 0
  let empty = 0

  function whole(last: Uint8Array): void {
    const bytes = pieces.length === 0 ? last : Buffer.concat([...pieces, last])
    pieces = []
    held = 0
    const end = bytes[bytes.length - 1] === RETURN ? bytes.length - 1 : bytes.length
    if (end > 0) line(end === bytes.length ? bytes : bytes.subarray(0, end))
    else if (++empty >= EMPTY_LINES) line(EMPTY)
    else return
    empty = 0
  }

  function tell(): void {
    const [first, last] = [head?.toString('latin1') ?? '', tail.toString('latin1')]
    thrown = 0
    oversized(first, last)
  }

  function pass(piece: Uint8Array): void {
    head ??= Buffer.alloc(0)
    if (head.length < KEPT) head = Buffer.concat([head, piece.subarray(0, KEPT - head.length)])
    tail = Buffer.concat([tail, piece.subarray(Math.max(0, piece.length - KEPT))])
    if (tail.length > KEPT) tail = Buffer.from(tail.subarray(tail.length - KEPT))
    thrown += piece.length
    if (thrown > MOST_THROWN) tell()
  }

  function give(piece: Uint8Array): void {
    if (head === undefined && held + piece.length <= limit) {
      // The chunk belongs to whoever read it, and its memory may be used again.
      pieces.push(Buffer.from(piece))
      held += piece.length
      // Bytes that come one by one would take up a hundred times what they are.
      if (pieces.length >= MOST_PIECES) pieces = [Buffer.concat(pieces)]
      return
    }
    const before = pieces
    pieces = []
    held = 0
    for (const one of [...before, piece]) pass(one)
  }

  return (chunk) => {
    let from = 0
    for (let at = chunk.indexOf(FEED); at >= 0; at = chunk.indexOf(FEED, from)) {
      const piece = chunk.subarray(from, at)
      from = at + 1
      if (head === undefined && held + piece.length <= limit) {
        whole(piece)
        continue
      }
      give(piece)
      tell()
      head = undefined
      tail = Buffer.alloc(0)
    }
    if (from < chunk.length) give(chunk.subarray(from))
  }
}
