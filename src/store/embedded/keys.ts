import type { DatabaseSync } from 'node:sqlite'
import { StoreError, type KeyRow } from '../interfaces.ts'

export function keyRows(db: DatabaseSync) {
  const all = db.prepare('SELECT id, tenant, name, hash, under, created, expires, revoked, scope FROM keys ORDER BY created, id')
  const insert = db.prepare('INSERT OR IGNORE INTO keys VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)')
  const revoke = db.prepare('UPDATE keys SET revoked = ? WHERE id = ? AND revoked IS NULL')
  return {
    all: (): KeyRow[] =>
      all.all().map((row) => ({
        id: row['id'] as string,
        tenant: row['tenant'] as string,
        name: row['name'] as string,
        hash: row['hash'] as Uint8Array,
        under: row['under'] as string,
        created: Number(row['created']),
        ...(row['expires'] === null ? {} : { expires: Number(row['expires']) }),
        ...(row['revoked'] === null ? {} : { revoked: Number(row['revoked']) }),
        scope: row['scope'] as string,
      })),
    insert(row: KeyRow): void {
      const { changes } = insert.run(row.id, row.tenant, row.name, row.hash, row.under, row.created, row.expires ?? null, row.revoked ?? null, row.scope)
      if (Number(changes) === 0) throw new StoreError('conflict', `there is a key ${row.id} already`)
    },
    revoke: (id: string, at: number): boolean => Number(revoke.run(at, id).changes) > 0,
  }
}
