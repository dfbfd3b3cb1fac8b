import type { CounterRow } from './budget.ts'
import type { ReleasedHow } from './approval.ts'
import type { Attempt, Resource, Usage } from './exchange.ts'
import type { Principal } from './principal.ts'
import type { Context } from './policy.ts'
import type { Finding, Mode, GuardAction } from './finding.ts'
import type { Origin } from './segment.ts'
import type { FlowReason, FlowRule } from './flow.ts'
import type { ToolClass } from './tool_class.ts'
import type { Code } from './reasons.ts'
import type { VerdictKind } from './verdict.ts'

/** Clear facts of a finding: no text of the content. The masked excerpt goes into the sealed payload. */
export interface FindingFact {
  readonly guardrail: string
  readonly category: string
  readonly score: number | 'inconclusive'
  readonly layer: Finding['layer']
  readonly mode: Exclude<Mode, 'off'>
  readonly action: GuardAction
  readonly origin: Origin
  readonly rule: string
  /** Which segment, and the UTF-16 offsets in it. */
  readonly at?: readonly [segment: number, start: number, end: number]
}

interface Common {
  readonly exchange: string
  readonly parent?: string
  readonly sequence?: number
  readonly gateway: string
  readonly tenant: string
  readonly workload: string
  readonly chain: readonly string[]
  readonly subject: string
  readonly action: string
  readonly resource: string
  readonly route: string
  readonly epoch: string
  /** Milliseconds since the Unix epoch. */
  readonly at: number
}

/** Written before the effect. An intent without a receipt is closed as `interrupted` at restart. */
export interface Intent extends Common {
  readonly kind: 'intent'
  readonly candidates: readonly string[]
}

/** Written when the exchange has ended, however it ended. */
export interface Receipt extends Common {
  readonly kind: 'receipt'
  readonly verdict: VerdictKind
  /** What was really done: an enforced verdict, or `passed` where the posture only watches. */
  readonly outcome: 'answered' | 'refused' | 'failed' | 'cut' | 'cancelled' | 'interrupted'
  readonly code?: Code
  readonly step?: string
  readonly status?: number
  readonly proof: string
  /** How each link of `chain` was proven. */
  readonly vouched?: readonly string[]
  /** The approval that released or refused it. */
  readonly approval?: ApprovalFact
  /** What policy was asked, as far as the other fields do not say it: enough to ask other policies the same. */
  readonly asked?: AskedFact
  /** What flow said of a tool call. */
  readonly flow?: FlowFact
  readonly policies: readonly string[]
  readonly shadow: readonly { readonly policy: string; readonly verdict: string }[]
  readonly context: Context
  readonly findings: readonly FindingFact[]
  /** The highest score of each guardrail that looked at what was sent, in whole percent. */
  readonly scores?: Readonly<Record<string, number>>
  readonly edits: number
  readonly attempts: readonly Attempt[]
  readonly usage: Usage
  /** Micro-USD over all attempts; absent = unknown. */
  readonly cost?: number
  readonly model?: string
  readonly took: number
  readonly guardMicros: number
  readonly reused: number
  /** Set by audit alone: what became of the payload. */
  readonly payload?: PayloadFact
  /** Set by audit alone: the record was over its size limit, so that lists in it were shortened. */
  readonly trimmed?: true
}

/**
 * `none`: there was none, or settings keep none · `quota`: the tenant may hold no more · `unsealable`: its key could
 * not be had · else what was sealed.
 */
export type PayloadFact =
  | 'none'
  | 'quota'
  | 'unsealable'
  | {
      /** Base64 SHA-256 of the sealed bytes: the record commits to the ciphertext, so erasure leaves it intact. */
      readonly hash: string
      readonly bytes: number
      /** The payload was over its size cap; what was left out is marked inside it. */
      readonly truncated?: true
    }

/** Who released or refused a held action, and how. Absent `by` = nobody did in time. */
export interface ApprovalFact {
  readonly id: string
  readonly verdict: 'released' | 'denied' | 'expired' | 'pending'
  readonly how?: ReleasedHow
  readonly by?: readonly string[]
  readonly policies: readonly string[]
  /** Milliseconds that the call was held. */
  readonly waited: number
}

/** A decision of flow without its values. `arguments`: dotted paths that it is about. */
export interface FlowFact {
  readonly mode: 'shadow' | 'enforce'
  readonly verdict: 'allow' | 'hold' | 'deny'
  readonly class: ToolClass
  readonly rules: readonly FlowRule[]
  readonly arguments: readonly string[]
  /** The exchange whose answer proposed this call, where it was decided. */
  readonly proposed?: string
}

/** The principal's attributes and each resource that policy decided about, with the verdict. No content. */
export interface AskedFact {
  readonly principal: {
    readonly roles: readonly string[]
    readonly cohort?: string
    readonly agent?: string
    readonly task?: string
    readonly scope: Principal['scope']
  }
  /** `own`: what policies alone had said, where flow held or denied it. */
  readonly targets: readonly { readonly resource: Resource; readonly role: string; readonly verdict: 'allow' | 'hold' | 'deny'; readonly own?: 'allow' | 'hold' }[]
}

/** An operator's act: key made or revoked, erasure, configuration change, alarm. */
export interface Act {
  readonly kind: 'act'
  readonly exchange: string
  readonly tenant: string
  readonly at: number
  readonly by: string
  readonly act: string
  readonly detail: Readonly<Record<string, string | number | boolean>>
}

export type AuditRecord = Intent | Receipt | Act

/** Content that may be erased: sealed under its subject's key, apart from the record. */
export interface Payload {
  readonly subject: string
  readonly tenant: string
  /** What the exchange said, in the order of its segments, and the findings' masked excerpts. */
  readonly request?: unknown
  readonly reply?: unknown
  /** Answers of mirrors, for comparison with the one that was delivered. */
  readonly mirrors?: unknown
  readonly findings?: readonly { readonly rule: string; readonly excerpt: string }[]
  /** Why flow held or denied it: values, and which texts gave them. */
  readonly flow?: readonly FlowReason[]
  readonly detail?: string
}

export interface Audit {
  /**
   * Queues an intent; `committed` resolves once it is on disk (group commit, no timer) and rejects when the
   * writer cannot promise that any more. `rows` commit in the same transaction.
   */
  intent(record: Intent, rows: readonly CounterRow[]): Promise<void>
  /** Queues a receipt (and its payload); resolves once committed. Never throws synchronously. */
  receipt(record: Receipt, payload: Payload | undefined): Promise<void>
  act(record: Act): Promise<void>
  /** False when the writer is stuck or its disk is full: exchanges are refused rather than unrecorded. */
  healthy(): boolean
}
