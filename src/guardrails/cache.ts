import { createHmac, randomBytes } from 'node:crypto'
import type { Origin, Segment } from '../contract/segment.ts'
import type { Span } from './rules/matcher.ts'

// V8 hashes a string of more than about 16,000 units by its length alone, so longer texts get a digest as their key.
const LONGEST_KEY = 16_000
// Below this, looking costs less than remembering.
const SHORTEST = 256
const ENTRY = 96

/** A complete look at a whole text. */
export interface Known {
  readonly spans: readonly Span[]
  readonly score?: number
  readonly instruct?: string
}

/**
 * What detectors found in whole texts, by tenant, detector and origin (law 6). Holds spans and scores, never
 * verdicts. Bounded in bytes; the least recently used goes first.
 */
export class SegmentCache {
  readonly #limit: number
  readonly #secret = randomBytes(32)
  readonly #entries = new Map<string, { readonly sight: Known; readonly bytes: number }>()
  #bytes = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  /** The key of a text, or undefined where caching does not pay. One tenant's key never equals another's. */
  key(tenant: string, detector: string, origin: Origin, text: string, shortest = SHORTEST): string | undefined {
    if (text.length < shortest || text.length * 2 > this.#limit / 4) return undefined
    const head = `${tenant.length}:${tenant}|${detector}|${origin}|`
    if (text.length + head.length <= LONGEST_KEY) return head + text
    return `#${createHmac('sha256', this.#secret).update(head).update(text).digest('base64')}`
  }

  get(key: string): Known | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    return entry.sight
  }

  set(key: string, sight: Known): void {
    const bytes = key.length * 2 + ENTRY + sight.spans.length * ENTRY
    const old = this.#entries.get(key)
    if (old !== undefined) {
      this.#entries.delete(key)
      this.#bytes -= old.bytes
    }
    if (bytes > this.#limit) return
    this.#entries.set(key, { sight, bytes })
    this.#bytes += bytes
    for (const [eldest, entry] of this.#entries) {
      if (this.#bytes <= this.#limit) break
      this.#entries.delete(eldest)
      this.#bytes -= entry.bytes
    }
  }

  get bytes(): number {
    return this.#bytes
  }
}

/** What was found in one segment of a conversation, and in the window that joins it to the one before. */
export interface Looked {
  readonly text: string
  readonly origin: Origin
  readonly group: string
  /** The scanner that looked; undefined where nothing looks at this origin. */
  readonly detector: string | undefined
  readonly spans: readonly Span[]
  readonly joint: readonly Joint[]
}

/** A match across segments: the pieces of it, first to last. `back` counts segments before the one it is kept with. */
export interface Joint {
  readonly span: Span
  readonly pieces: readonly { readonly back: number; readonly start: number; readonly end: number }[]
}

interface Talk {
  looked: readonly Looked[]
  bytes: number
}

const TALKS = 8

/**
 * The last conversations of each principal. A conversation that resends its history is recognised from the front,
 * text by text, by plain comparison: no hashing, no copy. Finds results, never grants anything.
 */
export class Talks {
  readonly #limit: number
  readonly #principals = new Map<string, Talk[]>()
  #bytes = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  /** The longest known beginning of these segments. */
  recall(principal: string, segments: readonly Segment[]): readonly Looked[] {
    const talks = this.#principals.get(principal)
    if (talks === undefined) return []
    let best: readonly Looked[] = []
    for (const { looked } of talks) {
      if (looked.length <= best.length) continue
      // The last known text differs almost always where the conversation is another one, and is cheap to compare.
      const last = looked.length - 1
      const whole = last < segments.length && looked[last]?.text === segments[last]?.text
      if (!whole && best.length > 0) continue
      const length = common(looked, segments)
      if (length > best.length) best = length === looked.length ? looked : looked.slice(0, length)
      if (whole && length === looked.length) break
    }
    return best
  }

  /** Keeps the newest state of a conversation; `known` is what `recall` gave for it. */
  remember(principal: string, known: readonly Looked[], looked: readonly Looked[]): void {
    let bytes = 0
    for (const one of looked) bytes += one.text.length * 2 + ENTRY * (1 + one.spans.length)
    if (bytes > this.#limit / 4) return
    let talks = this.#principals.get(principal)
    if (talks === undefined) talks = []
    else this.#principals.delete(principal)
    this.#principals.set(principal, talks)
    const old = talks.findIndex((talk) => talk.looked === known)
    const removed = old === -1 ? (talks.length >= TALKS ? talks.pop() : undefined) : talks.splice(old, 1)[0]
    this.#bytes += bytes - (removed?.bytes ?? 0)
    talks.unshift({ looked, bytes })
    for (const [eldest, theirs] of this.#principals) {
      if (this.#bytes <= this.#limit || eldest === principal) break
      this.#principals.delete(eldest)
      for (const talk of theirs) this.#bytes -= talk.bytes
    }
    while (this.#bytes > this.#limit && talks.length > 1) this.#bytes -= talks.pop()?.bytes ?? 0
  }

  get bytes(): number {
    return this.#bytes
  }
}

function common(looked: readonly Looked[], segments: readonly Segment[]): number {
  const most = Math.min(looked.length, segments.length)
  for (let i = 0; i < most; i++) {
    const a = looked[i] as Looked
    const b = segments[i] as Segment
    if (a.text !== b.text || a.origin !== b.origin || a.group !== b.group) return i
  }
  return most
}
