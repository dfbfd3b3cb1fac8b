import type { Origin } from './segment.ts'
import type { Attempt, Usage } from './exchange.ts'

/** A piece of text inside a reply event. Leaves with one `channel` are continued from event to event. */
export interface Leaf {
  /** Stable name of the run of text, e.g. `0/text`, `0/reasoning`, `0/tool/1`. */
  readonly channel: string
  readonly origin: Origin
  readonly text: string
  /** True when the text is complete in itself (a recap, a non-streamed reply): it continues nothing. */
  readonly whole: boolean
}

/** What stands where no text is: `kind` as whoever sent it calls it, and no more of it than that. */
export interface Unread {
  readonly channel: string
  readonly origin: Origin
  readonly kind: 'image' | 'audio' | 'bytes'
}

/** A tool call that became complete with this event: its arguments are the joined text of `channel`. */
export interface Proposal {
  readonly channel: string
  readonly id: string
  readonly name: string
}

/**
 * One event of an upstream's reply, on its way to the caller. The tree inside belongs to the gateway;
 * guards see leaves, and give back texts for them.
 */
export interface ReplyEvent {
  /** `preamble` carries no content and does not commit a stream; `end` is the reply's proper terminator. */
  readonly kind: 'preamble' | 'content' | 'end'
  /**
   * Set on the first event of another target's answer, after earlier ones of a target that failed: everything that
   * was withheld is void. Comes only where nothing had been released, and only to who said that it can start anew.
   */
  readonly restarts?: true
  readonly leaves: readonly Leaf[]
  /** Channels that receive no more text after this event. */
  readonly closes: readonly string[]
  /** Channels on which a tool call begins with this event (its name may be visible here). */
  readonly opensCall: boolean
  readonly proposals: readonly Proposal[]
  /** Parts of it in which nobody can look for texts (images, sounds, other bytes): they leave a finding each, `inconclusive`. */
  readonly unread?: readonly Unread[]
  /** The same event with its leaves' texts replaced, one for one. */
  rewrite(texts: readonly string[]): ReplyEvent
  /** The same event without the named proposals' calls, or undefined when nothing is left of it. */
  drop(channels: ReadonlySet<string>): ReplyEvent | undefined
}

/** An upstream's reply: events in order, and what it cost once they ended (also when cut). */
export interface Reply {
  readonly events: AsyncIterable<ReplyEvent>
  /** Every attempt so far, mirrors and judges included; complete when `events` has ended. */
  attempts(): readonly Attempt[]
  /** Usage of the attempt that answered, as far as known. */
  usage(): Usage
  /** Tells the routing that content has been released to the caller: no fail-over after this. */
  released(): void
  /** Ends the upstream at once. */
  abort(): void
  /** Resolves when work beside the answer (a mirror) has ended too, so that its cost can be settled. Never rejects. */
  finished(): Promise<void>
  /** Answers that were fetched beside the delivered one (mirrors), for comparison; complete when `finished` resolved. */
  beside?(): readonly unknown[]
}
