import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { decodeJwt } from 'jose'
import type { Principal } from '../../contract/principal.ts'
import type { TokenRequest } from '../../contract/token.ts'
import { isRefusal, refuse, Refused } from '../../contract/verdict.ts'
import type { ExchangeRules } from './exchange.ts'
import { arrival, calling, client, forModel, minted, rules, scope, stage, START, workload, type ArrivalOf } from './tasks.fixture.ts'

const it = await stage()
after(() => it.close())
const me = await client()
const planner = workload('planner')
const coder = workload('coder')
const ada = { token: 'user:ada', type: 'access_token' } as const

/** What becomes of a request with a good proof: `made`, or why not. */
async function asked(request: TokenRequest, caller: Principal, more: ArrivalOf & { readonly rules?: ExchangeRules; readonly bare?: true } = {}): Promise<string> {
  const proof = more.bare === true ? [] : [['DPoP', await me.proof({ now: it.clock.now })] as const]
  const prepared = await it.tasks.exchange(request, caller, arrival({ ...more, fields: [...proof, ...(more.fields ?? [])] }), more.rules ?? rules)
  return isRefusal(prepared) ? `${prepared.refuse} ${prepared.param ?? ''}: ${prepared.detail}` : 'made'
}

/** The principal behind a token and the arrival that it was presented in at /token. */
async function holding(token: string): Promise<{ readonly principal: Principal; readonly fields: readonly (readonly [string, string])[] }> {
  const at = await calling(me, token, { now: it.clock.now, claims: { htu: 'http://gate.test:8080/token' } }, { target: '/token' })
  const principal = await it.tasks.verify(token, at)
  assert.ok(!isRefusal(principal))
  return { principal, fields: at.fields.filter(([name]) => name !== 'Host') }
}

/** Whom the agents of a chain hand their token to, one after another. */
async function delegated(names: readonly string[], first: TokenRequest = { ...forModel, subject: ada }): Promise<string> {
  const id = (name: string): string => `spiffe://test.internal/${name}`
  let token = ''
  for (const [index, name] of names.entries()) {
    const next = names[index + 1]
    const request: TokenRequest = { ...first, ...(index > 0 && { subject: { token, type: 'jwt' } }), ...(next !== undefined && { mayAct: id(next) }) }
    token = (await minted(it, me, request, workload(name))).token
  }
  return token
}

test('a workload for itself: it is the subject, and nobody acts for anybody', async () => {
  const { token, type, expiresIn, scope: said } = await minted(it, me, { audience: 'llm', scope: scope('model:small tool:search tool:search') }, planner)
  const { sub, act, aud, iss, exp, iat, from, cnf } = decodeJwt(token)
  assert.deepEqual({ sub, act, aud, iss, from, cnf, life: (exp as number) - (iat as number), type, expiresIn, said }, {
    sub: 'spiffe://test.internal/planner',
    act: undefined,
    aud: 'llm',
    iss: 'spiffe://test.internal/sallyport',
    from: ['serial-planner'],
    cnf: { jkt: me.jkt },
    life: 300,
    type: 'DPoP',
    expiresIn: 300,
    said: 'tool:search model:small',
  })
})

test('a workload for a user: both are in it, and it ends with the shorter of their credentials', async () => {
  const { token, expiresIn } = await minted(it, me, { ...forModel, subject: ada }, planner)
  const { sub, act, vouched } = decodeJwt(token)
  assert.deepEqual({ sub, act, vouched, expiresIn }, { sub: 'https://issuer.test#ada', act: { sub: 'spiffe://test.internal/planner' }, vouched: [{ kind: 'oidc', id: 'id-user:ada' }], expiresIn: 120 })
})

test('an agent for another: the one that acts now stands outside, and the task stays the same', async () => {
  const first = (await minted(it, me, { ...forModel, subject: ada, mayAct: coder.workload }, planner)).token
  const { token } = await minted(it, me, { ...forModel, subject: { token: first, type: 'access_token' } }, coder)
  const [before, { sub, act, txn, from, may_act: mayAct }] = [decodeJwt(first), decodeJwt(token)]
  assert.deepEqual({ sub, act, txn, from, mayAct }, {
    sub: 'https://issuer.test#ada',
    act: { sub: coder.workload, act: { sub: planner.workload } },
    txn: before['txn'],
    from: ['serial-coder', before.jti, 'serial-planner', 'id-user:ada'],
    mayAct: undefined,
  })
  const { principal } = await holding(token)
  assert.deepEqual([principal.workload, principal.chain, principal.vouched], [coder.workload, ['https://issuer.test#ada', planner.workload], [{ kind: 'oidc', id: 'id-user:ada' }, { kind: 'task_token', id: before.jti }]])
})

