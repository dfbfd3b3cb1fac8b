import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import { Webhook } from 'standardwebhooks'
import { summaryOf, surfaces } from './approving.fixture.ts'
import type { ReadyWebhook } from './approvals/webhooks/settings.ts'
import type { Clock } from './contract/clock.ts'

const secret = Buffer.alloc(32, 9)

/** Pauses between attempts are over at once, and a whole attempt may take as long as a test says. */
const clockWith = (attemptMs = 10_000): Clock => ({
  wall: () => Date.now(),
  monotonic: () => performance.now(),
  timer: (ms, fire) => {
    const timer = setTimeout(fire, ms === 1_000 || ms === 15_000 ? 0 : ms === 10_000 ? attemptMs : ms)
    timer.unref()
    return () => clearTimeout(timer)
  },
})

interface Heard {
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** A place that answers as it is told; `until` waits for what it hears. */
async function place(t: TestContext, answer: (nth: number) => number | 'never' | 'redirect'): Promise<{ readonly url: string; readonly heard: Heard[]; until(count: number): Promise<void> }> {
  const heard: Heard[] = []
  let told = Promise.withResolvers<void>()
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      heard.push({ path: request.url ?? '', headers: request.headers as Record<string, string>, body })
      const what = answer(heard.length)
      if (what === 'redirect') response.writeHead(307, { location: '/elsewhere' }).end()
      else if (what !== 'never') response.writeHead(what).end('thanks')
      told.resolve()
      told = Promise.withResolvers()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    return new Promise((resolve) => server.close(resolve))
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook?token=t`,
    heard,
    async until(count) {
      while (heard.length < count) await told.promise
    },
  }
}

const hook = (url: string, more: Partial<ReadyWebhook> = {}): ReadyWebhook => ({ url, kind: 'generic', secret, events: new Set(['created', 'decided', 'expired', 'alarm']), allowPrivate: false, ...more })
const created = (id: string) => ({ kind: 'created', at: Date.now(), approval: summaryOf(id) }) as const

async function failed(house: { readonly failed: readonly unknown[] }, count: number): Promise<void> {
  while (house.failed.length < count) await new Promise((resolve) => setImmediate(resolve))
}

test('what is told is signed as Standard Webhooks say, and a changed byte is noticed', async (t) => {
  const house = await surfaces(t)
  const { url, heard, until } = await place(t, () => 200)
  house.approving.notify([hook(url)])
  house.desk.tell(created('a1'))
  await until(1)
  const { headers, body } = heard[0] as Heard
  const receiver = new Webhook(`whsec_${secret.toString('base64')}`)
  const told = receiver.verify(body, headers) as { type: string; data: { id: string; link: string } }
  assert.deepEqual([told.type, told.data.id, told.data.link], ['approval.created', 'a1', `${house.url}/api/approvals/a1`])
  assert.throws(() => receiver.verify(body.replace('a1', 'a2'), headers))
  assert.throws(() => receiver.verify(body, { ...headers, 'webhook-id': 'msg_other' }))
  assert.throws(() => new Webhook(`whsec_${Buffer.alloc(32, 1).toString('base64')}`).verify(body, headers))
})

test('an attempt that failed is made again under the same id, and one with another message under another', async (t) => {
  const house = await surfaces(t, { clock: clockWith() })
  const { url, heard, until } = await place(t, (nth) => (nth < 3 ? 500 : 200))
  house.approving.notify([hook(url)])
  house.desk.tell(created('a1'))
  house.desk.tell(created('a2'))
  await until(4)
  const ids = heard.map(({ headers }) => headers['webhook-id'])
  assert.deepEqual([ids[0], ids[0]], [ids[1], ids[2]])
  assert.notEqual(ids[2], ids[3])
  assert.equal(house.failed.length, 0)
})

test('a place that is down, that fails for good or that redirects costs its messages and nothing else', async (t) => {
  const house = await surfaces(t, { clock: clockWith() })
  const bad = await place(t, () => 500)
  const moved = await place(t, () => 'redirect')
  const good = await place(t, () => 204)
  house.approving.notify([hook('http://127.0.0.1:1/'), hook(bad.url), hook(moved.url), hook(good.url)])
  house.desk.tell(created('a1'))
  await Promise.all([good.until(1), failed(house, 3)])
  assert.deepEqual(house.failed.map((one) => one.place).sort(), ['http://127.0.0.1:1', new URL(bad.url).origin, new URL(moved.url).origin].sort())
  assert.ok(!JSON.stringify(house.failed).includes('token'), 'the URL is not logged')
  assert.deepEqual([bad.heard.length, moved.heard.length, good.heard.length], [3, 3, 1])
  assert.ok(moved.heard.every(({ path }) => path === '/hook?token=t'), 'the redirect is not followed')
  assert.deepEqual(house.counted.toSorted(), ['created', 'failed approvals', 'failed approvals', 'failed approvals'])
})

test('a place that never answers is given up, and holds up neither events nor other places', async (t) => {
  const house = await surfaces(t, { clock: clockWith(30) })
  const slow = await place(t, () => 'never')
  const good = await place(t, () => 200)
  house.approving.notify([hook(slow.url), hook(good.url)])
  house.desk.tell(created('a1'))
  house.desk.tell(created('a2'))
  await Promise.all([good.until(2), failed(house, 2)])
  assert.equal(slow.heard.length, 6)
})

test('each place hears what it asked for, in its own shape', async (t) => {
  const house = await surfaces(t)
  const slack = await place(t, () => 200)
  const alarms = await place(t, () => 200)
  house.approving.notify([{ url: slack.url, kind: 'slack', events: new Set(['created', 'alarm']), allowPrivate: false }, hook(alarms.url, { events: new Set(['alarm', 'released']), link: 'https://sally.example' })])
  house.desk.tell(created('a1'))
  house.desk.tell({ kind: 'alarm', at: 0, habit: { decisions: 40, approved: 40, fast: 40, medianMs: 1, lastHour: 40, tight: true } })
  house.desk.tell({ kind: 'released', at: 0, approval: 'a1', tenant: 'default', how: 'once', exchange: 'x', by: ['Alice'] })
  await Promise.all([slack.until(2), alarms.until(2)])
  assert.deepEqual(Object.keys(JSON.parse(slack.heard[0]?.body ?? '') as object), ['text', 'blocks'])
  assert.equal(slack.heard[0]?.headers['webhook-signature'], undefined)
  const told = alarms.heard.map(({ body }) => JSON.parse(body) as { type: string; data: { link?: string } })
  assert.deepEqual(told.map(({ type, data }) => [type, data.link]), [['approval.alarm', undefined], ['approval.released', 'https://sally.example/api/approvals/a1']])
})

test('replaced webhooks hear nothing new', async (t) => {
  const house = await surfaces(t)
  const before = await place(t, () => 200)
  const after = await place(t, () => 200)
  house.approving.notify([hook(before.url)])
  house.approving.notify([hook(after.url)])
  house.desk.tell(created('a1'))
  await after.until(1)
  house.approving.notify([])
  house.desk.tell(created('a2'))
  assert.deepEqual([before.heard.length, after.heard.length], [0, 1])
})
