import type { DatabaseSync } from 'node:sqlite'
import type { SessionRow } from '../interfaces.ts'

export function sessionRows(db: DatabaseSync) {
  const get = db.prepare('SELECT state FROM sessions WHERE tenant = ? AND principal = ? AND id = ?')
  const put = db.prepare('INSERT OR REPLACE INTO sessions VALUES (?, ?, ?, ?, ?)')
  const drop = db.prepare('DELETE FROM sessions WHERE tenant = ? AND principal = ? AND id = ?')
  const all = db.prepare('SELECT tenant, principal, state, expires FROM sessions WHERE expires > ? AND id = ? ORDER BY expires DESC LIMIT ?')
  const sweep = db.prepare('DELETE FROM sessions WHERE expires <= ?')
  return {
    get(tenant: string, principal: string, id: string): Uint8Array | undefined {
      return get.get(tenant, principal, id)?.['state'] as Uint8Array | undefined
    },
    put(tenant: string, principal: string, id: string, state: Uint8Array, expires: number): void {
      put.run(tenant, principal, id, state, expires)
    },
    drop(tenant: string, principal: string, id: string): void {
      drop.run(tenant, principal, id)
    },
    all: (id: string, now: number, most: number): SessionRow[] =>
      all.all(now, id, most).map((row) => ({ tenant: row['tenant'] as string, principal: row['principal'] as string, state: row['state'] as Uint8Array, expires: Number(row['expires']) })),
    sweep: (now: number): number => Number(sweep.run(now).changes),
  }
}