test('a token is exchanged for a narrower one of the same key, task and end', async () => {
  const wide = await minted(it, me, { audience: 'llm', scope: scope('model:small model:large'), lifetime: 60 }, planner)
  const { principal, fields } = await holding(wide.token)
  it.clock.now += 10_000
  const prepared = await it.tasks.exchange(forModel, principal, arrival({ fields }), rules)
  assert.ok(!isRefusal(prepared))
  const narrow = await prepared.mint()
  it.clock.now = START
  const [a, b] = [decodeJwt(wide.token), decodeJwt(narrow.token)]
  assert.deepEqual([b['models'], b['txn'], b['cnf'], b.exp, b.sub, b['from'], narrow.expiresIn], [['small'], a['txn'], a['cnf'], a.exp, a.sub, [a.jti, 'serial-planner'], 50])
})

test('roles and rights are those that all have', async () => {
  const one = workload('one', { roles: ['a', 'b'], scope: { rights: ['scores', 'x'] } })
  const two = workload('two', { roles: ['b', 'c'], scope: { rights: ['x', 'y'] } })
  const first = (await minted(it, me, { ...forModel, mayAct: two.workload }, one)).token
  const { roles, rights } = decodeJwt((await minted(it, me, { ...forModel, subject: { token: first, type: 'jwt' } }, two)).token)
  assert.deepEqual([roles, rights], [['b'], ['x']])
})

test('what policy is told of it has names and no token', async () => {
  const prepared = await it.tasks.exchange({ ...forModel, subject: ada, mayAct: coder.workload }, planner, arrival({ fields: [['DPoP', await me.proof()]] }), rules)
  assert.ok(!isRefusal(prepared))
  assert.equal(prepared.key, me.jkt)
  const { token, task, ...facts } = prepared.facts
  assert.deepEqual(facts, { audience: 'llm', scope: 'model:small', subject_kind: 'user', subject: 'https://issuer.test#ada', depth: 1, lifetime: 300, bound: 'dpop', may_act: coder.workload })
  const claims = decodeJwt((await prepared.mint()).token)
  assert.deepEqual([token, task], [claims.jti, claims['txn']])
})

const narrow = workload('narrow', { scope: { models: ['small', 'g*'], tools: ['read'], routes: ['default'] } })
const tokenOf = async (request: TokenRequest, caller: Principal): Promise<NonNullable<TokenRequest['subject']>> => ({ token: (await minted(it, me, request, caller)).token, type: 'access_token' })
const task = await delegated(['a', 'b'])

interface Row {
  readonly what: string
  readonly request?: Partial<TokenRequest> | (() => Promise<Partial<TokenRequest>>)
  readonly caller?: Principal
  readonly more?: Parameters<typeof asked>[2]
  readonly why: RegExp
}

