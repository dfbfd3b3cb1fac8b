import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { summaryOf, surfaces, type Surfaces } from './approving.fixture.ts'
import { makeFeed } from './console/events.ts'
import type { Outlet } from './contract/arrival.ts'
import { sseParser, type SseEvent } from './formats/sse.ts'
import { newKey } from './identity/key.ts'

const admins: readonly (readonly [verb: string, path: string, body?: unknown])[] = [
  ['GET', 'metrics'],
  ['GET', 'api/status'],
  ['GET', 'api/reviewers'],
  ['POST', 'api/reviewers', { name: 'Mallory', rights: ['author'] }],
  ['DELETE', 'api/reviewers/x'],
]
const theirs: readonly (readonly [verb: string, path: string, body?: unknown])[] = [
  ['GET', 'api/approvals'],
  ['GET', 'api/approvals/a1'],
  ['GET', 'api/approvals/fatigue'],
  ['GET', 'api/approvals/standing'],
  ['POST', 'api/approvals/preview', { text: 'permit (principal, action, resource);' }],
]

test('a reviewer gets to approvals and to nothing else; an agent to nothing; the admin key to everything', async (t) => {
  const house = await surfaces(t)
  house.desk.waiting.set('a1', summaryOf('a1'))
  const { key } = await house.reviewer()
  for (const [verb, path, body] of admins) {
    const { status, said } = await house.ask(key, verb, path, body)
    assert.deepEqual([status, (said as { error?: { code?: string } }).error?.code], [403, 'out_of_scope'], path)
  }
  for (const [verb, path, body] of theirs) assert.equal((await house.ask(key, verb, path, body)).status, 200, path)
  for (const agent of [newKey('sp').key, newKey('spr').key, undefined]) {
    for (const [verb, path, body] of [...admins, ...theirs, ['GET', 'api/approvals/events'] as const]) assert.equal((await house.ask(agent, verb, path, body)).status, 401, path)
  }
  assert.equal((await house.ask(house.adminKey, 'GET', 'metrics')).status, 200)
  for (const [verb, path, body] of theirs) assert.equal((await house.ask(house.adminKey, verb, path, body)).status, 200, path)
  assert.equal(house.reviewers.listReviewers().length, 1, 'nobody made Mallory')
})

test('the administrator makes and revokes reviewers, and both leave a record', async (t) => {
  const house = await surfaces(t)
  const made = await house.ask(house.adminKey, 'POST', 'api/reviewers', { name: 'Alice', groups: ['finance'] })
  const { key, facts } = made.said as unknown as { key: string; facts: { id: string } }
  assert.equal((await house.ask(key, 'GET', 'api/approvals')).status, 200)
  assert.equal((await house.ask(house.adminKey, 'DELETE', `api/reviewers/${facts.id}`)).status, 200)
  const after = await house.ask(key, 'GET', 'api/approvals')
  assert.deepEqual([after.status, (after.said as { error?: { code?: string } }).error?.code], [401, 'key_revoked'])
  assert.equal((await house.ask(house.adminKey, 'DELETE', `api/reviewers/${facts.id}`)).status, 404)
  assert.equal((await house.ask(house.adminKey, 'POST', 'api/reviewers', { name: 'A', rights: ['root'] })).status, 400)
  assert.deepEqual(house.acts.map(({ act, detail }) => [act, detail['reviewer']]), [['reviewer.create', facts.id], ['reviewer.revoke', facts.id]])
  assert.ok(!JSON.stringify(house.acts).includes(key))
})

