import type { Finding } from './finding.ts'
import type { Principal } from './principal.ts'
import type { Origin, Segment } from './segment.ts'
import type { Source } from './shown.ts'
import type { ToolClass } from './tool_class.ts'

/** Integrity and confidentiality of content: `sensitivity` from 0 (public) to 3 (restricted). */
export interface Labels {
  readonly untrusted: boolean
  readonly sensitivity: number
}

export type FlowRule = 'unreadable' | 'restricted' | 'code_execution' | 'privilege' | 'rule_of_two' | 'provenance' | 'link' | 'scope'

export interface FlowReason {
  readonly rule: FlowRule
  /** For a reviewer, whole: it has content in it. */
  readonly say: string
  /** Dotted path of the argument that it is about. */
  readonly argument?: string
  /** The value to endorse, where one would release it. */
  readonly value?: string
  /** Where untrusted text gave the value. */
  readonly sources?: readonly Source[]
}

export interface FlowDecision {
  readonly verdict: 'allow' | 'hold' | 'deny'
  readonly class: ToolClass
  readonly reasons: readonly FlowReason[]
  /** What the call acts on, by its dotted path. */
  readonly controls: readonly { readonly path: string; readonly value: string }[]
}

/** A tool call that is to be decided, proposed or under way. */
export interface ToolCall {
  readonly tool: string
  /** The MCP server whose tool it is. */
  readonly server?: string
  /** JSON text. */
  readonly arguments: string
  /** What the request, or the server, says of the tool: trees of the strict reader. Asked for once, at most. */
  readonly offered?: () => { readonly schema?: unknown; readonly annotations?: unknown } | undefined
}

/** One conversation, as far as it was followed. */
export interface FlowSession {
  labels(): Labels
  /** Takes what was read beside what the caller sent: what a provider looked up, or has and nobody saw. */
  hear(texts: readonly Heard[]): void
  /**
   * Looks at what was said and nobody looked at yet, a few milliseconds at a time. Who decides without waiting for it has
   * all of it looked at in one piece. Undefined = nothing is left.
   */
  looked(): Promise<void> | undefined
  /** @param now milliseconds since the Unix epoch, for endorsements that end. */
  decide(call: ToolCall, now: number): FlowDecision
  /** Where untrusted text gave a value; the newest first, at most a few. */
  sources(value: string): readonly Source[]
  /** Whether a URL stands in trusted text, literally, or is the organisation's own. */
  trusts(url: string): boolean
}

/** A text that reached a principal beside its conversation. */
export interface Heard {
  readonly origin: Origin
  readonly text: string
  readonly tool?: string
  readonly server?: string
  /** Pieces of one group are read as one text. */
  readonly group?: string
  readonly sensitivity?: number
}

/** Text of a model's answer as the caller got it: one run of it, whole. */
export interface Delivered {
  readonly origin: Origin
  readonly text: string
}

/** One value that people released. */
export interface Endorsing {
  readonly value: string
  readonly class: ToolClass
  /** Milliseconds since the Unix epoch. */
  readonly until: number
  /** The approval: taken back with it. */
  readonly by: string
}

/** What was said to whom, and what follows from it (DESIGN §4). Under one epoch's rules, over memory that outlives it. */
export interface Flow {
  readonly mode: 'shadow' | 'enforce'
  /** The worst that is live of the principal's task: it only rises. */
  labels(principal: Principal): Labels
  /** Every rise of labels so far is kept. Undefined = nothing is under way. Never rejects. */
  kept(): Promise<void> | undefined
  /** The session of a conversation that is sent whole. `findings` are those of its segments. */
  conversation(principal: Principal, segments: readonly Segment[], findings: readonly Finding[]): FlowSession
  /** What a call goes on in that sends no conversation. */
  ongoing(principal: Principal): FlowSession
  /** Takes what reached the principal beside its conversations. */
  hear(principal: Principal, texts: readonly Heard[]): void
  /** Remembers what this firewall delivered of a model's answer, so that it is known when it is sent again. */
  delivered(principal: Principal, texts: readonly Delivered[]): void
  endorse(principal: Principal, endorsing: Endorsing): void
  /** A proposed call was allowed, or released: it may be carried out once, within a while. */
  allowed(principal: Principal, call: ToolCall, exchange: string): void
  /** The exchange whose answer proposed this very call. `exchange`, the one that asks, uses it up. */
  proposed(principal: Principal, call: ToolCall, exchange: string): string | undefined
}

const PREFIX = 'builtin.flow.'

/** The name under which a rule of flow stands among policies. */
export function flowPolicy(rule: FlowRule): string {
  return `${PREFIX}${rule}`
}

export function isFlowPolicy(policy: string): boolean {
  return policy.startsWith(PREFIX)
}

const BY_VALUE: ReadonlySet<string> = new Set((['provenance', 'scope', 'rule_of_two'] as const).map(flowPolicy))

/**
 * What people's consent to a hold may cover besides this one call. An endorsement releases values, not actions: what
 * flow holds is released for no task and by no rule, and what is held for more than whom it acts on only once.
 */
export function standsFor(policies: readonly string[]): 'anything' | 'values' | 'once' {
  const mine = policies.filter(isFlowPolicy)
  if (mine.length === 0) return 'anything'
  return mine.every((one) => BY_VALUE.has(one)) ? 'values' : 'once'
}