const rows: readonly Row[] = [
  { what: 'a model beyond the credential', caller: narrow, request: { scope: scope('model:large') }, why: /^exchange_refused scope/ },
  { what: 'one of two models beyond it', caller: narrow, request: { scope: scope('model:small model:large') }, why: /scope: .*model:large/ },
  { what: 'a tool beyond it', caller: narrow, request: { scope: scope('tool:write') }, why: /scope: .*tool:write/ },
  { what: 'a route beyond it', caller: narrow, request: { scope: scope('route:batch') }, why: /scope/ },
  { what: 'a wildcard where everything is allowed', request: { scope: scope('model:*') }, why: /scope/ },
  { what: 'a wildcard of tools where everything is allowed', request: { scope: scope('tool:re*') }, why: /scope/ },
  { what: 'a wildcard that the credential does not have', caller: narrow, request: { scope: scope('model:gp*') }, why: /scope/ },
  { what: 'an audience that the credential is not for', caller: workload('guardian', { scope: { audience: 'guard' } }), why: /^exchange_refused audience/ },
  { what: 'a credential that has ended', caller: workload('late', { expires: START }), why: /lifetime/ },
  { what: 'a credential with less than a second left', caller: workload('late', { expires: START + 999 }), why: /lifetime/ },
  { what: 'no credential', caller: workload('x', { proof: { kind: 'none', id: 'anonymous' } }), why: /^unauthenticated/ },
  { what: 'an enrolment token', caller: workload('x', { proof: { kind: 'enrolment', id: 'e' } }), why: /^unauthenticated/ },
  { what: "a reviewer's key", caller: workload('x', { proof: { kind: 'reviewer', id: 'r' } }), why: /^unauthenticated/ },
  { what: 'no key to bind to', more: { bare: true }, why: /no key to bind/ },
  { what: 'no key to bind to, although unbound tokens are allowed to API keys', more: { bare: true, rules: { ...rules, unbound: true } }, why: /no key to bind/ },
  { what: 'no key to bind to, by API key, as settings are', caller: workload('x', { proof: { kind: 'api_key', id: 'k' } }), more: { bare: true }, why: /no key to bind/ },
  { what: 'a bad proof', more: { bare: true, fields: [['DPoP', 'nonsense']] }, why: /^exchange_refused DPoP/ },
  { what: 'a bad proof, although unbound tokens are allowed', caller: workload('x', { proof: { kind: 'api_key', id: 'k' } }), more: { bare: true, fields: [['DPoP', 'nonsense']], rules: { ...rules, unbound: true } }, why: /^exchange_refused DPoP/ },
  { what: 'another actor', request: { actor: 'somebody' }, why: /^exchange_refused actor_token/ },
  { what: "the user's token as actor", request: { subject: ada, actor: 'user:ada' }, why: /^exchange_refused actor_token/ },
  { what: 'a user of an issuer that is not for users', request: { subject: { token: 'service:x', type: 'jwt' } }, why: /^exchange_refused subject_token: .*not for users/ },
  { what: 'a user, and no issuer for users', request: { subject: ada }, more: { rules: {} }, why: /^exchange_refused subject_token/ },
  { what: 'a user whose token has ended', request: { subject: ada }, more: { rules: vouching({ expires: START - 1 }) }, why: /lifetime/ },
  { what: 'a user of another tenant', request: { subject: ada }, more: { rules: vouching({ tenant: 'other' }) }, why: /tenant other/ },
  { what: 'a user called like a workload', request: { subject: ada }, more: { rules: vouching({ subject: 'spiffe://test.internal/planner' }) }, why: /^exchange_refused subject_token/ },
  { what: 'a user called like a key', request: { subject: ada }, more: { rules: vouching({ subject: 'key:abc' }) }, why: /^exchange_refused subject_token/ },
  { what: "an issuer's keys that cannot be had", request: { subject: ada }, more: { rules: { users: () => Promise.resolve(refuse('identity_unavailable')) } }, why: /^identity_unavailable/ },
  { what: 'a task token that does not name the caller', request: async () => ({ subject: await tokenOf(forModel, coder) }), why: /may_act absent/ },
  { what: 'a task token that names another', request: async () => ({ subject: await tokenOf({ ...forModel, mayAct: 'spiffe://test.internal/x' }, coder) }), why: /may_act spiffe/ },
  { what: 'a task token as id_token', request: async () => ({ subject: { ...(await tokenOf({ ...forModel, mayAct: planner.workload }, coder)), type: 'id_token' } }), why: /id_token/ },
  { what: 'a task token of another tenant', request: async () => ({ subject: await tokenOf({ ...forModel, mayAct: planner.workload }, workload('x', { tenant: 'other' })) }), why: /tenant other/ },
  { what: 'more than the agent had that hands it over', request: async () => ({ subject: await tokenOf({ ...forModel, mayAct: planner.workload }, coder), scope: scope('model:large') }), why: /scope/ },
  { what: 'tools that the agent did not have', request: async () => ({ subject: await tokenOf({ ...forModel, mayAct: planner.workload }, coder), scope: scope('tool:read') }), why: /scope/ },
  { what: 'another audience than the agent had', request: async () => ({ subject: await tokenOf({ ...forModel, mayAct: planner.workload }, coder), audience: 'guard' }), why: /^exchange_refused audience/ },
  { what: 'more than the agent itself may, from one that may more', caller: narrow, request: async () => ({ subject: await tokenOf({ audience: 'llm', scope: scope('model:large'), mayAct: narrow.workload }, coder), scope: scope('model:large') }), why: /scope/ },
  { what: "one's own token again", request: async () => ({ subject: await tokenOf(forModel, planner) }), why: /loop/ },
  { what: 'a token that has been through the caller already', caller: workload('a'), request: { subject: { token: task, type: 'jwt' } }, why: /loop/ },
  { what: 'handing it to oneself', request: { mayAct: planner.workload }, why: /may_act loop/ },
  { what: 'handing it to the user', request: { subject: ada, mayAct: 'https://issuer.test#ada' }, why: /may_act loop/ },
  { what: 'a tampered task token', request: async () => ({ subject: { token: `${task.slice(0, -4)}AAAA`, type: 'jwt' } }), why: /^exchange_refused subject_token/ },
]

function vouching(more: object): ExchangeRules {
  return { users: () => Promise.resolve({ subject: 'u', issuer: 'i', proof: { kind: 'oidc', id: 'x' }, expires: START + 60_000, ...more }) }
}

