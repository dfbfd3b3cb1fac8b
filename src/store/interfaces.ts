import type { Pins } from './pins.ts'

/**
 * The small async interfaces behind which everything durable lives (DESIGN §6). The embedded implementations are
 * in store/embedded, the shared ones (PostgreSQL, Valkey) in store/shared; each passes the same contract suite.
 */

/**
 * Why a store could not do what was asked. `full` and `io` are conditions of the machine: they may pass, and the
 * store goes on. `held` = a legal hold forbids it · `conflict` = the row exists already · `overloaded` = more is
 * queued than the store accepts · `locked` = another process writes this state · `corrupt` = what is on disk is no
 * store, or a newer one's.
 */
export type StoreFault = 'full' | 'io' | 'held' | 'conflict' | 'overloaded' | 'locked' | 'read_only' | 'corrupt' | 'closed' | 'refused'

export class StoreError extends Error {
  readonly fault: StoreFault
  constructor(fault: StoreFault, message: string) {
    super(message)
    this.name = 'StoreError'
    this.fault = fault
  }
}

/** One row that a counter holds. `window` is the window's start in ms since the epoch (0 = not windowed). */
export interface CounterState {
  readonly key: string
  readonly window: number
  readonly requests: number
  readonly tokens: number
  readonly cost: number
}

/** What an open reservation holds; kept until it is settled so that a crash charges it at its estimate. */
export interface OpenReservation {
  readonly id: string
  readonly rows: readonly CounterState[]
}

export interface Counters {
  /** Everything still inside its window, and reservations that were never settled; read once at start. */
  load(): Promise<{ readonly counters: readonly CounterState[]; readonly open: readonly OpenReservation[] }>
  /**
   * Applies deltas to counters and closes the reservation; exactly once per id (a second call is a no-op). An id
   * settled before its reservation arrived stays settled: the reservation is then not opened. What a reservation
   * set aside is not in the counters until it is settled.
   */
  settle(id: string, deltas: readonly CounterState[]): Promise<void>
  /** Drops windows that started before `before` (ms), except unwindowed ones, and forgets ids settled before it. */
  sweep(before: number): Promise<void>
}

export interface LogEntry {
  readonly index: number
  readonly id: string
  readonly parent?: string
  readonly tenant: string
  readonly kind: 'intent' | 'receipt' | 'act'
  /** RFC 8785 JSON, UTF-8: exactly the bytes that the leaf hash covers. */
  readonly record: Uint8Array
}

export interface SealedPayload {
  readonly subject: string
  readonly tenant: string
  readonly bytes: Uint8Array
  /** Milliseconds since the Unix epoch: what retention counts from. Absent = when it is stored. */
  readonly at?: number
}

export interface AppendEntry {
  /** Exchange id: finds intent, receipt and acts together. */
  readonly id: string
  /** Exchange that this one is a child of. */
  readonly parent?: string
  readonly tenant: string
  readonly kind: 'intent' | 'receipt' | 'act'
  readonly record: Uint8Array
  readonly payload?: SealedPayload
  /** Reservation to open in the same transaction (with an intent). */
  readonly reservation?: OpenReservation
}

export interface TreeHead {
  readonly size: number
  /** RFC 6962 root over the leaves. */
  readonly root: Uint8Array
}

export interface DataKey {
  readonly wrapped: Uint8Array
  /** Id of the key-encryption key that wrapped it. */
  readonly under: string
}

/** What a scribe read from a batch, and what it must be told before it can finish. */
export interface Draft {
  readonly subjects: readonly string[]
  readonly tenants: readonly string[]
  /**
   * `keys`: the data keys that exist for `subjects`; `used`: payload bytes that each of `tenants` holds.
   * Gives the entries, and the data keys it had to make; both are stored in one transaction.
   */
  finish(keys: ReadonlyMap<string, DataKey>, used: ReadonlyMap<string, number>): {
    readonly entries: readonly AppendEntry[]
    readonly keys: ReadonlyMap<string, DataKey>
  }
}

/**
 * Makes log entries of what audit hands over: canonical bytes and sealed payloads. It is audit's code, run where
 * the store keeps its data (the embedded store's worker), so that none of it costs the event loop anything.
 */
