import type { Tree, TreeObject } from '../../formats/tree.ts'
import type { Usage } from '../../contract/exchange.ts'

/**
 * What a model call says, in no provider's dialect: the middle of every translation from one dialect to another.
 * A call that stays in its dialect never passes through here: its own tree is edited and sent.
 * Every field that a dialect can say has a place here, or its decoder reports it as inexpressible (never dropped).
 */
export interface Conversation {
  readonly model: string
  /** Operator's instructions. A system or developer turn in the middle stays in `messages`. */
  readonly system: readonly Part[]
  readonly messages: readonly Message[]
  readonly tools: readonly Tool[]
  readonly toolChoice?: ToolChoice
  readonly parallelToolCalls?: boolean
  readonly maxTokens?: number
  readonly temperature?: Tree
  readonly topP?: Tree
  readonly topK?: Tree
  readonly stop?: readonly string[]
  readonly n?: number
  readonly seed?: Tree
  readonly presencePenalty?: Tree
  readonly frequencyPenalty?: Tree
  readonly logprobs?: number | true
  readonly logitBias?: TreeObject
  readonly format?: Format
  readonly reasoning?: Reasoning
  /** End-user id (OpenAI `user`/`safety_identifier`, Anthropic `metadata.user_id`). */
  readonly user?: string
  readonly metadata?: TreeObject
  readonly stream: boolean
  /** Caller asked for usage in the stream (OpenAI `stream_options.include_usage`); others always send it. */
  readonly includeUsage: boolean
  /** Fields that exist in one dialect only: an encoder of another dialect refuses each by its name. */
  readonly only: readonly { readonly dialect: DialectId; readonly field: string; readonly value: Tree }[]
}

export type DialectId = 'openai.chat' | 'openai.responses' | 'anthropic.messages' | 'gemini.generate'

export interface Message {
  readonly role: 'user' | 'assistant' | 'system' | 'developer'
  /** Tool results are parts of a `user` message; consecutive ones of one dialect may be merged by another. */
  readonly parts: readonly Part[]
  readonly name?: string
}

export type CacheControl = TreeObject

export type Part = (
  | { readonly kind: 'text'; readonly text: string; readonly citations?: Tree }
  | { readonly kind: 'image'; readonly source: Source; readonly detail?: string }
  | { readonly kind: 'audio'; readonly source: Source; readonly format?: string }
  | { readonly kind: 'file'; readonly source: Source; readonly name?: string }
  | { readonly kind: 'call'; readonly id: string; readonly name: string; /** JSON text, lexemes kept. */ readonly args: string; readonly signature?: string }
  | { readonly kind: 'result'; readonly id: string; readonly name?: string; readonly parts: readonly Part[]; readonly failed?: boolean }
  | { readonly kind: 'reasoning'; readonly text: string; readonly signature?: string; /** Opaque or encrypted thinking. */ readonly sealed?: string; readonly id?: string }
  | { readonly kind: 'refusal'; readonly text: string }
) & { readonly cache?: CacheControl }

export type Source =
  | { readonly from: 'inline'; readonly mime: string; readonly base64: string }
  | { readonly from: 'url'; readonly url: string; readonly mime?: string }
  | { readonly from: 'provider'; readonly id: string; readonly mime?: string }

export interface Tool {
  readonly name: string
  readonly description?: string
  readonly schema?: Tree
  readonly strict?: boolean
  readonly cache?: CacheControl
}

export type ToolChoice = { readonly mode: 'auto' | 'none' | 'required' } | { readonly mode: 'named'; readonly names: readonly string[] }

export type Format =
  | { readonly kind: 'text' }
  | { readonly kind: 'json' }
  | { readonly kind: 'schema'; readonly name?: string; readonly description?: string; readonly schema: Tree; readonly strict?: boolean }

export interface Reasoning {
  /** OpenAI's words: none, minimal, low, medium, high, xhigh. */
  readonly effort?: string
  /** Anthropic's and Gemini's token budgets; 0 = off, -1 = the model decides. */
  readonly budget?: number
  readonly summary?: string
  readonly includeThoughts?: boolean
}

export type StopReason = 'stop' | 'length' | 'tool_calls' | 'content_filter' | 'stop_sequence' | 'refusal' | 'pause'

/** A complete reply. */
export interface Completion {
  readonly id: string
  readonly model: string
  /** Seconds since the Unix epoch. */
  readonly created?: number
  readonly choices: readonly { readonly parts: readonly Part[]; readonly stop: StopReason; readonly stopSequence?: string; readonly logprobs?: Tree }[]
  readonly usage?: Usage
  /** Reply fields that the decoder does not know, by name: they travel (an encoder puts them at the top level). */
  readonly extra: TreeObject
}

/** One step of a streamed reply. `block` numbers a choice's parts from 0 in order of first appearance. */
export type Delta =
  | { readonly t: 'start'; readonly id: string; readonly model: string; readonly created?: number; readonly usage?: Usage }
  | { readonly t: 'open'; readonly choice: number; readonly block: number; readonly part: 'text' | 'reasoning' | 'refusal' | 'call'; readonly id?: string; readonly name?: string }
  /** More text of an open block; for a call, more of its JSON argument text. */
  | { readonly t: 'text'; readonly choice: number; readonly block: number; readonly text: string }
  | { readonly t: 'signature'; readonly choice: number; readonly block: number; readonly signature: string; readonly sealed?: boolean }
  | { readonly t: 'close'; readonly choice: number; readonly block: number }
  | { readonly t: 'finish'; readonly choice: number; readonly stop: StopReason; readonly stopSequence?: string }
  | { readonly t: 'usage'; readonly usage: Usage }
  | { readonly t: 'end' }