for (const { what, request = {}, caller = planner, more, why } of rows) {
  test(`refused: ${what}`, async () => {
    assert.match(await asked({ ...forModel, ...(typeof request === 'function' ? await request() : request) }, caller, more), why)
  })
}

test('eight may act one for another, and no more', async () => {
  const names = Array.from({ length: 8 }, (_, index) => `w${index}`)
  const token = await delegated(names)
  const { principal } = await holding(token)
  assert.equal(principal.chain.length, 8)
  await assert.rejects(delegated([...names, 'w8']), /chain too deep/)
})

test('the actor token may be the very credential of the caller', async () => {
  const presenting = { fields: [['Authorization', 'Bearer some.workload.token']] } as const
  assert.equal(await asked({ ...forModel, actor: 'some.workload.token' }, planner, presenting), 'made')
  assert.match(await asked({ ...forModel, actor: 'some.workload.tokem' }, planner, presenting), /actor_token/)
})

test('a task token says already whom it is for', async () => {
  const { principal, fields } = await holding((await minted(it, me, forModel, planner)).token)
  assert.match(await asked({ ...forModel, subject: ada }, principal, { fields, bare: true }), /subject beside a task token/)
})

test('a narrower token is bound to the same key, whatever key the request shows', async () => {
  const { token } = await minted(it, me, forModel, planner)
  const { principal, fields } = await holding(token)
  const other = await client()
  const prepared = await it.tasks.exchange(forModel, principal, arrival({ fields: [...fields.filter(([name]) => name !== 'DPoP'), ['DPoP', await other.proof()]] }), rules)
  assert.ok(!isRefusal(prepared))
  assert.deepEqual(decodeJwt((await prepared.mint()).token)['cnf'], { jkt: me.jkt })
})

test('a principal that was let in with another token gets nothing for this one', async () => {
  const { principal } = await holding((await minted(it, me, forModel, planner)).token)
  const { fields } = await holding((await minted(it, me, forModel, planner)).token)
  assert.match(await asked(forModel, principal, { fields, bare: true }), /^unauthenticated/)
})

test('holders of an API key have unbound tokens where settings say so, and only while they do', async () => {
  const byKey = workload('x', { workload: 'key:abc', proof: { kind: 'api_key', id: 'abc' } })
  const open = { ...rules, unbound: true }
  const prepared = await it.tasks.exchange(forModel, byKey, arrival(), open)
  assert.ok(!isRefusal(prepared))
  const { token, type } = await prepared.mint()
  assert.equal(type, 'Bearer')
  const fields = [['Authorization', `Bearer ${token}`]] as const
  const principal = await it.tasks.verify(token, arrival({ fields }))
  assert.ok(!isRefusal(principal))
  assert.equal(await asked(forModel, principal, { fields, bare: true, rules: open }), 'made')
  assert.match(await asked(forModel, principal, { fields, bare: true }), /unbound/)
})

test('one proof makes one token', async () => {
  const proof = await me.proof()
  const ask = () => it.tasks.exchange(forModel, planner, arrival({ fields: [['DPoP', proof]] }), rules)
  assert.ok(!isRefusal(await ask()))
  const again = await ask()
  assert.ok(isRefusal(again) && again.refuse === 'exchange_refused' && again.param === 'DPoP')
})

test('what ends while a reviewer thinks is not signed any more', async () => {
  const prepare = async (caller: Principal, request = forModel) => {
    const prepared = await it.tasks.exchange(request, caller, arrival({ fields: [['DPoP', await me.proof()]] }), rules)
    assert.ok(!isRefusal(prepared))
    return prepared
  }
  const code = (wanted: string) => (error: unknown) => error instanceof Refused && error.refusal.refuse === wanted
  const [short, gone, long] = [await prepare(workload('s', { expires: START + 5_000 })), await prepare(planner, { ...forModel, subject: ada }), await prepare(planner)]
  it.clock.now = START + 5_000
  await assert.rejects(short.mint(), code('exchange_refused'))
  it.revoked.add('id-user:ada')
  await assert.rejects(gone.mint(), code('revoked'))
  it.revoked.clear()
  const { iat, exp } = decodeJwt((await long.mint()).token)
  assert.deepEqual([iat, exp], [START / 1000 + 5, START / 1000 + 305])
  it.clock.now = START
})

test('a token that no header could carry is not made', async () => {
  const models = Array.from({ length: 200 }, (_, index) => `${'m'.repeat(60)}${index}`)
  const prepared = await it.tasks.exchange({ audience: 'llm', scope: scope('route:default') }, workload('many', { scope: { models } }), arrival({ fields: [['DPoP', await me.proof()]] }), rules)
  assert.ok(!isRefusal(prepared))
  await assert.rejects(prepared.mint(), (error) => error instanceof Refused && error.refusal.param === 'scope')
})
