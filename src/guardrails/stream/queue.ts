import type { ReplyEvent } from '../../contract/reply.ts'
import type { Channel, Piece } from './channel.ts'

/** An event that has not left: for each leaf the piece of its channel, or the finished text of a whole leaf. */
export interface Waiting {
  readonly event: ReplyEvent
  readonly parts: (Piece | string)[]
  readonly number: number
}

// The rest of an event that has left already: no later call may hold it up.
const UNBARRED = -1
const NOTHING: readonly ReplyEvent[] = []

/** Events in the order in which they came; the first leaves when all of its text may. */
export class Queue {
  #events: Waiting[] = []
  readonly #placed = new Map<Channel, number>()
  readonly #carriers = new Map<Channel, ReplyEvent>()
  readonly #dropped: ReadonlySet<string>
  #count = 0
  /** The first event that must wait until every open call is decided. */
  #barrier = Number.POSITIVE_INFINITY
  /** UTF-16 units that wait. */
  waiting = 0

  constructor(dropped: ReadonlySet<string>) {
    this.#dropped = dropped
  }

  /** From the next event on everything waits, until `lift`. */
  bar(): void {
    this.#barrier = Math.min(this.#barrier, this.#count)
  }

  lift(): void {
    this.#barrier = Number.POSITIVE_INFINITY
  }

  /** Takes out what waits for a decision that will never come. */
  abandon(): void {
    this.#events = this.#events.filter(({ number }) => number < this.#barrier)
  }

  clear(): void {
    this.#events = []
  }

  /** The event's place in the queue, while it waits. */
  find(event: ReplyEvent): Waiting | undefined {
    return this.#events.find((one) => one.event === event)
  }

  add(event: ReplyEvent, channelOf: (name: string) => Channel | undefined, ended: readonly Channel[]): void {
    const parts: (Piece | string)[] = []
    for (const leaf of event.leaves) {
      this.waiting += leaf.text.length
      const channel = leaf.whole ? undefined : channelOf(leaf.channel)
      if (channel === undefined) {
        parts.push(leaf.text)
        continue
      }
      const end = (this.#placed.get(channel) ?? 0) + leaf.text.length
      this.#placed.set(channel, end)
      const { carry } = channel
      channel.carry = undefined
      parts.push({ channel, start: carry?.start ?? end - leaf.text.length, end, text: (carry?.text ?? '') + leaf.text })
    }
    for (const channel of ended) this.flush(channel)
    // What only ends or begins something (a block, an item) must not overtake text that is still owed before it.
    if (event.leaves.length === 0 && event.kind !== 'preamble') for (const channel of this.#carriers.keys()) this.flush(channel)
    this.#events.push({ event, parts, number: this.#count++ })
  }

  /**
   * A channel that ends without another event still owes the end of its last one: the event whose beginning has left
   * goes once more, carrying only that.
   */
  flush(channel: Channel): void {
    const event = this.#carriers.get(channel)
    const { carry } = channel
    channel.carry = undefined
    if (event === undefined || carry === undefined) return
    const at = event.leaves.findIndex((leaf) => leaf.channel === channel.name && !leaf.whole)
    const parts: (Piece | string)[] = event.leaves.map((_, i) => (i === at ? { channel, start: carry.start, end: carry.start + carry.text.length, text: carry.text } : ''))
    this.#events.push({ event, parts, number: UNBARRED })
  }

  /** Everything that may leave now, in order. */
  drain(): readonly ReplyEvent[] {
    const release: ReplyEvent[] = []
    let n = 0
    for (; n < this.#events.length; n++) {
      const one = this.#events[n] as Waiting
      if (one.number >= this.#barrier) break
      if (one.parts.every((part) => typeof part === 'string' || part.channel.safe >= part.end)) this.#leave(one, release)
      else if (!this.#split(one, release)) break
    }
    if (n > 0) this.#events = n === this.#events.length ? [] : this.#events.slice(n)
    return release.length === 0 ? NOTHING : release
  }

  #leave({ event, parts }: Waiting, release: ReplyEvent[]): void {
    let changed = false
    const texts = event.leaves.map((leaf, i) => {
      const part = parts[i] as Piece | string
      const shown = typeof part === 'string' ? part : part.channel.shown(part, part.end)
      if (typeof part !== 'string') part.channel.left(part.end)
      this.waiting -= leaf.text.length
      if (shown !== leaf.text) changed = true
      return shown
    })
    this.#release(changed ? event.rewrite(texts) : event, release)
  }

  // Lets the decided beginning of an event go and hands the rest to the channel's next event. An event that closes,
  // proposes or ends something is no carrier: it goes as one.
  #split({ event, parts }: Waiting, release: ReplyEvent[]): boolean {
    if (event.kind !== 'content' || event.closes.length > 0 || event.proposals.length > 0 || event.opensCall) return false
    if (!parts.some((part) => typeof part !== 'string' && part.channel.safe > part.start)) return false
    const seen = new Set<Channel>()
    for (const part of parts) {
      // Two leaves of one channel in one event would need two carries.
      if (typeof part === 'string' || seen.has(part.channel)) return false
      seen.add(part.channel)
    }
    const texts = parts.map((part) => {
      if (typeof part === 'string') return part
      const { channel } = part
      const end = Math.max(part.start, Math.min(part.end, channel.safe))
      const shown = channel.shown(part, end)
      channel.left(end)
      if (end < part.end) this.#carryOver(channel, end, part.text.slice(end - part.start), event)
      return shown
    })
    for (const leaf of event.leaves) this.waiting -= leaf.text.length
    this.#release(event.rewrite(texts), release)
    return true
  }

  #release(event: ReplyEvent, release: ReplyEvent[]): void {
    const kept = this.#dropped.size === 0 ? event : event.drop(this.#dropped)
    if (kept !== undefined) release.push(kept)
  }

  #carryOver(channel: Channel, start: number, text: string, event: ReplyEvent): void {
    for (const { parts, event: other } of this.#events) {
      if (other === event) continue
      const next = parts.find((part): part is Piece => typeof part !== 'string' && part.channel === channel && part.start === start + text.length)
      if (next !== undefined) {
        next.start = start
        next.text = text + next.text
        return
      }
    }
    channel.carry = { start, text }
    this.#carriers.set(channel, event)
  }
}
