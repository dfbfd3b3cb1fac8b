import type { Clock } from '../../contract/clock.ts'
import type { Labels } from '../../contract/flow.ts'
import type { Sessions } from '../../store/interfaces.ts'
import { USUAL, type FlowLimits } from './limits.ts'

/** Labels of a task of which nothing else is known, and when it was last used: milliseconds of the monotonic clock. */
export interface Gone {
  readonly labels: Labels
  readonly used: number
}

/** Where labels outlive the process: one row a task, by the hash of whose it is, without content. */
export interface LabelRows {
  /** What was kept when this process began; the one that was used longest ago first. */
  readonly known: Map<string, Gone>
  /** Until then, by the monotonic clock, whoever is not among them may be one that could not be kept. */
  readonly unknownUntil: number
  /** @param ms for how long. It is on its way to the disk when this returns, ahead of whatever is written after it. */
  put(owner: string, labels: Labels, ms: number): void
  drop(owner: string): void
  /** For so long everybody new may be one that could not be kept. */
  unknown(ms: number): void
  /** Everything so far is on disk, or failed and is tried again. Undefined = nothing is under way. Never rejects. */
  written(): Promise<void> | undefined
  close(): Promise<void>
}

export interface LabelRowsDeps {
  readonly clock: Clock
  readonly sessions: Sessions
  readonly limits?: FlowLimits
  readonly onStoreError: (error: unknown) => void
}

interface Row {
  /** Undefined = there shall be none. */
  readonly labels: Labels | undefined
  /** Milliseconds since the Unix epoch. */
  readonly expires: number
}

/** A row of the house itself; the labels of each task stand beside it. */
const NOBODY = ''
const LABELS = 'flow.labels'
/** Whose labels are those of everybody that nothing is known of. */
const EVERYBODY = ''
const RETRY_MS = 5_000
const MOST_RETRIED = 10_000

/** Reads what was kept. @throws {StoreError} where that cannot be read: labels that are forgotten would be lower. */
export async function openLabelRows({ clock, sessions, limits = USUAL, onStoreError }: LabelRowsDeps): Promise<LabelRows> {
  const began = clock.wall()
  // A clock that was set back meanwhile makes nothing last longer than it does in memory.
  const usedAt = (expires: number): number => clock.monotonic() + Math.min(limits.ends, expires - began) - limits.ends
  const rows = await sessions.all(LABELS, began, limits.labels + 2)
  const kept = rows.filter(({ principal }) => principal !== EVERYBODY)
  const [everybody, left] = [rows.find(({ principal }) => principal === EVERYBODY), kept[limits.labels]]
  const unknownUntil = Math.max(-1, ...[everybody, left].flatMap((one) => (one === undefined ? [] : [usedAt(one.expires) + limits.ends])))
  const known = new Map(kept.slice(0, limits.labels).reverse().map(({ principal, state, expires }) => [principal, { labels: read(state), used: usedAt(expires) }]))

  const unwritten = new Map<string, Row>()
  const underWay = new Set<Promise<void>>()
  let cancel: (() => void) | undefined
  let closed = false
  let everybodyUntil = everybody?.expires ?? 0

  const retry = (): void => {
    cancel = undefined
    for (const [owner, row] of [...unwritten]) send(owner, row)
  }

  const written = async (owner: string, row: Row): Promise<void> => {
    try {
      if (row.labels === undefined) await sessions.drop(NOBODY, owner, LABELS)
      else await sessions.put(NOBODY, owner, LABELS, Buffer.from(JSON.stringify(row.labels)), row.expires)
      if (unwritten.get(owner) === row) unwritten.delete(owner)
    } catch (error) {
      if (cancel !== undefined) return
      onStoreError(error)
      if (!closed) cancel = clock.timer(RETRY_MS, retry)
    }
  }

  const send = (owner: string, row: Row): void => {
    unwritten.set(owner, row)
    const one = written(owner, row).finally(() => underWay.delete(one))
    underWay.add(one)
    if (unwritten.size > MOST_RETRIED) giveUp()
  }

  /** So much does not get to the disk that one of them is not tried again: everybody may be it. */
  const giveUp = (): void => {
    for (const [owner, { labels, expires }] of unwritten) {
      if (owner === EVERYBODY) continue
      unwritten.delete(owner)
      if (labels !== undefined && expires > everybodyUntil) unknown(expires + limits.ends)
      return
    }
  }

  const unknown = (until: number): void => {
    everybodyUntil = Math.max(everybodyUntil, until)
    send(EVERYBODY, { labels: WORST, expires: everybodyUntil })
  }

  return {
    known,
    unknownUntil,
    put: (owner, labels, ms) => send(owner, { labels, expires: clock.wall() + ms }),
    drop: (owner) => send(owner, { labels: undefined, expires: 0 }),
    unknown: (ms) => unknown(clock.wall() + ms),
    written: () => (underWay.size === 0 ? undefined : Promise.all(underWay).then(() => undefined)),
    async close() {
      closed = true
      cancel?.()
      retry()
      await Promise.all(underWay)
    },
  }
}

export const WORST: Labels = { untrusted: true, sensitivity: 3 }

/** What is not as it was written is no reason to take it for less. */
function read(state: Uint8Array): Labels {
  try {
    const { untrusted, sensitivity } = JSON.parse(Buffer.from(state).toString('utf8')) as Partial<Labels>
    return typeof untrusted === 'boolean' && typeof sensitivity === 'number' ? { untrusted, sensitivity } : WORST
  } catch {
    return WORST
  }
}
