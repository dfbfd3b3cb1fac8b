import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync } from 'node:crypto'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import type { Clock } from '../../contract/clock.ts'
import type { Principal } from '../../contract/principal.ts'
import { isRefusal, type Refusal } from '../../contract/verdict.ts'
import { openEmbedded } from '../../store/embedded/open.ts'
import type { Store } from '../../store/interfaces.ts'
import { openCa, type Ca } from '../ca/ca.ts'
import { folderFor } from '../ca/openssl.fixture.ts'
import type { NamedSecret } from '../secret.ts'
import { newToken, readToken, type EnrolmentSpec } from './enrolment.ts'
import { openRoster, RosterError, type Roster, type Svid } from './roster.ts'

const HERE = 'https://127.0.0.1:9'
const ID = 'spiffe://house.test/agents/a'
const SPEC: EnrolmentSpec = { id: '/agents/a', tenant: 't1', roles: ['researcher'], tools: ['search'] }

interface Parts {
  readonly roster: Roster
  readonly ca: Ca
  readonly store: Store
  readonly revoked: string[]
  readonly secret: NamedSecret
  now: number
  /** Another roster over the same store and CA: what a restart would see. */
  again(): Promise<Roster>
}

async function parts(t: TestContext): Promise<Parts> {
  const folder = folderFor(t)
  const state = { now: Date.now() }
  const clock: Clock = { wall: () => state.now, monotonic: () => state.now, timer: () => () => undefined }
  const store = await openEmbedded({ folder: join(folder, 'state') })
  t.after(() => store.close())
  const secret: NamedSecret = { id: '0badcafe', bytes: createHash('sha256').update('a').digest() }
  const ca = await openCa({ folder: join(folder, 'ca'), settings: { trustDomain: 'house.test', svidTtlMs: 3_600_000 }, clock, env: {}, onDefect: (error) => assert.fail(String(error)) })
  t.after(() => ca.close())
  const revoked: string[] = []
  const open = (): Promise<Roster> => openRoster({ store: store.workloads, secret, ca, clock, onRevoked: (ids) => void revoked.push(...ids) })
  return Object.assign(state, { roster: await open(), ca, store, revoked, secret, again: open })
}

function request(): { publicKey: Uint8Array } {
  return { publicKey: generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ type: 'spki', format: 'der' }) }
}

function good<T>(value: T | Refusal): T {
  assert.ok(!isRefusal(value), JSON.stringify(value))
  return value
}

async function enrolled(roster: Roster, spec: EnrolmentSpec = SPEC): Promise<Svid> {
  const { token } = await roster.mint(spec, HERE)
  return good(await roster.enrol(good(roster.enrolling(token)), request()))
}

/** The principal that the door makes of a certificate. */
function holder({ id, serial }: Svid): Principal {
  return { tenant: 't1', workload: id, chain: [], roles: [], proof: { kind: 'mtls', id: serial }, scope: { rights: [] } }
}

test('a token says where to go and whom to trust, and enrols exactly what was minted', async (t) => {
  const { roster, ca } = await parts(t)
  const { token, id } = await roster.mint({ ...SPEC, url: 'https://gate.example/' }, HERE)
  assert.equal(id, ID)
  const said = readToken(token)
  assert.deepEqual([said?.aud, said?.url, said?.ca], ['house.test/0badcafe', 'https://gate.example', ca.fingerprints()])
  const { proof, ...who } = good(roster.enrolling(token))
  assert.deepEqual(who, { tenant: 't1', workload: ID, chain: [], roles: ['researcher'], scope: { tools: ['search'], rights: [] }, expires: said?.exp })
  assert.deepEqual(proof, { kind: 'enrolment', id: said?.id })
  assert.equal(roster.find(ID), undefined)
  assert.deepEqual(roster.list().map(({ state, offered }) => [state, offered]), [['offered', said?.exp]])
})

