import type { Tree, TreeObject } from '../../formats/tree.ts'
import type { Effect, Subordinate, Usage } from '../../contract/exchange.ts'
import type { Leaf, Proposal } from '../../contract/reply.ts'
import type { Segment } from '../../contract/segment.ts'
import type { Refusal } from '../../contract/verdict.ts'
import type { Completion, Conversation, Delta, DialectId } from './conversation.ts'

/** What the field table of a dialect makes of a request (laws 3, 4 and 5). */
export interface Surveyed {
  readonly model: string
  readonly stream: boolean
  /** Every string a model or provider would read, with its origin; names, ids and enums that carry no content excepted. */
  readonly segments: readonly Segment[]
  readonly effects: readonly Effect[]
  /** Provider-run tools, URLs to fetch and provider-held state, each to be authorised as an exchange of its own. */
  readonly subordinates: readonly Subordinate[]
  /** Clear facts for policy: counts, flags, limits, tool names. */
  readonly parameters: Readonly<Record<string, string | number | boolean>>
  /** Output limit that the caller set, and how many choices it asked for. */
  readonly maxTokens?: number
  readonly choices: number
  /** Bytes of inline media, which count as input tokens by a per-dialect estimate. */
  readonly mediaBytes: number
}

/** A translation that the target dialect cannot say. `field` is in the caller's spelling where it is known. */
export class Inexpressible extends Error {
  readonly field: string
  constructor(field: string, why: string) {
    super(`${field}: ${why}`)
    this.field = field
  }
}

/** What a failed upstream said. */
export interface UpstreamFault {
  readonly kind: 'invalid' | 'context_length' | 'content_policy' | 'auth' | 'rate' | 'server' | 'not_found'
  readonly status: number
  readonly code?: string
  readonly message: string
  readonly retryAfterMs?: number
}

/** One server-sent event, or one element of a Gemini JSON-array stream. */
export interface StreamFrame {
  /** The `event:` field; absent in Chat Completions and Gemini. */
  readonly event?: string
  /** Absent for the bare terminator `[DONE]`. */
  readonly data?: Tree
}

/** What guards need of one frame of a dialect's stream. The frame itself stays untouched beside it. */
export interface FrameView {
  readonly kind: 'preamble' | 'content' | 'end' | 'fault'
  /** Text in the frame, with the path of each leaf in `frame.data`. */
  readonly leaves: readonly (Leaf & { readonly path: readonly (string | number)[] })[]
  readonly closes: readonly string[]
  readonly opensCall: boolean
  readonly proposals: readonly Proposal[]
  readonly usage?: Usage
  readonly model?: string
  /** Set with kind `fault`: the provider reports an error inside the stream. */
  readonly fault?: UpstreamFault
}

/** A dialect's answer to a refusal before the commit point. */
export interface ErrorAnswer {
  readonly status: number
  readonly body: TreeObject
}

/**
 * One wire dialect for generating: how its requests are surveyed, translated and answered. Both ends of the gateway
 * use the same object: callers speak it to us, and we speak it to providers. All functions are pure; the only state
 * is inside the objects that `viewer`, `decoder` and `encoder` return, one per stream.
 */
export interface Dialect {
  readonly id: DialectId

  /**
   * Reads a request by the dialect's field table. `allowed` lists unknown fields (top-level or dotted) that the route
   * lets through: they travel as inspected leaves (effect `unlisted_field`). Anything else unknown is `unknown_field`
   * naming it; a known field of the wrong shape is `bad_request` naming it.
   * For Gemini, model and stream come from the path and are given here.
   */
  survey(tree: TreeObject, allowed: readonly string[], fromPath?: { readonly model: string; readonly stream: boolean }): Surveyed | Refusal
  /** The same request for another model (same dialect): only the model field, `stream` and forced usage reporting change. */
  retarget(tree: TreeObject, model: string): TreeObject
  /** The same request with one more instruction of the operator's, behind those that stand before the conversation. */
  instruct(tree: TreeObject, text: string): TreeObject
  decode(tree: TreeObject, fromPath?: { readonly model: string; readonly stream: boolean }): Conversation
  /** @throws {Inexpressible} for what the dialect cannot say. */
  encode(conversation: Conversation, model: string): TreeObject

  /** Path below the provider's base URL, e.g. `/v1/messages`, `/models/x:streamGenerateContent?alt=sse`. */
  upstreamPath(model: string, stream: boolean): string

  /** A complete reply as one frame view: all leaves `whole`, all proposals listed (args found at the leaf of their channel). */
  viewReply(tree: TreeObject): FrameView
  decodeReply(tree: TreeObject): Completion
  encodeReply(completion: Completion, asked: Conversation): TreeObject
  /** The reply without these calls (route option `on_denied_call: drop`); stop reason corrected. */
  dropCalls(tree: TreeObject, channels: ReadonlySet<string>): TreeObject
  /** The reply or frame without what repeats its text in pieces (token probabilities); called once a text of it was edited. */
  scrub?(tree: TreeObject): TreeObject

  /** Stateful view of a stream, frame by frame. */
  viewer(): (frame: StreamFrame) => FrameView
  /** Frames → deltas. `finish` closes what a stream without terminator left open. */
  decoder(): { push(frame: StreamFrame): readonly Delta[]; finish(): readonly Delta[] }
  /** Deltas → frames. */
  encoder(asked: Conversation): { push(delta: Delta): readonly StreamFrame[] }
  /** Frame that a proper stream ends with but which may be missing upstream (`[DONE]`, `message_stop`); undefined where nothing marks the end. */
  terminator(): StreamFrame | undefined
  /** True for a frame that carries usage and nothing else: one that the caller may not have asked for (`stream_options`). */
  isUsageOnly(frame: StreamFrame): boolean

  readError(status: number, tree: Tree | undefined, text: string): UpstreamFault
  error(refusal: Refusal, id: string): ErrorAnswer
  /** The error event that ends a committed stream; no terminator follows it. */
  streamError(refusal: Refusal, id: string): StreamFrame
  /** SSE comment or ping that keeps a held connection open. */
  heartbeat(): string
}
