import type { DatabaseSync } from 'node:sqlite'
import { StoreError, type CertificateRow, type EnrolmentRow, type WorkloadRow } from '../interfaces.ts'

export function workloadRows(db: DatabaseSync) {
  const workloads = db.prepare('SELECT id, tenant, scope, created, revoked FROM workloads ORDER BY created, id')
  const enrolments = db.prepare('SELECT id, workload, tenant, scope, hash, under, created, expires, used FROM enrolments ORDER BY created, id')
  const certificates = db.prepare('SELECT serial, workload, authority, expires, revoked, parent FROM certificates ORDER BY expires, serial')
  const offer = db.prepare('INSERT OR IGNORE INTO enrolments VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL)')
  // One statement decides who wins, and about the tenant too: a token that could not be used stays as it was.
  const use = db.prepare(`UPDATE enrolments SET used = ?1 WHERE id = ?2 AND workload = ?3 AND used IS NULL AND expires > ?1
    AND NOT EXISTS (SELECT 1 FROM workloads WHERE workloads.id = enrolments.workload AND workloads.tenant <> enrolments.tenant)`)
  const admit = db.prepare(`INSERT INTO workloads SELECT workload, tenant, scope, ?1, NULL FROM enrolments WHERE id = ?2
    ON CONFLICT (id) DO UPDATE SET scope = excluded.scope, revoked = NULL`)
  const keep = db.prepare('INSERT INTO certificates VALUES (?, ?, ?, ?, NULL, NULL)')
  const renew = db.prepare(`INSERT INTO certificates SELECT ?1, ?2, ?3, ?4, NULL, ?5
    WHERE EXISTS (SELECT 1 FROM workloads WHERE id = ?2 AND revoked IS NULL)
      AND EXISTS (SELECT 1 FROM certificates WHERE serial = ?5 AND workload = ?2 AND revoked IS NULL)`)
  const revoke = db.prepare('UPDATE workloads SET revoked = ? WHERE id = ? AND revoked IS NULL')
  const revokeAll = db.prepare('UPDATE certificates SET revoked = ? WHERE workload = ? AND revoked IS NULL')
  const withdraw = db.prepare('UPDATE enrolments SET used = ? WHERE workload = ? AND used IS NULL')
  const revokeOne = db.prepare(`WITH RECURSIVE made (serial) AS (SELECT ?2 UNION SELECT certificates.serial FROM certificates JOIN made ON certificates.parent = made.serial)
    UPDATE certificates SET revoked = ?1 WHERE revoked IS NULL AND serial IN (SELECT serial FROM made)`)
  const dropCertificates = db.prepare('DELETE FROM certificates WHERE expires < ?')
  const dropEnrolments = db.prepare('DELETE FROM enrolments WHERE expires < ?')
  return {
    all: (): { workloads: WorkloadRow[]; enrolments: EnrolmentRow[]; certificates: CertificateRow[] } => ({
      workloads: workloads.all().map((row) => ({
        id: row['id'] as string,
        tenant: row['tenant'] as string,
        scope: row['scope'] as string,
        created: Number(row['created']),
        ...(row['revoked'] === null ? {} : { revoked: Number(row['revoked']) }),
      })),
      enrolments: enrolments.all().map((row) => ({
        id: row['id'] as string,
        workload: row['workload'] as string,
        tenant: row['tenant'] as string,
        scope: row['scope'] as string,
        hash: row['hash'] as Uint8Array,
        under: row['under'] as string,
        created: Number(row['created']),
        expires: Number(row['expires']),
        ...(row['used'] === null ? {} : { used: Number(row['used']) }),
      })),
      certificates: certificates.all().map((row) => ({
        serial: row['serial'] as string,
        workload: row['workload'] as string,
        authority: row['authority'] as string,
        expires: Number(row['expires']),
        ...(row['revoked'] === null ? {} : { revoked: Number(row['revoked']) }),
        ...(row['parent'] === null ? {} : { parent: row['parent'] as string }),
      })),
    }),
    offer(row: EnrolmentRow): void {
      const { changes } = offer.run(row.id, row.workload, row.tenant, row.scope, row.hash, row.under, row.created, row.expires)
      if (Number(changes) === 0) throw new StoreError('conflict', `there is an enrolment ${row.id} already`)
    },
    enrol(enrolment: string, at: number, { serial, workload, authority, expires }: CertificateRow): boolean {
      if (Number(use.run(at, enrolment, workload).changes) === 0) return false
      admit.run(at, enrolment)
      keep.run(serial, workload, authority, expires)
      return true
    },
    renew: ({ serial, workload, authority, expires, parent }: CertificateRow & { readonly parent: string }): boolean =>
      Number(renew.run(serial, workload, authority, expires, parent).changes) > 0,
    revoke(workload: string, at: number): boolean {
      const changes = [revoke, revokeAll, withdraw].map((one) => Number(one.run(at, workload).changes))
      return changes.some((one) => one > 0)
    },
    revokeCertificate: (serial: string, at: number): boolean => Number(revokeOne.run(at, serial).changes) > 0,
    sweep: (before: number): number => Number(dropCertificates.run(before).changes) + Number(dropEnrolments.run(before).changes),
  }
}
