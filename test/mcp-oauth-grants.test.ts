import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Dial } from '../src/contract/dial.ts'
import { isRefusal, Refused } from '../src/contract/verdict.ts'
import { asked } from '../src/gateways/mcp/oauth/discovery.ts'
import { OAuthProblem } from '../src/gateways/mcp/oauth/places.ts'
import type { GrantRow } from '../src/store/interfaces.ts'
import { ADA, agree, agreed, browse, call, consented, listening, ticketOf, who, world } from './mcp/oauth_world.ts'

test('each caller uses a server with the token that a person got for it, renewed when it ends', async (t) => {
  const made = await world(t)
  const target = made.target()
  await consented(t, made, target)
  assert.equal(await call(t, made, target), 200)
  // Consent to one caller is none to another, of the same person or of the same agent.
  for (const other of [who('key:b', 'ada'), who('key:a', 'bob'), who('key:a'), { ...ADA, tenant: 'other' }]) assert.ok((await call(t, made, target, other)) instanceof Refused)
  const authorize = made.server.asked.find(({ path }) => path === '/authorize')?.params ?? {}
  assert.deepEqual([authorize['resource'], authorize['scope'], authorize['code_challenge_method'], authorize['redirect_uri']], [made.url, 'mail', 'S256', 'http://127.0.0.1:8080/mcp-oauth/callback'])
  const exchanged = made.server.asked.find(({ path }) => path === '/token')?.params ?? {}
  assert.deepEqual([exchanged['resource'], exchanged['grant_type']], [made.url, 'authorization_code'])
  // The server takes the token no more: one renewal, however many wait for it.
  const last = made.seen.findLast((one) => one !== '')?.replace('Bearer ', '') ?? ''
  made.server.live.delete(last)
  made.server.asked.length = 0
  assert.deepEqual(await Promise.all([1, 2, 3, 4].map(() => call(t, made, target))), [200, 200, 200, 200])
  assert.deepEqual(made.server.asked.map(({ params }) => params['grant_type']), ['refresh_token'])
  // Nothing of it can be read where it is kept.
  for (const { content } of made.rows.values()) assert.ok(!Buffer.from(content).toString('latin1').includes('access'))
  assert.match(readFileSync(join(made.folder, 'grants-key'), 'utf8'), /^sallyport-grants /)
  // Taken back at the authorization server: a person is asked again.
  made.server.live.clear()
  made.server.instead = (request, response) => request.url === '/token' && (response.writeHead(400, { 'content-type': 'application/json' }).end('{"error":"invalid_grant"}'), true)
  assert.equal(((await call(t, made, target)) as Refused).refusal.refuse, 'consent_required')
  assert.equal(made.rows.size, 0)
})

test('what was forgotten while a browser was away comes to nothing, however long that took', async (t) => {
  const made = await world(t)
  const ticket = await ticketOf(t, made, made.target())
  made.ahead += 14 * 60_000
  const { url, state, cookie } = await agree(made, ticket, ADA)
  const code = (await browse(url)).get('code') ?? ''
  // The link is over by itself, and the person still there.
  made.ahead += 5 * 60_000
  await ticketOf(t, made, made.target(), who('key:else'))
  await made.consenting.forget('default/ada')
  const taken = made.consenting.consents.take({ state, code, iss: made.server.issuer }, () => cookie)
  if (!isRefusal(taken)) await assert.rejects(taken.finish(), Refused)
  assert.equal(made.rows.size, 0)
})

test('what is forgotten while a code is on its way comes to nothing', async (t) => {
  const made = await world(t)
  const { back, cookie } = await agreed(t, made, made.target())
  const taken = made.consenting.consents.take(back, () => cookie)
  assert.ok(!isRefusal(taken))
  const [finished] = await Promise.allSettled([taken.finish(), made.consenting.forget('default/ada')])
  assert.equal(finished.status, 'rejected')
  assert.equal(made.rows.size, 0)
})

test('whoever uses a grant is told when it ends, and nobody else', async (t) => {
  const made = await world(t)
  const told: unknown[] = []
  const over = made.consenting.onEnd('mail', (owner) => told.push(owner))
  made.consenting.onEnd('other', (owner) => told.push(owner))
  await consented(t, made, made.target())
  await consented(t, made, made.target(), who('key:b', 'bob'))
  await made.consenting.forget('default/ada')
  assert.deepEqual(told, [{ tenant: 'default', subject: 'default/ada', key: '["ada","key:a"]' }])
  // The authorization server ends one: whoever agrees next may have another account there.
  await consented(t, made, made.target())
  made.server.live.clear()
  made.server.instead = (request, response) => request.url === '/token' && (response.writeHead(400, { 'content-type': 'application/json' }).end('{"error":"invalid_grant"}'), true)
  assert.ok((await call(t, made, made.target())) instanceof Refused)
  assert.equal(told.length, 2)
  over()
  await made.consenting.forget('default/bob')
  assert.equal(told.length, 2)
})