export interface Scribe {
  read(batch: string, contents: readonly string[]): Draft
  /** The subject's data key was destroyed: nothing may keep a copy. */
  forget(subject: string): void
}

/** Where a store finds its scribe: a module with `openScribe(options): Scribe`, imported on the store's side. */
export interface ScribeReference {
  readonly module: string
  readonly options: unknown
}

export interface Checkpoint {
  readonly note: string
  readonly head: TreeHead
}

export interface Receipts {
  /** One transaction, durable when resolved with a head that has the entries. Rejects as a whole. */
  append(entries: readonly AppendEntry[]): Promise<TreeHead>
  /** As `append`, of the entries that the store's scribe makes of `batch` and `contents`. */
  write(batch: string, contents: readonly string[]): Promise<TreeHead>
  head(): Promise<TreeHead>
  read(from: number, limit: number): Promise<readonly LogEntry[]>
  /** Roots of complete tiles (`TILE` leaves each, formats/merkle.ts), from tile number `from`. */
  tiles(from: number, limit: number): Promise<readonly Uint8Array[]>
  /** All entries of an exchange and of its children, oldest first; of one tenant when it is given. */
  find(id: string, tenant?: string): Promise<readonly LogEntry[]>
  /** Entries newest first; `before` is an index. */
  tail(options: { readonly tenant?: string; readonly before?: number; readonly limit: number }): Promise<readonly LogEntry[]>
  /** Intents that never got a receipt, oldest first. */
  interrupted(): Promise<readonly LogEntry[]>
  payload(id: string, tenant?: string): Promise<SealedPayload | undefined>
  /** SHA-256 of the sealed bytes that are there for entries `from` up to, not including, `to`. */
  payloadHashes(from: number, to: number): Promise<readonly { readonly index: number; readonly hash: Uint8Array }[]>
  /** Bytes of payload a tenant holds. */
  payloadBytes(tenant: string): Promise<number>
  dropPayloads(subject: string): Promise<number>
  /** Drops payloads stored for a time before `before` (ms), except those of subjects held at `now`. */
  expirePayloads(before: number, now: number): Promise<number>
  /**
   * Destroys the subject's data key, drops its payloads and appends `act`, all or nothing; nothing of the key stays
   * in the store's files. Gives the number of payloads dropped.
   * @throws {StoreError} `held` while a legal hold on the subject lasts at `now`.
   */
  erase(subject: string, now: number, act: AppendEntry): Promise<number>
  saveCheckpoint(note: string, head: TreeHead): Promise<void>
  lastCheckpoint(): Promise<Checkpoint | undefined>
  /** Checkpoints of trees larger than `after`, smallest first. */
  checkpoints(after: number, limit: number): Promise<readonly Checkpoint[]>
}

export interface KeyRow {
  readonly id: string
  readonly tenant: string
  readonly name: string
  /** HMAC-SHA-256 of the whole key under a named secret. */
  readonly hash: Uint8Array
  /** Id of the secret that made `hash`. */
  readonly under: string
  readonly created: number
  readonly expires?: number
  readonly revoked?: number
  /** JSON: roles, cohort, agent, routes, models, rights. */
  readonly scope: string
}

export interface Keys {
  all(): Promise<readonly KeyRow[]>
  insert(row: KeyRow): Promise<void>
  revoke(id: string, at: number): Promise<boolean>
}

export interface WorkloadRow {
  /** SPIFFE id. */
  readonly id: string
  readonly tenant: string
  /** JSON: roles, cohort, agent, routes, models, tools, rights. */
  readonly scope: string
  readonly created: number
  readonly revoked?: number
}

/** A token with which one workload may enrol, once. */
export interface EnrolmentRow {
  readonly id: string
  readonly workload: string
  readonly tenant: string
  readonly scope: string
  /** HMAC-SHA-256 of the whole token under a named secret. */
  readonly hash: Uint8Array
  /** Id of the secret that made `hash`. */
  readonly under: string
  readonly created: number
  readonly expires: number
  readonly used?: number
}

export interface CertificateRow {
  readonly serial: string
  /** SPIFFE id that it names. */
  readonly workload: string
  /** Id of the CA that signed it. */
  readonly authority: string
  /** Serial number of the certificate that it was renewed with. */
  readonly parent?: string
  readonly expires: number
  readonly revoked?: number
}

