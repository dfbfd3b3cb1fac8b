import type { DatabaseSync } from 'node:sqlite'
import type { GrantRow } from '../interfaces.ts'

export function grantRows(db: DatabaseSync) {
  const get = db.prepare('SELECT * FROM grants WHERE tenant = ? AND owner = ? AND server = ?')
  const put = db.prepare('INSERT OR REPLACE INTO grants (tenant, owner, server, subject, issuer, scope, at, content) VALUES (?, ?, ?, ?, ?, ?, ?, ?)')
  const drop = db.prepare('DELETE FROM grants WHERE tenant = ? AND owner = ? AND server = ?')
  const all = db.prepare('SELECT * FROM grants ORDER BY at, tenant, owner, server')
  const of = db.prepare('SELECT * FROM grants WHERE subject = ? ORDER BY at, tenant, owner, server')
  return {
    get(tenant: string, owner: string, server: string): GrantRow | undefined {
      const row = get.get(tenant, owner, server)
      return row && rowOf(row)
    },
    put({ tenant, owner, server, subject, issuer, scope, at, content }: GrantRow): void {
      put.run(tenant, owner, server, subject, issuer, scope, at, content)
    },
    drop: (tenant: string, owner: string, server: string): boolean => Number(drop.run(tenant, owner, server).changes) > 0,
    list: (subject?: string): GrantRow[] => (subject === undefined ? all.all() : of.all(subject)).map(rowOf),
  }
}

function rowOf(row: Readonly<Record<string, unknown>>): GrantRow {
  const { tenant, owner, server, subject, issuer, scope, at, content } = row as unknown as GrantRow
  return { tenant, owner, server, subject, issuer, scope, at: Number(at), content }
}
