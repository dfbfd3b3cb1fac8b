import type { DatabaseSync } from 'node:sqlite'
import type { DataKey } from '../interfaces.ts'

export function subjectRows(db: DatabaseSync) {
  const get = db.prepare('SELECT wrapped, under FROM subject_keys WHERE subject = ?')
  const put = db.prepare('INSERT OR REPLACE INTO subject_keys VALUES (?, ?, ?)')
  const destroy = db.prepare('DELETE FROM subject_keys WHERE subject = ?')
  const hold = db.prepare('INSERT OR REPLACE INTO holds VALUES (?, ?, ?)')
  const held = db.prepare('SELECT until, reason FROM holds WHERE subject = ?')
  return {
    get(subject: string): DataKey | undefined {
      const row = get.get(subject)
      return row === undefined ? undefined : { wrapped: row['wrapped'] as Uint8Array, under: row['under'] as string }
    },
    put(subject: string, wrapped: Uint8Array, under: string): void {
      put.run(subject, wrapped, under)
    },
    destroy: (subject: string): boolean => Number(destroy.run(subject).changes) > 0,
    hold(subject: string, until: number | undefined, reason: string): void {
      hold.run(subject, until ?? null, reason)
    },
    held(subject: string): { readonly until?: number; readonly reason: string } | undefined {
      const row = held.get(subject)
      if (row === undefined) return undefined
      return { reason: row['reason'] as string, ...(row['until'] === null ? {} : { until: Number(row['until']) }) }
    },
  }
}