/** Enrolled workloads and what was issued to them. */
export interface Workloads {
  all(): Promise<{ readonly workloads: readonly WorkloadRow[]; readonly enrolments: readonly EnrolmentRow[]; readonly certificates: readonly CertificateRow[] }>
  offer(row: EnrolmentRow): Promise<void>
  /**
   * Uses an enrolment and keeps the certificate that it led to, in one transaction. Of many at once one wins; the
   * others, and whoever comes after its end, get false and leave nothing behind. The workload is made, or gets the
   * enrolment's scope and is no longer revoked; that of another tenant is left alone (false).
   */
  enrol(enrolment: string, at: number, certificate: CertificateRow): Promise<boolean>
  /** Keeps a further certificate; false where its workload or its parent was revoked, or is not known. */
  renew(certificate: CertificateRow & { readonly parent: string }): Promise<boolean>
  /** Revokes a workload, all that was issued to it, and the enrolments offered to it. False when nothing was left to revoke. */
  revoke(workload: string, at: number): Promise<boolean>
  /** Revokes a certificate and all that were renewed with it. False when nothing was left to revoke. */
  revokeCertificate(serial: string, at: number): Promise<boolean>
  /** Drops certificates and enrolments that ended before `before` (ms). */
  sweep(before: number): Promise<number>
}

/** An id that is refused wherever it appears, until then: of a workload, a user or a token that no other table has. */
export interface RevocationRow {
  readonly id: string
  /** Milliseconds since the Unix epoch. */
  readonly at: number
  readonly until: number
  /** Who asked for it. */
  readonly by: string
}

export interface Revocations {
  all(): Promise<readonly RevocationRow[]>
  /** Replaces what there is of that id. */
  put(row: RevocationRow): Promise<void>
  /** False where there is none. */
  lift(id: string): Promise<boolean>
  /** Drops what ended at `now` or before. */
  sweep(now: number): Promise<number>
}

/** Data keys of subjects: destroying one erases what was sealed under it. */
export interface SubjectKeys {
  get(subject: string): Promise<DataKey | undefined>
  put(subject: string, wrapped: Uint8Array, under: string): Promise<void>
  destroy(subject: string): Promise<boolean>
  /** Forbids erasure until then (ms; undefined = until another hold replaces it; a past time lifts it). */
  hold(subject: string, until: number | undefined, reason: string): Promise<void>
  held(subject: string): Promise<{ readonly until?: number; readonly reason: string } | undefined>
}

/** One session's state, and whose it is. */
export interface SessionRow {
  readonly tenant: string
  readonly principal: string
  readonly state: Uint8Array
  /** Milliseconds since the Unix epoch. */
  readonly expires: number
}

export interface Sessions {
  get(tenant: string, principal: string, id: string): Promise<Uint8Array | undefined>
  put(tenant: string, principal: string, id: string, state: Uint8Array, expires: number): Promise<void>
  drop(tenant: string, principal: string, id: string): Promise<void>
  /** Everybody's under one id that lives on after `now`, at most `most`: those that live longest, longest first. */
  all(id: string, now: number, most: number): Promise<readonly SessionRow[]>
  sweep(now: number): Promise<number>
}

/** A question to people. Hashes are keyed: whoever reads the file cannot try guesses against them. */
export interface ApprovalRow {
  readonly id: string
  readonly tenant: string
  readonly state: 'pending' | 'approved' | 'denied' | 'expired'
  /** Counts changes: a change names the version it was made from. */
  readonly version: number
  /** Whose content it is (contract/principal.ts `subjectOf`): what erasure goes by. */
  readonly subject: string
  /** Hash of the exact action. */
  readonly bound: string
  /** Hash of what earlier decisions are looked up by. */
  readonly alike: string
  /** Milliseconds since the Unix epoch. */
  readonly created: number
  readonly expires: number
  readonly decided?: number
  /** JSON, no content: who agreed, what was decided. */
  readonly notes: string
  /** Sealed. */
  readonly content: Uint8Array
}

/** What stands from a decision: `uses` times, or as often as it matches until `until`. */
export interface ConsentRow {
  readonly id: string
  readonly tenant: string
  readonly kind: 'grant' | 'task' | 'value' | 'rule' | 'end'
  readonly subject: string
  /** Keyed hash by which a call finds it. */
  readonly key: string
  /** Absent = not counted. */
  readonly uses?: number
  readonly created: number
  readonly until: number
  /** Sealed. */
  readonly content: Uint8Array
}

