import type { DatabaseSync } from 'node:sqlite'
import { StoreError, type ApprovalRow } from '../interfaces.ts'

export function approvalRows(db: DatabaseSync) {
  const insert = db.prepare('INSERT OR IGNORE INTO approvals VALUES (?, ?, ?, ?, ?, ?)')
  const get = db.prepare('SELECT id, tenant, state, action, created, expires FROM approvals WHERE tenant = ? AND id = ?')
  const move = db.prepare('UPDATE approvals SET state = ? WHERE tenant = ? AND id = ? AND state = ?')
  const pending = db.prepare(`SELECT id, tenant, state, action, created, expires FROM approvals
    WHERE tenant = ? AND state = 'pending' ORDER BY created, id`)
  return {
    insert(row: ApprovalRow): void {
      const { changes } = insert.run(row.tenant, row.id, row.state, row.action, row.created, row.expires)
      if (Number(changes) === 0) throw new StoreError('conflict', `there is an approval ${row.id} already`)
    },
    get(tenant: string, id: string): ApprovalRow | undefined {
      const row = get.get(tenant, id)
      return row === undefined ? undefined : approvalOf(row)
    },
    move: (tenant: string, id: string, from: ApprovalRow['state'], to: ApprovalRow['state']): boolean =>
      Number(move.run(to, tenant, id, from).changes) > 0,
    pending: (tenant: string): ApprovalRow[] => pending.all(tenant).map(approvalOf),
  }
}

function approvalOf(row: Record<string, unknown>): ApprovalRow {
  return {
    id: row['id'] as string,
    tenant: row['tenant'] as string,
    state: row['state'] as ApprovalRow['state'],
    action: row['action'] as Uint8Array,
    created: Number(row['created']),
    expires: Number(row['expires']),
  }
}