test('tokens: what enrols, and what is refused and why', async (t) => {
  const all = await parts(t)
  const { roster, secret } = all
  const fresh = async (more: Partial<EnrolmentSpec> = {}): Promise<string> => (await roster.mint({ ...SPEC, ...more }, HERE)).token
  const edited = (token: string, change: Readonly<Record<string, unknown>>): string => {
    const said = JSON.parse(Buffer.from(token.slice(4), 'base64url').toString('utf8')) as object
    return `spe_${Buffer.from(JSON.stringify({ ...said, ...change })).toString('base64url')}`
  }
  const used = await fresh()
  good(await roster.enrol(good(roster.enrolling(used)), request()))
  const short = await fresh({ ttl: 1000 })
  const other = newToken({ aud: 'house.test/other000', url: HERE, ca: [], exp: all.now + 60_000 }).token
  const forged = newToken({ aud: `house.test/${secret.id}`, url: HERE, ca: ['0'.repeat(64)], exp: all.now + 60_000 }).token
  const whole = await fresh()
  const late = await fresh({ ttl: 3_600_000 })
  all.now += 1000
  const rows: readonly (readonly [name: string, token: string, refused: RegExp | undefined])[] = [
    ['fresh', whole, undefined],
    ['good for an hour', late, undefined],
    ['expired', short, /has expired/],
    ['used before', used, /used or withdrawn/],
    ['of another house', edited(whole, { aud: 'house.test/other000' }), /another house/],
    ['made by another house', other, /malformed|another house/],
    ['forged', forged, /unknown, or was changed/],
    ['with a longer life', edited(short, { exp: all.now + 3_600_000 }), /unknown, or was changed/],
    ['with another address', edited(whole, { url: 'https://evil.example' }), /unknown, or was changed/],
    ['with another secret', edited(whole, { secret: 'A'.repeat(43) }), /unknown, or was changed/],
    ['of another enrolment', edited(whole, { id: readToken(short)?.id }), /unknown, or was changed/],
    ['with more in it', edited(whole, { roles: ['admin'] }), /malformed/],
    ['truncated', whole.slice(0, -3), /malformed|changed/],
    ['oversized', `${whole}${'A'.repeat(5000)}`, /malformed/],
    ['with a blank', `${whole} `, /malformed/],
    ['nothing', '', /malformed/],
    ['an API key', 'sp_abc_def', /malformed/],
    ['no JSON', `spe_${Buffer.from('x').toString('base64url')}`, /malformed/],
  ]
  for (const [name, token, refused] of rows) {
    const answer = roster.enrolling(token)
    if (refused === undefined) good(answer)
    else {
      assert.ok(isRefusal(answer), name)
      assert.deepEqual([answer.refuse, answer.say], ['enrolment_refused', undefined], name)
      assert.match(answer.detail ?? '', refused, name)
    }
  }
})

test('a token is used once: of two at the same moment one wins, and none after a restart', async (t) => {
  const { roster, again, store } = await parts(t)
  const { token } = await roster.mint(SPEC, HERE)
  const who = good(roster.enrolling(token))
  const second = await again()
  const answers = await Promise.all([roster.enrol(who, request()), second.enrol(who, request()), roster.enrol(who, request())])
  assert.equal(answers.filter((one) => !isRefusal(one)).length, 1)
  assert.deepEqual(new Set(answers.filter(isRefusal).map((one) => one.refuse)), new Set(['enrolment_refused']))
  assert.equal((await store.workloads.all()).certificates.length, 1)
  assert.ok(isRefusal((await again()).enrolling(token)))
})

test('a token that expires between the question and the answer enrols nobody', async (t) => {
  const all = await parts(t)
  const { token } = await all.roster.mint({ ...SPEC, ttl: 1000 }, HERE)
  const who = good(all.roster.enrolling(token))
  all.now += 1000
  assert.ok(isRefusal(await all.roster.enrol(who, request())))
  assert.equal(all.roster.find(ID), undefined)
})

test('what cannot be minted', async (t) => {
  const { roster } = await parts(t)
  await enrolled(roster)
  const rows: readonly (readonly [spec: EnrolmentSpec, url: string | undefined, why: RegExp])[] = [
    [{ ...SPEC, tenant: 't2' }, HERE, /belongs to the tenant t1/],
    [{ id: '/sallyport' }, HERE, /no path/],
    [{ id: '/sallyport/x' }, HERE, /no path/],
    [{ id: 'agents/a' }, HERE, /no path/],
    [{ id: '/a/../b' }, HERE, /no path/],
    [{ id: '/a//b' }, HERE, /no path/],
    [{ id: '/a b' }, HERE, /no path/],
    [{ id: '/ä' }, HERE, /no path/],
    [{ id: '/x' }, undefined, /listen\.secure/],
    [{ id: '/x', url: 'http://gate.example' }, HERE, /in the clear/],
  ]
  for (const [spec, url, why] of rows) {
    await assert.rejects(roster.mint(spec, url), (error) => {
      assert.ok(error instanceof RosterError, spec.id)
      assert.match(error.message, why)
      return true
    })
  }
  for (const more of [{ ttl: 3_600_001 }, { ttl: 0 }, { roles: ['no blanks'] }, { id: '/' }]) await assert.rejects(roster.mint({ ...SPEC, ...more }, HERE), { name: 'ZodError' })
})