test('a list has what waits first, and keeps to a state and a limit', async (t) => {
  const house = await surfaces(t)
  const { key } = await house.reviewer({ groups: ['finance'] })
  house.desk.past.push(summaryOf('p1', { state: 'approved', created: 30 }), summaryOf('p2', { state: 'expired', created: 20 }), summaryOf('p3', { state: 'approved', created: 10 }))
  for (const [id, more] of [['a1', {}], ['a2', { group: 'finance' }], ['a3', { group: 'ops' }], ['a4', { tenant: 'acme' }]] as const) house.desk.waiting.set(id, summaryOf(id, more))
  const listed = async (query: string): Promise<string[]> => ((await house.ask(key, 'GET', `api/approvals${query}`)).said as unknown as { approvals: { id: string }[] }).approvals.map((one) => one.id)
  assert.deepEqual(await listed(''), ['a1', 'a2', 'p1', 'p2', 'p3'])
  assert.deepEqual(await listed('?state=pending'), ['a1', 'a2'])
  assert.deepEqual(await listed('?state=approved'), ['p1', 'p3'])
  assert.deepEqual(await listed('?limit=3'), ['a1', 'a2', 'p1'])
  assert.deepEqual(await listed('?before=30'), ['p2', 'p3'])
  for (const wrong of ['?state=open', '?limit=0', '?limit=x', '?limit=1e9']) assert.equal((await house.ask(key, 'GET', `api/approvals${wrong}`)).status, 400, wrong)
})

test('a decision carries the hash of what was shown, and each refusal its code', async (t) => {
  const house = await surfaces(t)
  const { key, id: reviewer } = await house.reviewer({ identity: 'alice@example.com' })
  house.desk.waiting.set('a1', summaryOf('a1'))
  const decide = async (body: unknown, id = 'a1'): Promise<unknown[]> => {
    const { status, said } = await house.ask(key, 'POST', `api/approvals/${id}/decide`, body)
    return [status, (said as { error?: { code?: string } }).error?.code]
  }
  const hash = 'hash-of-a1'
  const wrong = [{}, { decision: 'once' }, { decision: 'yes', hash }, { decision: 'once', hash, extra: 1 }, { decision: 'rule', hash, text: 'permit' }, { decision: 'value', hash, paths: [] }, { decision: 'once', hash, calls: 0 }, { decision: 'task', hash, forMs: 1 }, { decision: 'deny', hash, message: 'x'.repeat(501) }]
  for (const body of wrong) assert.deepEqual(await decide(body), [400, 'invalid'], JSON.stringify(body))
  assert.equal(house.desk.asked.length, 0, 'nothing of this reached the desk')
  assert.deepEqual(await decide('{"decision":"once","decision":"deny","hash":"x"}'), [400, 'bad_json'])
  assert.deepEqual(await decide({ decision: 'once', hash, note: 'x'.repeat(70_000) }), [413, 'body_too_large'])
  assert.deepEqual(await decide({ decision: 'once', hash: 'another' }), [409, 'conflict'])
  assert.deepEqual(await decide({ decision: 'rule', hash, text: 'permit (principal, action, resource);', forMs: 60_000 }), [403, 'forbidden'])
  assert.deepEqual(await decide({ decision: 'once', hash, note: 'He called.' }), [200, undefined])
  assert.deepEqual(await decide({ decision: 'once', hash }), [409, 'conflict'], 'a second release fails')
  assert.deepEqual(await decide({ decision: 'once', hash }, '../x'), [404, 'unknown_path'])
  const decided = house.desk.asked.at(-2)
  assert.deepEqual([decided?.by, decided?.choice], [{ id: reviewer, name: 'Alice', tenant: 'default', groups: [], rights: [], admin: false, identity: 'alice@example.com' }, { kind: 'once' }])
  assert.deepEqual(house.acts.map(({ by, act, detail }) => [by, act, detail]), [[`reviewer:${reviewer}`, 'approval.note', { approval: 'a1', note: 'He called.' }]])
})

