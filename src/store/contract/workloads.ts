import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CertificateRow, EnrolmentRow } from '../interfaces.ts'
import type { MakeStore } from './make.ts'

const ID = 'spiffe://house.test/agents/a'

function token(id: string, more: Partial<EnrolmentRow> = {}): EnrolmentRow {
  return { id, workload: ID, tenant: 't1', scope: '{"roles":["a"]}', hash: new Uint8Array([1, 2, 3]), under: 'secret-1', created: 1000, expires: 9000, ...more }
}

function certificate(serial: string, more: Partial<CertificateRow> = {}): CertificateRow {
  return { serial, workload: ID, authority: 'ca-1', expires: 20_000, ...more }
}

/** What every implementation of `Workloads` must do. */
export function workloadsContract(make: MakeStore): void {
  test('workloads: an enrolment makes the workload, keeps its certificate, and works once', async (t) => {
    const { workloads } = await make(t)
    await workloads.offer(token('e1'))
    await assert.rejects(workloads.offer(token('e1')), { fault: 'conflict' })
    assert.equal(await workloads.enrol('e1', 2000, certificate('01')), true)
    assert.equal(await workloads.enrol('e1', 2001, certificate('02')), false)
    const all = await workloads.all()
    assert.deepEqual(all.workloads.map((row) => ({ ...row })), [{ id: ID, tenant: 't1', scope: '{"roles":["a"]}', created: 2000 }])
    assert.deepEqual(all.enrolments.map((row) => ({ ...row, hash: [...row.hash] })), [{ ...token('e1'), hash: [1, 2, 3], used: 2000 }])
    assert.deepEqual(all.certificates.map((row) => ({ ...row })), [certificate('01')])
  })

  test('workloads: of many who use an enrolment at once, one wins', async (t) => {
    const { workloads } = await make(t)
    await workloads.offer(token('e1'))
    const won = await Promise.all(Array.from({ length: 20 }, (_, n) => workloads.enrol('e1', 2000, certificate(`0${n}`))))
    assert.equal(won.filter((one) => one).length, 1)
    assert.equal((await workloads.all()).certificates.length, 1)
  })

  test('workloads: an enrolment that ended, is unknown, for another id or over another tenant\'s workload leaves nothing', async (t) => {
    const { workloads } = await make(t)
    await workloads.offer(token('e1'))
    assert.equal(await workloads.enrol('e1', 9000, certificate('01')), false)
    assert.equal(await workloads.enrol('nobody', 2000, certificate('02')), false)
    assert.equal(await workloads.enrol('e1', 2000, certificate('03', { workload: `${ID}/b` })), false)
    assert.equal(await workloads.enrol('e1', 2000, certificate('04')), true)
    await workloads.offer(token('e2', { tenant: 't2' }))
    assert.equal(await workloads.enrol('e2', 2000, certificate('05')), false)
    const all = await workloads.all()
    assert.deepEqual(all.workloads.map((row) => row.tenant), ['t1'])
    assert.deepEqual(all.certificates.map((row) => row.serial), ['04'])
    assert.equal(all.enrolments.find((row) => row.id === 'e2')?.used, undefined)
  })

  test('workloads: a certificate is renewed only for a known workload and certificate, neither revoked, and goes with the one that it was renewed with', async (t) => {
    const { workloads } = await make(t)
    const renewed = (serial: string, parent: string): CertificateRow & { readonly parent: string } => ({ ...certificate(serial), parent })
    assert.equal(await workloads.renew(renewed('02', '01')), false)
    await workloads.offer(token('e1'))
    await workloads.enrol('e1', 2000, certificate('01'))
    await workloads.offer(token('e2'))
    await workloads.enrol('e2', 2000, certificate('11'))
    for (const [serial, parent] of [['02', '01'], ['03', '02'], ['12', '11']] as const) assert.equal(await workloads.renew(renewed(serial, parent)), true)
    assert.equal(await workloads.revokeCertificate('01', 3000), true)
    assert.equal(await workloads.revokeCertificate('01', 3001), false)
    for (const parent of ['01', '02', '03']) assert.equal(await workloads.renew(renewed('04', parent)), false)
    assert.equal(await workloads.renew(renewed('13', '12')), true)
    assert.equal(await workloads.revoke(ID, 4000), true)
    assert.equal(await workloads.renew(renewed('14', '13')), false)
    assert.deepEqual(
      (await workloads.all()).certificates.map((row) => [row.serial, row.parent, row.revoked]),
      [['01', undefined, 3000], ['02', '01', 3000], ['03', '02', 3000], ['11', undefined, 4000], ['12', '11', 4000], ['13', '12', 4000]],
    )
  })

  test('workloads: a revoked one may enrol again with a new token; what it had stays revoked', async (t) => {
    const { workloads } = await make(t)
    await workloads.offer(token('e1'))
    await workloads.enrol('e1', 2000, certificate('01'))
    assert.equal(await workloads.revoke(ID, 3000), true)
    assert.equal(await workloads.revoke(ID, 3001), false)
    assert.equal(await workloads.revoke(`${ID}/b`, 3001), false)
    await workloads.offer(token('e0', { expires: 20_000 }))
    assert.equal(await workloads.revoke(ID, 3002), true)
    assert.equal(await workloads.enrol('e0', 4000, certificate('00')), false)
    await workloads.offer(token('e2', { scope: '{"roles":["b"]}' }))
    assert.equal(await workloads.enrol('e2', 4000, certificate('02')), true)
    const all = await workloads.all()
    assert.deepEqual(all.workloads.map((row) => ({ ...row })), [{ id: ID, tenant: 't1', scope: '{"roles":["b"]}', created: 2000 }])
    assert.deepEqual(all.certificates.map((row) => [row.serial, row.revoked]), [['01', 3000], ['02', undefined]])
  })

  test('workloads: sweeping takes what has ended and nothing else', async (t) => {
    const { workloads } = await make(t)
    await workloads.offer(token('e1'))
    await workloads.offer(token('e2', { expires: 9001 }))
    await workloads.enrol('e1', 2000, certificate('01', { expires: 8999 }))
    await workloads.renew({ ...certificate('02', { expires: 9001 }), parent: '01' })
    assert.equal(await workloads.sweep(9001), 2)
    const all = await workloads.all()
    assert.deepEqual([all.workloads.length, ...all.enrolments.map((row) => row.id), ...all.certificates.map((row) => row.serial)], [1, 'e2', '02'])
  })
}