test('a renewal that ends after the name has come to stand for another server gives that one nothing, and its token to nobody', async (t) => {
  const made = await world(t)
  const first = made.target()
  made.server.lifetime = 1
  await consented(t, made, first)
  let renewal: ServerResponse | undefined
  made.server.instead = (request, response) => request.url === '/token' && renewal === undefined && ((renewal = response), true)
  const waiting = call(t, made, first)
  while (renewal === undefined) await new Promise((resolve) => setImmediate(resolve))
  // Meanwhile settings name another server, and the person agrees to that one.
  made.server.lifetime = 300
  const seen: string[] = []
  const other: string = await listening(t, (request, response) => {
    if (request.url === '/.well-known/oauth-protected-resource/mcp') return response.setHeader('content-type', 'application/json').end(JSON.stringify({ resource: `${other}/mcp`, authorization_servers: [made.server.issuer] }))
    seen.push(request.headers.authorization ?? '')
    return response.writeHead(seen.at(-1) === '' ? 401 : 200).end()
  })
  const second = { ...first, url: `${other}/mcp` }
  await consented(t, made, second)
  assert.equal(await call(t, made, second), 200)
  renewal.writeHead(200, { 'content-type': 'application/json' }).end('{"access_token":"late","token_type":"Bearer"}')
  assert.ok((await waiting) instanceof Refused)
  const [token = 'x'] = seen.filter((one) => one !== '')
  assert.ok(!made.seen.includes(token) && !made.seen.includes('Bearer late'))
  assert.equal(await call(t, made, second), 200)
})

test('an authorization server that forgets its clients costs an agreement, not the server', async (t) => {
  const made = await world(t)
  await consented(t, made, made.target())
  const forgetful = (request: IncomingMessage, response: ServerResponse): boolean => request.url === '/token' && (response.writeHead(401, { 'content-type': 'application/json' }).end('{"error":"invalid_client"}'), true)
  const registrations = (): number => made.server.asked.filter(({ path }) => path === '/register').length
  assert.equal(registrations(), 1)
  made.server.live.clear()
  made.server.instead = forgetful
  assert.equal(((await call(t, made, made.target())) as Refused).refusal.refuse, 'consent_required')
  assert.equal(made.rows.size, 0)
  made.server.instead = undefined
  const { back, cookie } = await agreed(t, made, made.target())
  assert.equal(registrations(), 2)
  made.server.instead = forgetful
  const taken = made.consenting.consents.take(back, () => cookie)
  assert.ok(!isRefusal(taken))
  await assert.rejects(taken.finish(), Refused)
  made.server.instead = undefined
  await consented(t, made, made.target())
  assert.equal(registrations(), 3)
  // One that settings name is not ours to replace: an operator has to look.
  const named = made.target({ issuer: made.server.issuer, clientId: 'us', register: false })
  await consented(t, made, named)
  made.server.live.clear()
  made.server.instead = forgetful
  assert.equal(((await call(t, made, named)) as Refused).refusal.refuse, 'upstream_auth')
  assert.equal(made.rows.size, 1)
})

test('tokens of another type, too long, or with words that terminals obey', async (t) => {
  const made = await world(t)
  const usual = { access_token: 'good', token_type: 'Bearer' }
  const answers: readonly unknown[] = [{ ...usual, token_type: 'DPoP' }, { ...usual, token_type: undefined }, { ...usual, access_token: 'a\r\nx-evil: 1' }, { ...usual, access_token: 'x'.repeat(20_000) }, { ...usual, access_token: '' }, { ...usual, expires_in: -1 }, { ...usual, refresh_token: 'a b' }, { ...usual, padding: 'x'.repeat(70_000) }, [], 'x', null]
  for (const answer of answers) {
    const { back, cookie } = await agreed(t, made, made.target())
    made.server.instead = (request, response) => request.url === '/token' && (response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer)), true)
    const taken = made.consenting.consents.take(back, () => cookie)
    assert.ok(!isRefusal(taken))
    await assert.rejects(taken.finish(), Refused, JSON.stringify(answer).slice(0, 80))
    made.server.instead = undefined
  }
  assert.equal(made.rows.size, 0)
  const { back, cookie } = await agreed(t, made, made.target())
  made.server.instead = (request, response) => request.url === '/token' && (response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ ...usual, scope: 'mail \u001b[2J "x" \u202e' })), true)
  const taken = made.consenting.consents.take(back, () => cookie)
  assert.ok(!isRefusal(taken))
  await taken.finish()
  assert.deepEqual([...made.rows.values()].map(({ scope }) => scope), ['mail'])
})

test('an authorization server that stalls is one that cannot be asked', async () => {
  const stalls = ({ signal }: Parameters<Dial>[0]): Promise<never> => new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
  await assert.rejects(asked(stalls, { method: 'GET', url: 'https://as.example/x', fields: [] }, AbortSignal.timeout(1)), (error) => error instanceof OAuthProblem && /takes too long/.test(error.message))
})

test('at rest: a grant that was changed, or moved to another owner or server, opens nothing', async (t) => {
  const made = await world(t)
  await consented(t, made, made.target())
  const [[key, row]] = [...made.rows] as [[string, GrantRow]]
  const restarted = (rows: readonly GrantRow[]): void => {
    made.rows.clear()
    for (const one of rows) made.rows.set(JSON.stringify([one.tenant, one.owner, one.server]), one)
    made.consenting = made.again()
  }
  restarted([row])
  assert.equal(await call(t, made, made.target()), 200)
  const changed = Uint8Array.from(row.content)
  changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1
  restarted([{ ...row, content: changed }])
  assert.ok((await call(t, made, made.target())) instanceof Refused)
  restarted([{ ...row, owner: '["bob","key:a"]' }, { ...row, tenant: 'other' }, { ...row, server: 'calendar' }])
  made.seen.length = 0
  for (const one of [who('key:a', 'bob'), { ...ADA, tenant: 'other' }]) assert.ok((await call(t, made, made.target(), one)) instanceof Refused)
  assert.ok((await call(t, made, { ...made.target(), server: 'calendar' })) instanceof Refused)
  assert.deepEqual(made.seen, ['', '', ''])
  assert.ok(!made.rows.has(key))
})