test('rules are tried, adopted and taken back; proposals are for authors', async (t) => {
  const house = await surfaces(t)
  const { key } = await house.reviewer()
  const { key: author } = await house.reviewer({ name: 'Ann', rights: ['author'] })
  house.desk.stands.push({ id: 's1', kind: 'end', tenant: 'default', approval: 'a', by: ['Ann'], since: 0, until: 1, policies: [] })
  const status = async (as: string, verb: string, path: string, body?: unknown): Promise<number> => (await house.ask(as, verb, `api/approvals/${path}`, body)).status
  assert.equal(await status(key, 'POST', 'preview', { text: 'forbid' }), 400)
  assert.equal(await status(key, 'GET', 'proposals'), 403)
  assert.equal(await status(author, 'GET', 'proposals'), 200)
  assert.equal(await status(author, 'POST', 'proposals/p1/adopt', { text: 'permit', forMs: 60_000 }), 200)
  assert.equal(await status(author, 'POST', 'proposals/p1/adopt', { text: 'permit' }), 400, 'a rule needs an end')
  assert.equal(await status(author, 'DELETE', 'proposals/p1'), 200)
  assert.equal(await status(key, 'GET', 'standing?kind=all'), 400)
  assert.deepEqual((await house.ask(key, 'GET', 'api/approvals/standing?kind=rule')).said['standing'], [])
  assert.equal(await status(key, 'DELETE', 'standing/s1'), 200)
  assert.equal(await status(key, 'DELETE', 'standing/s1'), 404)
})

interface Watching {
  /** The next event. */
  next(): Promise<SseEvent>
  /** Resolves when the stream has ended properly. */
  readonly ended: Promise<void>
  stop(): void
}

async function watching(t: TestContext, { url }: Surfaces, key: string, last?: string): Promise<Watching> {
  const stop = new AbortController()
  t.after(() => stop.abort())
  const reply = await fetch(`${url}/api/approvals/events`, { headers: { authorization: `Bearer ${key}`, ...(last !== undefined && { 'last-event-id': last }) }, signal: stop.signal })
  assert.equal(reply.status, 200, reply.status === 200 ? '' : await reply.text())
  assert.equal(reply.headers.get('content-type'), 'text/event-stream')
  const parser = sseParser({ line: 100_000, event: 100_000 })
  const got: SseEvent[] = []
  let told = Promise.withResolvers<void>()
  const ended = (async () => {
    for await (const chunk of reply.body as ReadableStream<Uint8Array>) {
      got.push(...parser.push(chunk))
      told.resolve()
    }
  })()
  ended.catch(() => undefined)
  return {
    ended,
    stop: () => stop.abort(),
    async next() {
      for (;;) {
        const event = got.shift()
        if (event !== undefined) return event
        told = Promise.withResolvers()
        await told.promise
      }
    },
  }
}

test('a watcher hears what it may see, and goes on where it stopped', async (t) => {
  const house = await surfaces(t)
  const { key } = await house.reviewer({ groups: ['finance'] })
  const one = await watching(t, house, key)
  const ready = await one.next()
  assert.deepEqual([ready.event, ready.data], ['ready', '{}'])
  const tell = (id: string, more = {}): void => house.desk.tell({ kind: 'created', at: 1, approval: summaryOf(id, more) })
  tell('hidden', { tenant: 'acme' })
  tell('also hidden', { group: 'ops' })
  tell('a1', { group: 'finance' })
  const first = await one.next()
  assert.deepEqual([first.event, (JSON.parse(first.data) as { approval: { id: string } }).approval.id], ['created', 'a1'])
  one.stop()
  tell('a2')
  house.desk.tell({ kind: 'released', at: 2, approval: 'a1', tenant: 'default', how: 'once', exchange: 'x', by: ['Alice'] })
  const again = await watching(t, house, key, first.id)
  assert.deepEqual([(JSON.parse((await again.next()).data) as { approval: { id: string } }).approval.id, (await again.next()).event], ['a2', 'released'])
  for (const unknown of ['00000000-1', 'x', `${(first.id as string).slice(0, 9)}999`]) assert.equal((await (await watching(t, house, key, unknown)).next()).event, 'reset', unknown)
})

