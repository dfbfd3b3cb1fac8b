import type { DatabaseSync } from 'node:sqlite'
import { StoreError, type ApprovalChange, type ApprovalRow, type ConsentRow } from '../interfaces.ts'

const ROW = 'id, tenant, state, version, subject, bound, alike, created, expires, decided, notes, content'
const CONSENT = 'id, tenant, kind, subject, key, uses, created, until, content'
const STANDS = 'until > ?1 AND (uses IS NULL OR uses > 0)'
const UNHELD = 'subject NOT IN (SELECT subject FROM holds WHERE until IS NULL OR until > ?1)'

export function approvalRows(db: DatabaseSync) {
  const insert = db.prepare(`INSERT OR IGNORE INTO approvals (${ROW}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
  const get = db.prepare(`SELECT ${ROW} FROM approvals WHERE tenant = ?1 AND id = ?2`)
  const getAny = db.prepare(`SELECT ${ROW} FROM approvals WHERE id = ? LIMIT 1`)
  const pending = db.prepare(`SELECT ${ROW} FROM approvals WHERE state = 'pending' ORDER BY created, id`)
  const decide = db.prepare(`UPDATE approvals SET state = ?1, version = version + 1, decided = ?2, notes = ?3, content = ?4
    WHERE tenant = ?5 AND id = ?6 AND state = 'pending' AND version = ?7 AND (expires > ?8 OR ?1 = 'expired')`)
  const decided = db.prepare(`SELECT ${ROW} FROM approvals WHERE decided < ?1 ORDER BY decided DESC, id DESC LIMIT ?2`)
  const decidedOf = db.prepare(`SELECT ${ROW} FROM approvals WHERE decided < ?1 AND tenant = ?3 ORDER BY decided DESC, id DESC LIMIT ?2`)
  const decidedAlike = db.prepare(`SELECT ${ROW} FROM approvals WHERE decided < ?1 AND tenant = ?3 AND alike = ?4 ORDER BY decided DESC, id DESC LIMIT ?2`)
  const tally = db.prepare('SELECT state, count(*) AS n FROM approvals WHERE tenant = ? AND alike = ? AND decided IS NOT NULL GROUP BY state')
  const consent = db.prepare(`INSERT OR IGNORE INTO consents (${CONSENT}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`)
  const found = db.prepare(`SELECT ${CONSENT} FROM consents WHERE ${STANDS} AND tenant = ?2 AND key IN (SELECT value FROM json_each(?3)) ORDER BY created, id`)
  const standing = db.prepare(`SELECT ${CONSENT} FROM consents WHERE ${STANDS} ORDER BY created, id`)
  const standingOf = db.prepare(`SELECT ${CONSENT} FROM consents WHERE ${STANDS} AND tenant = ?2 ORDER BY created, id`)
  const use = db.prepare('UPDATE consents SET uses = uses - 1 WHERE uses > 0 AND until > ?1 AND tenant = ?2 AND id = ?3')
  const withdraw = db.prepare('DELETE FROM consents WHERE tenant = ? AND id = ?')
  const legal = db.prepare('SELECT reason FROM holds WHERE subject = ?2 AND (until IS NULL OR until > ?1)')
  const forget = db.prepare('DELETE FROM approvals WHERE subject = ? RETURNING id')
  const forgetConsents = db.prepare("DELETE FROM consents WHERE subject = ? AND kind <> 'end'")
  const lapse = db.prepare("UPDATE approvals SET state = 'expired', version = version + 1, decided = expires WHERE state = 'pending' AND expires <= ?")
  const drop = db.prepare(`DELETE FROM approvals WHERE decided < ?2 AND ${UNHELD}`)
  const crowd = db.prepare(`DELETE FROM approvals WHERE ${UNHELD} AND rowid IN (SELECT row FROM
    (SELECT rowid AS row, row_number() OVER (PARTITION BY tenant ORDER BY decided DESC) AS place FROM approvals WHERE decided IS NOT NULL) WHERE place > ?2)`)
  const dropConsents = db.prepare(`DELETE FROM consents WHERE NOT (${STANDS})`)

  function add(row: ConsentRow): void {
    const { changes } = consent.run(row.id, row.tenant, row.kind, row.subject, row.key, row.uses ?? null, row.created, row.until, row.content)
    if (Number(changes) === 0) throw new StoreError('conflict', `there is a consent ${row.id} already`)
  }

  return {
    insert(row: ApprovalRow): void {
      const { changes } = insert.run(row.id, row.tenant, row.state, row.version, row.subject, row.bound, row.alike, row.created, row.expires, row.decided ?? null, row.notes, row.content)
      if (Number(changes) === 0) throw new StoreError('conflict', `there is an approval ${row.id} already`)
    },
    get(tenant: string | undefined, id: string): ApprovalRow | undefined {
      const row = tenant === undefined ? getAny.get(id) : get.get(tenant, id)
      return row === undefined ? undefined : approvalOf(row)
    },
    pending: (): ApprovalRow[] => pending.all().map(approvalOf),
    decide(tenant: string, id: string, version: number, now: number, change: ApprovalChange, made: readonly ConsentRow[], taken: readonly string[]): boolean {
      const { changes } = decide.run(change.state, change.decided ?? null, change.notes, change.content, tenant, id, version, now)
      if (Number(changes) === 0) return false
      for (const row of made) add(row)
      for (const one of taken) withdraw.run(tenant, one)
      return true
    },
    decided({ tenant, alike, before = Number.MAX_SAFE_INTEGER, limit }: { readonly tenant?: string; readonly alike?: string; readonly before?: number; readonly limit: number }): ApprovalRow[] {
      if (tenant === undefined) return decided.all(before, limit).map(approvalOf)
      return (alike === undefined ? decidedOf.all(before, limit, tenant) : decidedAlike.all(before, limit, tenant, alike)).map(approvalOf)
    },
    tally(tenant: string, alike: string): Record<'approved' | 'denied' | 'expired', number> {
      const counted = { approved: 0, denied: 0, expired: 0 }
      for (const row of tally.all(tenant, alike)) counted[row['state'] as keyof typeof counted] = Number(row['n'])
      return counted
    },
    consent: add,
    found: (tenant: string, keys: readonly string[], now: number): ConsentRow[] => found.all(now, tenant, JSON.stringify(keys)).map(consentOf),
    standing: (now: number, tenant?: string): ConsentRow[] => (tenant === undefined ? standing.all(now) : standingOf.all(now, tenant)).map(consentOf),
    use: (tenant: string, id: string, now: number): boolean => Number(use.run(now, tenant, id).changes) > 0,
    withdraw: (tenant: string, id: string): boolean => Number(withdraw.run(tenant, id).changes) > 0,
    forget(subject: string, now: number): string[] {
      const held = legal.get(now, subject)
      if (held !== undefined) throw new StoreError('held', held['reason'] as string)
      forgetConsents.run(subject)
      return forget.all(subject).map((row) => row['id'] as string)
    },
    sweep(now: number, before: number, most: number): number {
      lapse.run(now)
      return Number(drop.run(now, before).changes) + Number(crowd.run(now, most).changes) + Number(dropConsents.run(now).changes)
    },
  }
}

function approvalOf(row: Record<string, unknown>): ApprovalRow {
  return {
    id: row['id'] as string,
    tenant: row['tenant'] as string,
    state: row['state'] as ApprovalRow['state'],
    version: Number(row['version']),
    subject: row['subject'] as string,
    bound: row['bound'] as string,
    alike: row['alike'] as string,
    created: Number(row['created']),
    expires: Number(row['expires']),
    ...(row['decided'] !== null && { decided: Number(row['decided']) }),
    notes: row['notes'] as string,
    content: row['content'] as Uint8Array,
  }
}

function consentOf(row: Record<string, unknown>): ConsentRow {
  return {
    id: row['id'] as string,
    tenant: row['tenant'] as string,
    kind: row['kind'] as ConsentRow['kind'],
    subject: row['subject'] as string,
    key: row['key'] as string,
    ...(row['uses'] !== null && { uses: Number(row['uses']) }),
    created: Number(row['created']),
    until: Number(row['until']),
    content: row['content'] as Uint8Array,
  }
}
