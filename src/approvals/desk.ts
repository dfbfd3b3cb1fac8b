import type { ReleasedHow } from '../contract/approval.ts'
import type { Shown } from '../contract/shown.ts'
import type { Action, Effect, Resource } from '../contract/exchange.ts'
import type { Finding } from '../contract/finding.ts'
import type { Context } from '../contract/policy.ts'

/** A person who may decide. The administrator's key is one person with `admin`. */
export interface Reviewer {
  /** Public id of the credential. */
  readonly id: string
  readonly name: string
  /** Who this person is where agents act for them (an entry of a chain, a SPIFFE id): never decides about that. */
  readonly identity?: string
  /** The one tenant whose holds these are; absent = every tenant (only with `admin`). */
  readonly tenant?: string
  readonly groups: readonly string[]
  /** `author`: may make rules. */
  readonly rights: readonly string[]
  readonly admin: boolean
}

/**
 * What a reviewer decides. Durations are milliseconds from now.
 * `once`: this action as many times as `calls` (1; at most as many as the reviewer was shown waiting) ·
 * `task`: this action and resource for the rest of the task, `anyTask` for whatever task the principal has ·
 * `value`: all control values of the action, named by path, for later actions of the same class ·
 * `rule`: a Cedar permit; whatever it matches is not held by the same policies any more ·
 * `deny`, `end`: one person suffices; `end` also refuses everything else of the session. The message reaches the caller.
 */
export type Choice =
  | { readonly kind: 'once'; readonly calls?: number }
  | { readonly kind: 'task'; readonly forMs?: number; readonly anyTask?: true }
  | { readonly kind: 'value'; readonly paths: readonly string[]; readonly forMs?: number }
  | { readonly kind: 'rule'; readonly text: string; readonly forMs: number }
  | { readonly kind: 'deny'; readonly message?: string }
  | { readonly kind: 'end'; readonly message?: string }

export type ApprovalState = 'pending' | 'approved' | 'denied' | 'expired'

/** One person's consent of two. */
export interface Agreement {
  readonly by: string
  readonly kind: Choice['kind']
  readonly at: number
}

/** What stands in lists and travels in webhooks: no content. Times are milliseconds since the Unix epoch. */
export interface ApprovalSummary {
  readonly id: string
  /** What a decision is bound to: goes back with it unchanged. */
  readonly hash: string
  readonly tenant: string
  readonly state: ApprovalState
  readonly workload: string
  /** Whom the workload acts for, outermost first: `chain[0]` is the user. */
  readonly chain: readonly string[]
  readonly agent?: string
  readonly task?: string
  readonly action: Action
  readonly resource: string
  readonly route: string
  readonly exchange: string
  readonly policies: readonly string[]
  /** The holding policy's own message. */
  readonly message?: string
  /** Group that may decide; absent = every reviewer of the tenant. */
  readonly group?: string
  /** How many different persons must agree. */
  readonly reviewers: number
  readonly agreed: readonly Agreement[]
  readonly created: number
  /** After this nobody can approve it any more. */
  readonly expires: number
  /** When it was decided or ran out. */
  readonly closed?: number
  /** Calls that wait for it right now. */
  readonly waiting: number
  readonly decision?: {
    readonly kind: Choice['kind']
    /** Names, in the order in which they agreed. */
    readonly by: readonly string[]
    readonly at: number
    /** From when the last of them first saw it, else from its creation. */
    readonly tookMs: number
  }
}

/** An earlier decision about the same tool held by the same policies. */
export interface Similar {
  readonly approved: number
  readonly denied: number
  readonly expired: number
  /** The last few, newest first. */
  readonly last: readonly { readonly id: string; readonly state: ApprovalState; readonly kind?: Choice['kind']; readonly by: readonly string[]; readonly at: number }[]
}

/** A kept action that a rule matches. */
export interface Match {
  readonly id: string
  readonly at: number
  readonly state: ApprovalState
  readonly workload: string
  readonly chain: readonly string[]
  readonly action: Action
  readonly resource: string
}

export interface Matches {
  /** Kept actions that were looked at, newest first, at most 200. */
  readonly looked: number
  readonly matched: number
  /** At most 20. */
  readonly matches: readonly Match[]
}

/** Everything that a reviewer is shown. `shown` is text that an agent wrote: escape it. Absent once it was erased. */
export interface ApprovalView extends ApprovalSummary {
  readonly shown?: Shown
  readonly effects: readonly Effect[]
  readonly attributes: Resource['attributes']
  readonly context?: Context
  readonly findings: readonly Finding[]
  readonly similar: Similar
  /** A rule that would have let this through, as text to edit, and what else it would have matched. */
  readonly suggestion?: { readonly text: string; readonly would: Matches }
  /** Why this reviewer may not decide it; absent = may. */
  readonly barred?: string
  /** The message that a denial gave the caller. */
  readonly said?: string
}

/** What came of a decision. `agreed`: another person has to agree as well. */
export interface Decided {
  readonly id: string
  readonly result: 'released' | 'granted' | 'agreed' | 'denied' | 'ended'
  /** Calls that go on because of it. */
  readonly released: number
  /** The consent that stands from now on (`withdraw` takes its id), and until when. */
  readonly stands?: { readonly id: string; readonly until: number }
  /** How many more persons must agree. */
  readonly missing: number
}

