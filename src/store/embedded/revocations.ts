import type { DatabaseSync } from 'node:sqlite'
import type { RevocationRow } from '../interfaces.ts'

export function revocationRows(db: DatabaseSync) {
  const all = db.prepare('SELECT id, at, until, by FROM revocations ORDER BY at, id')
  const put = db.prepare('INSERT OR REPLACE INTO revocations VALUES (?, ?, ?, ?)')
  const lift = db.prepare('DELETE FROM revocations WHERE id = ?')
  const sweep = db.prepare('DELETE FROM revocations WHERE until <= ?')
  return {
    all: (): RevocationRow[] => all.all().map((row) => ({ id: row['id'] as string, at: Number(row['at']), until: Number(row['until']), by: row['by'] as string })),
    put({ id, at, until, by }: RevocationRow): void {
      put.run(id, at, until, by)
    },
    lift: (id: string): boolean => Number(lift.run(id).changes) > 0,
    sweep: (now: number): number => Number(sweep.run(now).changes),
  }
}