test('an event that was lost resets everybody', async (t) => {
  const house = await surfaces(t)
  const { key } = await house.reviewer()
  const one = await watching(t, house, key)
  const { id } = await one.next()
  house.desk.tell({ kind: 'missed', at: 1, events: 3 })
  assert.equal((await one.next()).event, 'reset')
  assert.equal((await (await watching(t, house, key, id)).next()).event, 'reset')
})

test('a stream ends when its key is revoked, and only that one', async (t) => {
  const house = await surfaces(t)
  const alice = await house.reviewer()
  const bob = await house.reviewer({ name: 'Bob' })
  const [one, other] = [await watching(t, house, alice.key), await watching(t, house, bob.key)]
  await Promise.all([one.next(), other.next()])
  await house.reviewers.revokeReviewer(alice.id)
  assert.deepEqual(await one.next(), { event: 'end', data: '{"reason":"credential"}' })
  await one.ended
  house.desk.tell({ kind: 'created', at: 1, approval: summaryOf('a1') })
  assert.equal((await other.next()).event, 'created')
})

test('streams end with a word when the house closes, and new ones are refused', async (t) => {
  const house = await surfaces(t)
  const { key } = await house.reviewer()
  const one = await watching(t, house, key)
  await one.next()
  await house.approving.close()
  assert.deepEqual(await one.next(), { event: 'end', data: '{"reason":"draining"}' })
  await one.ended
  assert.equal((await house.ask(key, 'GET', 'api/approvals/events')).status, 503)
})

test('one key watches four times at most; whoever goes makes room', async (t) => {
  const house = await surfaces(t)
  const { key } = await house.reviewer()
  const open = await Promise.all([1, 2, 3, 4].map(() => watching(t, house, key)))
  const fifth = await house.ask(key, 'GET', 'api/approvals/events')
  assert.deepEqual([fifth.status, (fifth.said as { error?: { code?: string } }).error?.code], [429, 'too_many_watchers'])
  open[0]?.stop()
  for (;;) {
    const reply = await fetch(`${house.url}/api/approvals/events`, { headers: { authorization: `Bearer ${key}` } })
    await reply.body?.cancel()
    if (reply.status === 200) break
  }
})

/** An outlet that takes nothing until it is told to. */
function slowOutlet(): Outlet & { readonly got: string[]; go(): void } {
  const got: string[] = []
  let gate = Promise.withResolvers<void>()
  return {
    got, committed: true,
    go() {
      gate.resolve()
      gate = Promise.withResolvers()
    },
    head: () => undefined,
    write(bytes) {
      got.push(String(bytes))
      return gate.promise
    },
    end: (bytes) => void (bytes !== undefined && got.push(String(bytes))),
    cut: () => undefined,
    stop: () => undefined,
  }
}

const operator = { tenant: 'default', workload: 'reviewer:a', chain: [], roles: [], proof: { kind: 'reviewer', id: 'a' }, scope: { rights: [] } } as const
const asked = { operator, params: {}, query: new URLSearchParams(), fields: [], body: undefined }

test('a watcher that does not read holds nothing up, and is told that it fell behind', async () => {
  const beats: (() => void)[] = []
  const feed = makeFeed<number>({ clock: { wall: () => 0, monotonic: () => 0, timer: (_ms, fire) => (beats.push(fire), () => undefined) }, sees: () => true, active: () => true, kept: 10 })
  const outlet = slowOutlet()
  const stop = new AbortController()
  const done = feed.stream(asked, outlet, stop.signal)
  for (let n = 1; n <= 50; n++) feed.publish({ name: 'created', data: n })
  const step = async (): Promise<string> => {
    outlet.go()
    for (let i = 0; i < 5; i++) await Promise.resolve()
    return outlet.got.at(-1) ?? ''
  }
  assert.match(outlet.got[0] ?? '', /event: ready/)
  assert.match(await step(), /-50\nevent: reset/)
  await step()
  beats[0]?.()
  await step()
  assert.equal(outlet.got.at(-1), ': \n\n', 'a heartbeat while nothing happens')
  stop.abort()
  await step()
  await done
})
