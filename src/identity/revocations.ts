import type { Clock } from '../contract/clock.ts'
import type { RevocationRow, Revocations } from '../store/interfaces.ts'

/** Ids that an operator revoked and that nothing else knows: workloads and users of issuers, local programs, tokens. */
export interface RevokedIds {
  /** Costs nothing while the list is empty. */
  has(id: string): boolean
  /** The first of them that is on the list; not even asked for while that is empty, as at every call with a key. */
  find(ids: () => readonly string[]): string | undefined
  /**
   * Refused wherever it appears from this very call on, for so long or as long as it was before, whichever ends later;
   * durable when resolved. @throws {RevokedIdsError} when the list is full.
   */
  add(id: string, forMs: number, by: string): Promise<RevocationRow>
  /** False where it is not on the list. It counts again when resolved: what is lifted in memory alone would be back after a restart. */
  lift(id: string): Promise<boolean>
  list(): readonly RevocationRow[]
  sweep(): Promise<void>
}

/** What the operator can do something about; the message says what. */
export class RevokedIdsError extends Error {}

const MOST = 100_000

export async function openRevokedIds({ store, clock, onRevoked }: { readonly store: Revocations; readonly clock: Clock; readonly onRevoked: (ids: readonly string[]) => void }): Promise<RevokedIds> {
  const rows = new Map<string, RevocationRow>()
  for (const row of await store.all()) rows.set(row.id, row)
  const has = (id: string): boolean => rows.size > 0 && (rows.get(id)?.until ?? 0) > clock.wall()
  return {
    has,
    find: (ids) => (rows.size === 0 ? undefined : ids().find(has)),
    async add(id, forMs, by) {
      const at = clock.wall()
      const before = rows.get(id)
      if (before === undefined && rows.size >= MOST) throw new RevokedIdsError(`${MOST} ids are revoked already: lift some of them`)
      const row = { id, at, until: Math.max(at + forMs, before?.until ?? 0), by }
      rows.set(id, row)
      onRevoked([id])
      await store.put(row)
      return row
    },
    async lift(id) {
      const before = rows.get(id)
      const there = await store.lift(id)
      // One that was revoked again meanwhile stays so.
      if (rows.get(id) === before) rows.delete(id)
      return there
    },
    list: () => [...rows.values()].filter(({ until }) => until > clock.wall()),
    async sweep() {
      const now = clock.wall()
      await store.sweep(now)
      for (const { id, until } of rows.values()) if (until <= now) rows.delete(id)
    },
  }
}
