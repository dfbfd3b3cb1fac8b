/**
 * The small async interfaces behind which everything durable lives (DESIGN §6). The embedded implementations are
 * in store/embedded, the shared ones (PostgreSQL, Valkey) in store/shared; each passes the same contract suite.
 */

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
  /** Applies deltas to counters and closes the reservation; exactly once per id (a second call is a no-op). */
  settle(id: string, deltas: readonly CounterState[]): Promise<void>
  /** Drops windows that ended before `before` (ms). */
  sweep(before: number): Promise<void>
}

export interface LogEntry {
  readonly index: number
  readonly id: string
  readonly tenant: string
  /** RFC 8785 JSON, UTF-8: exactly the bytes that the leaf hash covers. */
  readonly record: Uint8Array
}

export interface SealedPayload {
  readonly subject: string
  readonly tenant: string
  readonly bytes: Uint8Array
}

export interface AppendEntry {
  /** Exchange id: finds intent, receipt and acts together. */
  readonly id: string
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

export interface Receipts {
  /** One transaction, durable when resolved. Rejects as a whole. */
  append(entries: readonly AppendEntry[]): Promise<TreeHead>
  head(): Promise<TreeHead>
  read(from: number, limit: number): Promise<readonly LogEntry[]>
  /** All entries of an exchange and of its children. */
  find(id: string): Promise<readonly LogEntry[]>
  /** Entries newest first; `before` is an index. */
  tail(options: { readonly tenant?: string; readonly before?: number; readonly limit: number }): Promise<readonly LogEntry[]>
  /** Intents that never got a receipt. */
  interrupted(): Promise<readonly LogEntry[]>
  payload(id: string): Promise<SealedPayload | undefined>
  /** Bytes of payload a tenant holds. */
  payloadBytes(tenant: string): Promise<number>
  dropPayloads(subject: string): Promise<number>
  saveCheckpoint(note: string, head: TreeHead): Promise<void>
  lastCheckpoint(): Promise<{ readonly note: string; readonly head: TreeHead } | undefined>
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

/** Data keys of subjects: destroying one erases what was sealed under it. */
export interface SubjectKeys {
  get(subject: string): Promise<{ readonly wrapped: Uint8Array; readonly under: string } | undefined>
  put(subject: string, wrapped: Uint8Array, under: string): Promise<void>
  destroy(subject: string): Promise<boolean>
  hold(subject: string, until: number | undefined, reason: string): Promise<void>
  held(subject: string): Promise<{ readonly until?: number; readonly reason: string } | undefined>
}

export interface Sessions {
  get(tenant: string, principal: string, id: string): Promise<Uint8Array | undefined>
  put(tenant: string, principal: string, id: string, state: Uint8Array, expires: number): Promise<void>
  sweep(now: number): Promise<number>
}

export interface ApprovalRow {
  readonly id: string
  readonly tenant: string
  readonly state: 'pending' | 'approved' | 'denied' | 'expired' | 'used'
  readonly action: Uint8Array
  readonly created: number
  readonly expires: number
}

export interface Approvals {
  insert(row: ApprovalRow): Promise<void>
  get(tenant: string, id: string): Promise<ApprovalRow | undefined>
  /** Conditional update: single winner. */
  move(tenant: string, id: string, from: ApprovalRow['state'], to: ApprovalRow['state']): Promise<boolean>
  pending(tenant: string): Promise<readonly ApprovalRow[]>
}

export interface Store {
  readonly counters: Counters
  readonly receipts: Receipts
  readonly keys: Keys
  readonly subjects: SubjectKeys
  readonly sessions: Sessions
  readonly approvals: Approvals
  close(): Promise<void>
}