/** What a decision changes in its approval. */
export interface ApprovalChange {
  readonly state: ApprovalRow['state']
  readonly decided?: number
  readonly notes: string
  readonly content: Uint8Array
}

export interface Approvals {
  /** @throws {StoreError} `conflict` when the tenant has one of this id. */
  insert(row: ApprovalRow): Promise<void>
  /** Of whatever tenant when none is given. */
  get(tenant: string | undefined, id: string): Promise<ApprovalRow | undefined>
  /** Of all tenants, oldest first; read once at start. */
  pending(): Promise<readonly ApprovalRow[]>
  /**
   * Single winner: only while it is pending in just this version and, unless it is to become `expired`, ends after
   * `now`. The consents that the decision makes and the ids of those that it takes back change with it or not at all.
   */
  decide(tenant: string, id: string, version: number, now: number, change: ApprovalChange, made: readonly ConsentRow[], taken: readonly string[]): Promise<boolean>
  /** Decided or expired ones, newest decision first; of one tenant or of all, of equal `alike` where it is given. */
  decided(options: { readonly tenant?: string; readonly alike?: string; readonly before?: number; readonly limit: number }): Promise<readonly ApprovalRow[]>
  /** How many decided ones there are of each state. */
  tally(tenant: string, alike: string): Promise<Readonly<Record<'approved' | 'denied' | 'expired', number>>>
  /** @throws {StoreError} `conflict` */
  consent(row: ConsentRow): Promise<void>
  /** Those that stand at `now` (ends after it, uses left) and that one of `keys` finds; oldest first. */
  found(tenant: string, keys: readonly string[], now: number): Promise<readonly ConsentRow[]>
  /** All that stand at `now`, of one tenant or of all; oldest first. */
  standing(now: number, tenant?: string): Promise<readonly ConsentRow[]>
  /** Takes one use while it stands. Single winner of the last one. */
  use(tenant: string, id: string, now: number): Promise<boolean>
  withdraw(tenant: string, id: string): Promise<boolean>
  /**
   * Takes away everything of a subject except ends of sessions, which hold a refusal; nothing of it stays in the
   * store's files. Gives the ids of the approvals that went.
   * @throws {StoreError} `held` while a legal hold on the subject lasts at `now`.
   */
  forget(subject: string, now: number): Promise<readonly string[]>
  /**
   * Drops what no longer stands at `now`, and what was decided before `before` or is not among the newest `most` of
   * its tenant, except under a legal hold. What is pending past its end becomes expired. Gives the number dropped.
   */
  sweep(now: number, before: number, most: number): Promise<number>
}

/** That a caller may use a server in somebody's name, and the tokens for it. */
export interface GrantRow {
  readonly tenant: string
  /** The caller and whom it acts for. */
  readonly owner: string
  readonly server: string
  /** Whose data it is (contract/principal.ts `subjectOf`): what erasure goes by. */
  readonly subject: string
  /** The authorization server that the tokens are of. */
  readonly issuer: string
  readonly scope: string
  /** Milliseconds since the Unix epoch. */
  readonly at: number
  /** Sealed. */
  readonly content: Uint8Array
}

export interface Grants {
  get(tenant: string, owner: string, server: string): Promise<GrantRow | undefined>
  /** Replaces what there is for the server. */
  put(row: GrantRow): Promise<void>
  /** False where there is none. */
  drop(tenant: string, owner: string, server: string): Promise<boolean>
  /** Of one subject or of all, oldest first. */
  list(subject?: string): Promise<readonly GrantRow[]>
}

export interface Store {
  /** Bytes posted and not yet acknowledged, as a share of what the store accepts: 1 = full. */
  pressure(): number
  readonly counters: Counters
  readonly receipts: Receipts
  readonly keys: Keys
  readonly workloads: Workloads
  readonly revocations: Revocations
  readonly subjects: SubjectKeys
  readonly sessions: Sessions
  readonly approvals: Approvals
  readonly grants: Grants
  readonly pins: Pins
  close(): Promise<void>
}
