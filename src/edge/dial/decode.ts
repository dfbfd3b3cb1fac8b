import { createBrotliDecompress, createGunzip, createInflate, createInflateRaw, createZstdDecompress } from 'node:zlib'
import type { Transform } from 'node:stream'
import { Received, type Source } from '../received.ts'

/** What a compressed reply may grow to: `bytes` in all, and `ratio` times what came over the wire. */
export interface DecodeLimits {
  readonly bytes: number
  readonly ratio: number
}

/** Below this size a high ratio is only a short repetitive text. */
const RATIO_FROM = 1_048_576

export type Coding = 'gzip' | 'deflate' | 'br' | 'zstd'

/** The coding to undo; `identity` for none; undefined for stacked or unknown codings, which cannot be inspected. */
export function codingOf(header: string | undefined): Coding | 'identity' | undefined {
  const name = header?.trim().toLowerCase() ?? ''
  switch (name) {
    case '':
    case 'identity':
      return 'identity'
    case 'gzip':
    case 'x-gzip':
      return 'gzip'
    case 'deflate':
    case 'br':
    case 'zstd':
      return name
    default:
      return undefined
  }
}

/** What the connection pushes into: the body itself, or a decoder in front of it. */
export interface Sink {
  push(chunk: Uint8Array): void
  finish(): void
  fail(): void
}

/**
 * A body behind a decoder. Back-pressure goes through the decoder to `wire`; a reply that grows beyond the limits
 * fails as too large, broken compression as cut.
 */
export function decoded(coding: Coding, limits: DecodeLimits, wire: Source, onBegin: () => void): { readonly body: Received; readonly sink: Sink } {
  let unpack: Transform | undefined
  let wireBytes = 0
  let bytes = 0
  const body = new Received(
    {
      pause: () => unpack?.pause(),
      resume: () => unpack?.resume(),
      abort() {
        unpack?.destroy()
        wire.abort()
      },
    },
    onBegin,
  )

  function open(first: Uint8Array): Transform {
    const made = unpacker(coding, first)
    made.on('data', (chunk: Uint8Array) => {
      bytes += chunk.length
      if (bytes > limits.bytes || (bytes > RATIO_FROM && bytes > wireBytes * limits.ratio)) body.refuse('too_large')
      else body.push(chunk)
    })
    made.on('drain', () => wire.resume())
    made.on('end', () => body.finish())
    made.on('error', () => body.refuse('cut'))
    return made
  }

  const sink: Sink = {
    push(chunk) {
      if (body.over) return
      wireBytes += chunk.length
      unpack ??= open(chunk)
      if (!unpack.write(chunk)) wire.pause()
    },
    finish() {
      if (unpack === undefined) body.finish()
      else if (!unpack.destroyed) unpack.end()
    },
    fail() {
      unpack?.destroy()
      body.fail('cut')
    },
  }
  return { body, sink }
}

function unpacker(coding: Coding, first: Uint8Array): Transform {
  switch (coding) {
    case 'gzip':
      return createGunzip()
    case 'br':
      return createBrotliDecompress()
    case 'zstd':
      return createZstdDecompress()
    case 'deflate':
      // RFC 9110 means zlib's wrapping; some servers send the bare stream. A zlib header says method 8 first.
      return ((first[0] ?? 0) & 0x0f) === 8 ? createInflate() : createInflateRaw()
  }
}
