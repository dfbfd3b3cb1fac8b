import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { after, test } from 'node:test'
import type { Errand, Passed } from './contract/gateway.ts'
import { makeDialer } from './edge/dial/dialer.ts'
import { makeRemote } from './remote.ts'
import { makeGuard } from './guardrails/engine.ts'
import { asked, clock, segment, signal } from './guardrails/guard.fixture.ts'
import { guardrails } from './guardrails/list.ts'
import { settleGuardrails } from './guardrails/settings.ts'

let answering: (body: string, request: IncomingMessage, response: ServerResponse) => void = () => undefined
const server = createServer((request, response) => {
  let body = ''
  request.on('data', (bytes: Buffer) => (body += bytes.toString()))
  request.on('end', () => answering(body, request, response))
})
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
const address = server.address()
const url = `http://127.0.0.1:${address !== null && typeof address === 'object' ? address.port : 0}/classify`
const { dial, close } = makeDialer({ origins: [{ origin: new URL(url).origin }] })
after(async () => {
  await close()
  server.closeAllConnections()
  server.close()
})

// The path as far as this matters: everything is allowed, or nothing is.
const passing = async (errand: Errand): Promise<Passed> => {
  await errand.deliver(undefined as never)
  return { exchange: asked().exchange }
}
const refusing = (): Promise<Passed> => Promise.resolve({ exchange: asked().exchange, refusal: { refuse: 'denied' } })

const guardFor = (more: object, pass = passing) => {
  const settings = settleGuardrails([{ use: 'http', name: 'mine', url, timeout: '20s', ...more } as never], 'guard', guardrails, { base: '/', env: { CLASSIFIER: 'Bearer abc' } })
  return makeGuard({ ...settings, entries: settings.entries.filter(({ use }) => use === 'mine') }, { clock, cacheBytes: 0, guardrails: settings.made ?? [], tools: { remote: makeRemote(dial, pass) } })
}
const ask = async (answer: typeof answering, more: object = {}, pass = passing) => {
  answering = answer
  return guardFor(more, pass).inspect(asked(), [segment('some text')], 'request', signal)
}
const says = (value: unknown): typeof answering => (_body, _request, response) => void response.end(JSON.stringify(value))

test('a classifier gets the text with its origin and task, and its score decides', async () => {
  let seen: unknown
  let field: unknown
  const { refusal, findings } = await ask((body, request, response) => {
    seen = JSON.parse(body)
    field = request.headers.authorization
    response.end(JSON.stringify({ score: 0.9, category: 'spam', spans: [[5, 9]], reason: 'bought' }))
  }, { authorization: 'env:CLASSIFIER' })
  assert.deepEqual(seen, { input: 'some text', origin: 'user', task: '' })
  assert.equal(field, 'Bearer abc')
  assert.equal(refusal?.refuse, 'content_refused')
  assert.deepEqual(findings.map(({ guardrail, category, score, start, end }) => [guardrail, category, score, start, end]), [['mine', 'spam', 0.9, 5, 9]])
  assert.equal((await ask(says({ score: 0.2 }))).verdict, 'allow')
  assert.equal((await ask(says({ score: 0.2 }), { threshold: 0.1 })).verdict, 'deny')
})

test('whatever is not exactly an answer has failed', async () => {
  const nonsense: readonly (typeof answering)[] = [
    says({}), says({ score: 2 }), says({ score: '0' }), says({ score: 0, verdict: 'ok' }), says([0]), says({ score: 0, spans: [[5, 500]] }), says({ score: 0, category: 'No Such Name' }),
    (_body, _request, response) => void response.end('fine!'),
    (_body, _request, response) => void response.end(Buffer.from([0xff, 0xfe])),
    (_body, _request, response) => void response.writeHead(500).end('{"score":0}'),
    (_body, _request, response) => void response.writeHead(302, { location: '/other' }).end(),
    (_body, _request, response) => void response.end(`{"score":0,"reason":"${'x'.repeat(100_000)}"}`),
    (_body, request) => void request.socket.destroy(),
    (_body, _request, response) => void response.write('{"score":', () => response.destroy()),
  ]
  for (const [i, answer] of nonsense.entries()) {
    const { verdict, refusal } = await ask(answer)
    assert.equal(verdict, 'deny', `${i}`)
    assert.equal(refusal?.refuse, 'guard_failed', `${i}`)
  }
  assert.equal((await ask(() => undefined, { timeout: '200ms' })).refusal?.refuse, 'guard_failed')
  const open = await ask(says('nonsense'), { on_error: 'open' })
  assert.equal(open.verdict, 'allow')
  assert.deepEqual(open.findings.map(({ score }) => score), ['inconclusive'])
})

test('what policy does not permit is not sent', async () => {
  let asked = false
  const { refusal } = await ask(() => (asked = true), {}, refusing)
  assert.equal(refusal?.refuse, 'guard_failed')
  assert.equal(asked, false)
})

test('places that must not be dialled, and missing variables, are refused when settings are read', () => {
  for (const wrong of ['ftp://example.com', 'http://example.com/x', 'https://user:word@example.com', 'nothing', undefined]) assert.throws(() => guardFor({ url: wrong }), wrong)
  assert.throws(() => guardFor({ authorization: 'env:ABSENT' }), /ABSENT is not set/)
  assert.throws(() => guardFor({ authorization: 'Bearer abc' }), /env:NAME/)
})
