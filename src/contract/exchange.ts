import type { FlowSession, Labels, ToolCall } from './flow.ts'
import type { Principal } from './principal.ts'
import type { Edit, Segment } from './segment.ts'
import type { Shown } from './shown.ts'

export type Action =
  | 'llm.generate'
  | 'llm.embed'
  | 'llm.count'
  | 'llm.list'
  | 'llm.passthrough'
  | 'llm.fetch_url'
  | 'llm.provider_tool'
  | 'llm.provider_state'
  | 'tool.propose'
  | 'guard.evaluate'
  | 'identity.enrol'
  | 'identity.renew'
  | 'identity.bundle'
  | 'token.exchange'
  | 'mcp.connect'
  | 'mcp.list'
  | 'mcp.call'
  | 'mcp.read'
  | 'mcp.prompt'
  | 'mcp.complete'
  | 'mcp.subscribe'
  | 'mcp.task'
  | 'mcp.sample'
  | 'mcp.elicit'
  | 'mcp.roots'
  | 'mcp.notify'
  | 'mcp.metadata'
  | 'mcp.consent'
  | 'a2a.send'
  | 'egress.request'
  | 'dns.resolve'
  | 'shell.exec'
  | 'tunnel.dial'
  | 'admin.change'

/** What an exchange would do besides moving text; policy sees the set as `context.effects`. */
export type Effect =
  | 'read'
  | 'internal_write'
  | 'external_write'
  | 'provider_tool'
  | 'url_fetch'
  | 'provider_state'
  | 'unlisted_field'
  | 'passthrough'
  | 'code_execution'
  | 'money'
  | 'destructive'
  | 'privilege'

export interface Resource {
  /** Cedar entity type without namespace: `Model`, `Tool`, `Route`, `Host`, … */
  readonly type: string
  readonly id: string
  /** Attributes that policy may read. Keys are declared in the generated schema. */
  readonly attributes: Readonly<Record<string, string | number | boolean | readonly string[]>>
}

/** One thing that a principal tries to do. */
export interface Exchange {
  /** UUIDv7: sorts by start. */
  readonly id: string
  /** The exchange whose answer proposed this one, or the channel that carried it. */
  readonly parent?: string
  /** Position below the parent, from 0. */
  readonly sequence?: number
  readonly gateway: string
  readonly startedAt: number
  readonly epoch: string
}

/** Tokens as counted or estimated. `input` includes cached and cache-writing tokens; `output` includes reasoning. */
export interface Usage {
  readonly input: number
  readonly output: number
  readonly cachedInput: number
  readonly cacheWrite: number
  readonly reasoning: number
}

export const NO_USAGE: Usage = { input: 0, output: 0, cachedInput: 0, cacheWrite: 0, reasoning: 0 }

/**
 * What a gateway understood of an arrival: the whole of what steps after `read` may know of it.
 * `apply` returns the same reading with texts replaced; what it then sends is exactly that (law 3).
 */
export interface Reading {
  readonly action: Action
  readonly resource: Resource
  readonly route: string
  /** What it goes through by the name that audiences and policies have for it, where the errand itself is for several. */
  readonly gateway?: string
  readonly direction: 'outbound' | 'inbound'
  /** `dial`: we do it · `delegate`: the caller does it if we allow · `none`: nothing happens beyond the verdict. */
  readonly effect: 'dial' | 'delegate' | 'none'
  /** True where the intent's commit may overlap the dial: model generation and reads (DESIGN §2, Durability). */
  readonly overlapsIntent: boolean
  readonly stream: boolean
  readonly segments: readonly Segment[]
  readonly effects: readonly Effect[]
  /** Clear facts for policy and receipt: never content. */
  readonly parameters: Readonly<Record<string, string | number | boolean | readonly string[]>>
  /**
   * Things that would happen behind our back (law 4): each is authorised as a child exchange before the dial.
   * `what` names the field; `host` is set for URLs.
   */
  readonly subordinates: readonly Subordinate[]
  /** Counted input and the most output the caller asked for; `output` undefined when it set no limit. */
  readonly estimate: { readonly input: number; readonly output?: number; readonly choices: number }
  apply(edits: readonly Edit[]): Reading
  /** Labels of what it carries, where its segments do not say them: a proposed call carries what its conversation held. */
  readonly labels?: Labels
  /** The tool call that it is, for flow. */
  readonly call?: ToolCall
  /** What the request says of a tool that it offers; absent where it offers none. */
  readonly offered?: (tool: string) => ReturnType<NonNullable<ToolCall['offered']>>
  /** Who gets to hear what it says, where that is not its principal. */
  readonly listener?: Principal
  /** The conversation that it follows from. */
  readonly within?: FlowSession
  /** What the user asked for, where no segment says it: context for guards, never inspected itself. */
  readonly task?: string
  /** Only these guardrails look; absent = all. For readings whose inspection is the answer. */
  readonly guardrails?: readonly string[]
  /** The same request with one more instruction of the operator's; absent where a gateway knows no instructions. */
  instruct?(text: string): Reading
  /** Hash of everything that the decision can depend on; asked for only while refusals are remembered, or to hold it. */
  fingerprint(): string
  /** What a reviewer is shown of it, should policy hold it. Asked for only then. */
  show?(): Shown
}

export interface Subordinate {
  readonly action: Action
  readonly resource: Resource
  readonly effects: readonly Effect[]
  /** All of it, as the request has it: for reviewers alone, because it is content. */
  readonly whole?: string
}

/** One target that could serve a reading, in the order in which the strategy would try them. */
export interface Candidate {
  readonly id: string
  readonly resource: Resource
  /** Provider whose price list counts, and the model under its own name; for budgets and receipts. */
  readonly provider: string
  readonly model: string
  readonly role: 'primary' | 'fallback' | 'mirror' | 'judge'
  /** Micro-USD per million tokens; undefined = unknown price. */
  readonly price?: Price
  /** The most output tokens this target would produce when the caller set no limit. */
  readonly outputLimit?: number
}

export interface Price {
  readonly input: number
  readonly output: number
  readonly cachedInput: number
  readonly cacheWrite: number
}

/** Cost in whole micro-USD, rounded up: a budget never gains from rounding. */
export function costOf(usage: Usage, price: Price): number {
  const plain = Math.max(0, usage.input - usage.cachedInput - usage.cacheWrite)
  const millionths =
    plain * price.input +
    usage.cachedInput * price.cachedInput +
    usage.cacheWrite * price.cacheWrite +
    usage.output * price.output
  return Math.ceil(millionths / 1_000_000)
}

/** What happened at one target. `cost` is absent when the price is unknown. */
export interface Attempt {
  readonly candidate: string
  readonly role: Candidate['role']
  readonly model: string
  readonly outcome: 'answered' | 'failed' | 'cancelled' | 'skipped'
  readonly code?: string
  readonly status?: number
  readonly usage: Usage
  readonly cost?: number
  /** Milliseconds; `firstByte` until the first content of the reply. */
  readonly startedAt: number
  readonly firstByte?: number
  readonly took: number
}

/** Who asks, about what, under which epoch: what every step may read. */
export interface Asked {
  readonly exchange: Exchange
  readonly principal: Principal
  readonly reading: Reading
}
