import type { DatabaseSync } from 'node:sqlite'

export function sessionRows(db: DatabaseSync) {
  const get = db.prepare('SELECT state FROM sessions WHERE tenant = ? AND principal = ? AND id = ?')
  const put = db.prepare('INSERT OR REPLACE INTO sessions VALUES (?, ?, ?, ?, ?)')
  const sweep = db.prepare('DELETE FROM sessions WHERE expires <= ?')
  return {
    get(tenant: string, principal: string, id: string): Uint8Array | undefined {
      return get.get(tenant, principal, id)?.['state'] as Uint8Array | undefined
    },
    put(tenant: string, principal: string, id: string, state: Uint8Array, expires: number): void {
      put.run(tenant, principal, id, state, expires)
    },
    sweep: (now: number): number => Number(sweep.run(now).changes),
  }
}
