import type { Usage } from '../../../contract/exchange.ts'
import type { FrameView } from '../dialect.ts'

export interface ReplyLimits {
  /** Most bytes of a reply that is not streamed, and of one event of a stream. */
  readonly bytes: number
  /** Deepest nesting of a reply. */
  readonly depth: number
  /** How long a finished stream may stay open without its terminator before we end it, in milliseconds. */
  readonly graceMs: number
}

export const REPLY_LIMITS: ReplyLimits = { bytes: 33_554_432, depth: 200, graceMs: 500 }

/** What a source notes down as frames come by. */
export interface Notes {
  usage: Usage
  /** Characters of content so far, for an estimate where usage never comes. */
  characters: number
  reported: boolean
  model: string | undefined
  began: boolean
}

/** Waits that end early: what a clock or the caller interrupts is rejected at once, whatever the wire does. */
export interface Wait {
  <T>(work: Promise<T>): Promise<T>
}

/** Takes down what a view says about usage and model. Fields of usage only grow: dialects report them in pieces. */
export function note(notes: Notes, view: FrameView, wholeReply = false): void {
  // A recap repeats what was streamed before it.
  for (const leaf of view.leaves) if (!leaf.whole || wholeReply) notes.characters += leaf.text.length
  if (view.model !== undefined) notes.model = view.model
  const more = view.usage
  if (more === undefined) return
  notes.usage = notes.reported
    ? {
        input: Math.max(notes.usage.input, more.input),
        output: Math.max(notes.usage.output, more.output),
        cachedInput: Math.max(notes.usage.cachedInput, more.cachedInput),
        cacheWrite: Math.max(notes.usage.cacheWrite, more.cacheWrite),
        reasoning: Math.max(notes.usage.reasoning, more.reasoning),
      }
    : more
  notes.reported = true
}