test('renewal keeps the id; a revoked workload, and a revoked certificate, renew no more', async (t) => {
  const { roster, revoked } = await parts(t)
  const first = await enrolled(roster)
  const second = good(await roster.renew(holder(first), request()))
  assert.equal(second.id, ID)
  assert.deepEqual(await roster.revoke(first.serial.toLowerCase()), { workload: ID, tenant: 't1' })
  assert.deepEqual([roster.isRevoked(first.serial), roster.isRevoked(second.serial), roster.find(ID)?.revoked], [true, true, undefined])
  assert.deepEqual((await roster.renew(holder(first), request())) as Refusal, { refuse: 'revoked', detail: `${ID} or its certificate ${first.serial} was revoked` })
  assert.ok(isRefusal(await roster.renew(holder(second), request())), 'whoever has a stolen certificate renews it')
  const other = await enrolled(roster)
  const third = good(await roster.renew(holder(other), request()))
  assert.deepEqual(await roster.revoke(ID), { workload: ID, tenant: 't1' })
  assert.equal(await roster.revoke(ID), undefined)
  assert.equal(await roster.revoke(third.serial), undefined)
  assert.equal(await roster.revoke('spiffe://house.test/nobody'), undefined)
  assert.deepEqual(revoked, [first.serial, second.serial, ID, other.serial, third.serial])
  assert.ok(isRefusal(await roster.renew(holder(third), request())))
  assert.ok(isRefusal(await roster.renew({ ...holder(third), proof: { kind: 'api_key', id: 'x' } }, request())))
})

test('a renewal on its way while its workload is revoked comes to nothing', async (t) => {
  const { roster, store } = await parts(t)
  const svid = await enrolled(roster)
  const [renewed] = await Promise.all([roster.renew(holder(svid), request()), roster.revoke(ID)])
  if (!isRefusal(renewed)) assert.equal(roster.isRevoked(renewed.serial), true)
  assert.deepEqual((await store.workloads.all()).certificates.filter((row) => row.revoked === undefined), [])
})

test('a renewal on its way while its certificate is revoked comes to nothing either', async (t) => {
  const { roster, store } = await parts(t)
  const svid = await enrolled(roster)
  const [renewed] = await Promise.all([roster.renew(holder(svid), request()), roster.revoke(svid.serial)])
  if (!isRefusal(renewed)) assert.equal(roster.isRevoked(renewed.serial), true)
  assert.deepEqual((await store.workloads.all()).certificates.filter((row) => row.revoked === undefined), [])
})

test('a thousand certificates are the most, and those that were revoked leave room for others', async (t) => {
  const all = await parts(t)
  const first = await enrolled(all.roster)
  const rows = Array.from({ length: 999 }, (_, n) => ({ serial: n.toString(16).toUpperCase().padStart(32, '0'), workload: ID, authority: 'a', expires: first.expires, parent: first.serial }))
  await Promise.all(rows.map((row) => all.store.workloads.renew(row)))
  const roster = await all.again()
  assert.equal(((await roster.renew(holder(first), request())) as Refusal).refuse, 'rate_limited')
  await roster.revoke(ID)
  await enrolled(roster)
})

test('revoking withdraws tokens too; a new one brings the workload back, with the scope of then and none of its old certificates', async (t) => {
  const { roster, again } = await parts(t)
  const old = await enrolled(roster)
  const { token: offered } = await roster.mint(SPEC, HERE)
  await roster.revoke(ID)
  assert.ok(isRefusal(roster.enrolling(offered)))
  const fresh = await enrolled(roster, { ...SPEC, roles: ['writer'] })
  for (const one of [roster, await again()]) {
    assert.deepEqual(one.find(ID)?.scope, { roles: ['writer'], tools: ['search'] })
    assert.deepEqual([one.find(ID)?.revoked, one.isRevoked(old.serial), one.isRevoked(fresh.serial)], [undefined, true, false])
  }
})

test('what is found is the same object until it changes', async (t) => {
  const { roster } = await parts(t)
  await enrolled(roster)
  const found = roster.find(ID)
  await enrolled(roster, { id: '/agents/b' })
  assert.equal(roster.find(ID), found)
  assert.equal(roster.find('spiffe://house.test/agents/c'), undefined)
  await roster.revoke(ID)
  assert.notEqual(roster.find(ID), found)
})

test('a compromised CA takes all certificates with it', async (t) => {
  const { roster, revoked } = await parts(t)
  const svid = await enrolled(roster)
  await roster.rotate(true)
  assert.deepEqual([revoked, roster.isRevoked(svid.serial), roster.find(ID)?.revoked], [[svid.serial], true, undefined])
})

test('sweeping forgets what ended an hour ago and nothing else', async (t) => {
  const all = await parts(t)
  const first = await enrolled(all.roster)
  await all.roster.revoke(first.serial)
  all.now += 3_600_000 + 3_599_000
  await all.roster.sweep()
  assert.equal(all.roster.isRevoked(first.serial), true)
  all.now += 3000
  await all.roster.sweep()
  assert.equal(all.roster.isRevoked(first.serial), false)
  assert.deepEqual((await all.store.workloads.all()).certificates, [])
  assert.notEqual(all.roster.find(ID), undefined)
})