/** What stands from earlier decisions. `end`: a session that was ended; withdrawing it lets the session go on. */
export interface Standing {
  readonly id: string
  readonly kind: Exclude<ReleasedHow, 'once'> | 'end'
  readonly tenant: string
  /** The approval whose decision it is. */
  readonly approval: string
  readonly by: readonly string[]
  readonly since: number
  readonly until: number
  readonly policies: readonly string[]
  readonly workload?: string
  readonly chain?: readonly string[]
  readonly task?: string
  readonly action?: Action
  readonly resource?: string
  readonly class?: string
  readonly values?: readonly { readonly path: string; readonly value: string | number | boolean | null }[]
  /** A rule's text. */
  readonly text?: string
  /** A grant's uses that are left. */
  readonly left?: number
}

/** People approve this without looking: what a policy author could do about it. */
export interface Proposal {
  readonly id: string
  readonly tenant: string
  readonly at: number
  readonly action: Action
  readonly resource: string
  readonly policies: readonly string[]
  /** Of the decisions about it that are kept. */
  readonly approved: number
  readonly denied: number
  readonly medianMs: number
  readonly why: string
  /** `stop_asking`: never denied, the rule would let it pass · `narrow`: some were denied, the hold should say which. */
  readonly kind: 'stop_asking' | 'narrow'
  /** Rule text to edit, where one can be suggested. */
  readonly text?: string
}

/** How somebody decides lately: their last 40 decisions. */
export interface Habit {
  /** A name; absent = everybody together. */
  readonly reviewer?: string
  readonly decisions: number
  readonly approved: number
  /** Approved in under two seconds. */
  readonly fast: number
  readonly medianMs: number
  /** Decisions in the last hour. */
  readonly lastHour: number
  /** Decides slower and sees fewer at once until this is healthy again. */
  readonly tight: boolean
}

export type DeskEvent =
  | { readonly kind: 'created' | 'agreed' | 'decided' | 'expired'; readonly at: number; readonly approval: ApprovalSummary }
  /** A call goes on because of it; `approval` names the decision, of now or earlier. */
  | { readonly kind: 'released'; readonly at: number; readonly approval: string; readonly tenant: string; readonly group?: string; readonly how: ReleasedHow; readonly exchange: string; readonly by: readonly string[] }
  /** People approve without looking. `tenant` is the reviewer's. */
  | { readonly kind: 'alarm'; readonly at: number; readonly habit: Habit; readonly tenant?: string }
  /** A subscriber that reads too slowly lost this many events: it should list anew. */
  | { readonly kind: 'missed'; readonly at: number; readonly events: number }

export type DeskFault = 'not_found' | 'forbidden' | 'conflict' | 'expired' | 'invalid' | 'slow' | 'unavailable'

/** Why a decision was not taken; `message` is a sentence for the person who asked. Nothing changed. */
export class DeskError extends Error {
  readonly fault: DeskFault
  constructor(fault: DeskFault, message: string) {
    super(message)
    this.name = 'DeskError'
    this.fault = fault
  }
}

/** What the surfaces call. Every function keeps to what the reviewer may see; each refusal is a `DeskError`. */
export interface Desk {
  /** What waits for a decision and this reviewer may see, oldest first. */
  list(reviewer: Reviewer): readonly ApprovalSummary[]
  /** Everything about one; counts as having been shown. @throws {DeskError} `not_found`, `slow`, `unavailable` */
  get(reviewer: Reviewer, id: string): Promise<ApprovalView>
  /**
   * Decides. `hash` is the summary's: what the reviewer looked at. Single winner, also among several processes.
   * @throws {DeskError} of every fault; refusals leave a record.
   */
  decide(reviewer: Reviewer, id: string, hash: string, choice: Choice): Promise<Decided>
  /** What was decided or ran out, newest first. `before` is a `closed`. At most 200. */
  history(reviewer: Reviewer, options: { readonly before?: number; readonly limit: number }): Promise<readonly ApprovalSummary[]>
  /** What a rule would have matched among the kept actions of a tenant. @throws {DeskError} `invalid` with what is wrong with it. */
  wouldMatch(reviewer: Reviewer, text: string, tenant?: string): Promise<Matches>
  standing(reviewer: Reviewer): Promise<readonly Standing[]>
  /** Takes back what stands; lifts the end of a session. @throws {DeskError} */
  withdraw(reviewer: Reviewer, id: string): Promise<void>
  /** For policy authors. @throws {DeskError} `forbidden` without the right. */
  proposals(reviewer: Reviewer): readonly Proposal[]
  /** Makes a rule of a proposal, edited or not. @throws {DeskError} */
  adopt(reviewer: Reviewer, id: string, text: string, forMs: number): Promise<Standing>
  dismiss(reviewer: Reviewer, id: string): Promise<void>
  /** How people decide lately; everybody first. */
  habits(reviewer: Reviewer): readonly Habit[]
  /** Events that this reviewer may see, from now on until `signal` aborts; a bounded buffer each. @throws {DeskError} `unavailable` with too many watchers. */
  watch(reviewer: Reviewer, signal: AbortSignal): AsyncIterable<DeskEvent>
}
