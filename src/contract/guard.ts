import type { Asked } from './exchange.ts'
import type { Edit, Segment } from './segment.ts'
import type { Finding, GuardAction } from './finding.ts'
import type { Proposal, ReplyEvent } from './reply.ts'
import type { Refusal, VerdictKind } from './verdict.ts'

export type OutputMode = 'observe' | 'balanced' | 'strict'

export interface Inspection {
  readonly findings: readonly Finding[]
  readonly verdict: VerdictKind
  /** True where something was found that is to be recorded and nothing more. */
  readonly flagged?: true
  /** Set when the verdict is `deny` or `hold`. */
  readonly refusal?: Refusal
  /** Set when the verdict is `redact` or `rewrite`, or where text is marked for the model; sorted by segment and start. */
  readonly edits: readonly Edit[]
  /** What the model must be told besides: it goes to the request's instructions, behind all others. */
  readonly instruct?: readonly string[]
  /** Microseconds of guard work, and how many segments came from memory. */
  readonly micros: number
  readonly reused: number
  /** The highest score of each guardrail that looked, allowed texts included. */
  readonly scores?: Readonly<Record<string, number>>
  /** The same, of what is enforced alone: a policy must not refuse because of what is only watched. */
  readonly enforced?: Readonly<Record<string, number>>
  /** The strongest action of each guardrail that was sure. */
  readonly decided?: Readonly<Record<string, GuardAction>>
  /** How close a score that counts for nothing came to the threshold where it would: its share of it, below 1. */
  readonly near?: number
  /** Where slow layers run beside the call: what they add to this. Nothing of the answer leaves before it; never rejects. */
  readonly pending?: Promise<Inspection>
  /** Leading segments that this principal's last inspections already held, so that a receipt need not store them again. */
  readonly known?: number
}

/** What became of a tool call that the model proposed. */
export type ProposalOutcome = { readonly allow: true } | { readonly allow: false; readonly refusal: Refusal }

/** The last station before the caller, behind everything that is recorded. */
export interface Restorer {
  push(event: ReplyEvent): readonly ReplyEvent[]
  end(): readonly ReplyEvent[]
}

export interface ReplyGuard {
  /**
   * Takes the next upstream event and gives what may leave now, in order. Returning a refusal ends the reply:
   * nothing that was withheld may leave after it.
   */
  push(event: ReplyEvent): StreamStep | Promise<StreamStep>
  /** The upstream has ended: releases or refuses what was withheld. */
  end(): StreamStep | Promise<StreamStep>
  findings(): readonly Finding[]
  micros(): number
  /** Puts back what redaction took out of this caller's request; absent where nothing was. */
  readonly restorer?: Restorer
}

export interface StreamStep {
  readonly release: readonly ReplyEvent[]
  readonly refusal?: Refusal
}

export interface Guard {
  /** Looks at everything that would go to the target. */
  inspect(asked: Asked, segments: readonly Segment[], phase: 'request' | 'reply', signal: AbortSignal): Inspection | Promise<Inspection>
  /**
   * The hold-back for one reply. `decide` is asked for each complete tool call, before anything of it leaves.
   * `onDenied`: `fail` ends the turn with the refusal, `drop` takes the call out and goes on.
   */
  reply(asked: Asked, options: ReplyGuardOptions): ReplyGuard
}

export interface ReplyGuardOptions {
  readonly mode: OutputMode
  readonly onDenied: 'fail' | 'drop'
  readonly signal: AbortSignal
  decide(proposal: Proposal, args: string): Promise<ProposalOutcome> | ProposalOutcome
}
