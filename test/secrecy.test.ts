import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { startHouse, type TestHouse } from './house.ts'
import { raw, sallyport, sealOf } from './probe.ts'

/** Whose secret goes where: the provider's to the provider alone, the caller's to nobody, the operator's to the admin port. */
const CREDENTIAL = 'pk-live-8Qm2Zr7Lx0Vb5Nc3'
const start = (): Promise<TestHouse> =>
  startHouse({
    env: { PRACTICE_KEY: CREDENTIAL },
    config: ({ practiceUrl }) => `
providers:
  o: { kind: openai, baseUrl: "${practiceUrl}/v1", credential: env:PRACTICE_KEY, models: [practice, practice-two] }
  a: { kind: anthropic, baseUrl: "${practiceUrl}", credential: env:PRACTICE_KEY }
  g: { kind: gemini, baseUrl: "${practiceUrl}/v1beta", credential: env:PRACTICE_KEY }
routes:
  default: { targets: [{ provider: o, model: same }], retries: { attempts: 1 } }
  claude: { match: { models: ["claude-*"] }, targets: [{ provider: a, model: practice }], retries: { attempts: 1 } }
  gemini: { match: { models: ["gemini-*"] }, targets: [{ provider: g, model: practice }], retries: { attempts: 1 } }
  embedding: { match: { models: ["embed-*"] }, targets: [{ provider: o, model: practice }] }
telemetry: { log: debug }
`,
  })
let house: TestHouse
before(async () => {
  house = await start()
})
after(() => house.stop())

const chat = (as: Readonly<Record<string, string>>, more: Readonly<Record<string, unknown>> = {}, at = house): Promise<Response> =>
  fetch(`${at.dataUrl}/v1/chat/completions`, { method: 'POST', headers: { 'content-type': 'application/json', ...as }, body: JSON.stringify({ model: 'practice', messages: [{ role: 'user', content: 'hello' }], ...more }) })
const bearer = (key: string): { authorization: string } => ({ authorization: `Bearer ${key}` })
const everythingOf = async (reply: Response): Promise<string> => JSON.stringify([...reply.headers]) + (await reply.text())
const models = ['practice', 'claude-x', 'gemini-x']
const adminKey = (at = house): string => readFileSync(join(at.state, 'admin.key'), 'utf8').trim()

test('the provider gets its own credential and nothing of the caller', async () => {
  const ways: readonly Record<string, string>[] = [bearer(house.key), { 'x-api-key': house.key }, { 'x-goog-api-key': house.key }, { 'api-key': house.key }]
  const stray = { cookie: `session=${house.key}`, 'x-forwarded-for': '10.1.2.3', 'x-secret': 'mine', 'openai-organization': 'org-mine', 'user-agent': 'my-client/1', referer: 'https://intranet.example/' }
  for (const model of models) for (const way of ways) for (const stream of [false, true]) await everythingOf(await chat({ ...way, ...stray }, { model, stream }))
  await fetch(`${house.dataUrl}/v1/embeddings`, { method: 'POST', headers: { 'content-type': 'application/json', ...bearer(house.key), ...stray }, body: JSON.stringify({ model: 'embed-x', input: 'hello' }) })
  assert.equal(house.practice.seen.length, models.length * ways.length * 2 + 1)
  for (const { headers, body, path } of house.practice.seen) {
    const all = JSON.stringify(headers) + body + path
    assert.ok(!all.includes(house.key), path)
    assert.doesNotMatch(all, /10\.1\.2\.3|"mine"|org-mine|my-client|intranet/)
    assert.equal(all.split(CREDENTIAL).length, 2, 'its own credential, once')
    assert.ok(!body.includes(CREDENTIAL) && !path.includes(CREDENTIAL))
  }
})

/** Nothing that a house shows, writes or keeps holds one of the secrets. */
async function holdsNone(at: TestHouse, secrets: readonly string[]): Promise<void> {
  const headers = bearer(adminKey(at))
  const answers = await Promise.all(['api/status', 'api/receipts?limit=1000', 'api/keys', 'metrics', 'readyz', 'healthz'].map(async (path) => everythingOf(await fetch(`${at.adminUrl}/${path}`, { headers }))))
  const files = readdirSync(at.state, { recursive: true, withFileTypes: true }).filter((one) => one.isFile())
  assert.ok(files.length > 3)
  const atRest = files.map((one) => [one.name, readFileSync(join(one.parentPath, one.name)).toString('latin1')] as const)
  for (const secret of secrets) {
    for (const text of [...answers, ...at.logs]) assert.ok(!text.includes(secret), text)
    for (const [name, text] of atRest) assert.ok(!text.includes(secret), name)
  }
  for (const text of [...answers, ...at.logs]) assert.ok(!text.includes(adminKey(at)))
}

for (const [name, status] of [['refuses the request', 400], ['denies the credential', 401], ['fails', 500], ['is busy', 429], ['knows no such model', 404], ['forbids', 403]] as const) {
  test(`a provider that ${name} and repeats the credential gives it to nobody`, async () => {
    const echo = await start()
    try {
      const words = `Incorrect API key provided: ${CREDENTIAL}. Header was Authorization: Bearer ${CREDENTIAL}`
      echo.practice.script = () => ({ status, headers: { 'x-echo': CREDENTIAL }, body: { error: { message: words, type: 'invalid_request_error', code: 'x', status: 'X' }, type: 'error' } })
      const ids: string[] = []
      for (const model of models) {
        for (const stream of [false, true]) {
          const reply = await chat(bearer(echo.key), { model, stream }, echo)
          const all = await everythingOf(reply)
          assert.ok(reply.status >= 400)
          assert.ok(!all.includes(CREDENTIAL), `${model} ${stream}: ${all}`)
          ids.push((await sealOf(echo, reply.headers.get('x-sallyport-id'))).exchange)
        }
      }
      await holdsNone(echo, [CREDENTIAL])
      if (status !== 400) return
      const opened = await sallyport(['audit', 'show', ids[0] as string, '--content', '--json'], { SALLYPORT_HOME: echo.state })
      assert.match(opened.out, /hello/)
      assert.ok(!opened.out.includes(CREDENTIAL))
    } finally {
      await echo.stop()
    }
  })
}

test('a provider that repeats the credential in an error inside a stream, or to an embedding, gives it to nobody', async () => {
  const echo = await start()
  try {
    echo.practice.script = () => ({ status: 200, headers: { 'content-type': 'text/event-stream' }, body: { error: { message: `bad key ${CREDENTIAL}`, type: 'invalid_request_error' } } })
    for (const model of models) assert.ok(!(await everythingOf(await chat(bearer(echo.key), { model, stream: true }, echo))).includes(CREDENTIAL))
    for (const at of [490, 495, 500, 505, 1990, 2010]) {
      echo.practice.script = () => ({ status: 400, body: { error: { message: `${'x'.repeat(at - 12)} ${CREDENTIAL}` } } })
      const said = await everythingOf(await chat(bearer(echo.key), {}, echo))
      assert.ok(!said.includes(CREDENTIAL.slice(0, 10)), `cut at ${at}`)
    }
    echo.practice.script = () => ({ status: 400, body: { error: { message: `bad key ${CREDENTIAL}` } } })
    const reply = await fetch(`${echo.dataUrl}/v1/embeddings`, { method: 'POST', headers: { 'content-type': 'application/json', ...bearer(echo.key) }, body: JSON.stringify({ model: 'embed-x', input: 'hello' }) })
    assert.equal(reply.status, 400)
    assert.ok(!(await everythingOf(reply)).includes(CREDENTIAL))
    await holdsNone(echo, [CREDENTIAL])
  } finally {
    await echo.stop()
  }
})

test('the log, the receipts, the admin answers, the metrics and the files at rest hold no credential and no key', async () => {
  await chat(bearer(house.key))
  await holdsNone(house, [CREDENTIAL, house.key])
})

test('the admin key opens nothing on the data port, and a caller\'s key nothing on the admin port', async () => {
  const reply = await chat(bearer(adminKey()))
  assert.equal(reply.status, 401)
  for (const path of ['api/status', 'api/keys', 'api/receipts', 'metrics', 'api/nothing']) {
    for (const headers of [bearer(house.key), {}, { 'x-api-key': house.key }, bearer(`${adminKey()}x`), { ...bearer(adminKey()), 'x-api-key': house.key }]) {
      const answer = await fetch(`${house.adminUrl}/${path}`, { headers: headers as Record<string, string> })
      assert.equal(answer.status, 401, path)
      await answer.text()
    }
  }
  const made = await fetch(`${house.adminUrl}/api/keys`, { method: 'POST', headers: { 'content-type': 'application/json', ...bearer(house.key) }, body: '{"name":"mine"}' })
  assert.equal(made.status, 401)
})

test('the admin port answers nonsense with a status of 4xx and stays', async () => {
  const admin = `host: localhost\r\nauthorization: Bearer ${adminKey()}\r\n`
  const post = (body: string, type = 'application/json'): string => `POST /api/keys HTTP/1.1\r\n${admin}content-type: ${type}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  const cases = [
    post('{"name":"x","tenant":"a/b"}'),
    post('{"name":"x","admin":true}'),
    post('{"name":"x","name":"y"}'),
    post('{"name":'),
    post('[]'),
    post('{"name":"x"}', 'text/plain'),
    post('x'.repeat(100_000)),
    `DELETE /api/keys/%E0%A4%A HTTP/1.1\r\n${admin}\r\n`,
    `DELETE /api/keys/nobody HTTP/1.1\r\n${admin}\r\n`,
    `GET http://[broken/api/keys HTTP/1.1\r\n${admin}\r\n`,
    `GET //[broken HTTP/1.1\r\n${admin}\r\n`,
    `PATCH /api/keys HTTP/1.1\r\n${admin}content-length: 0\r\n\r\n`,
    `GET /api/receipts?limit=-5 HTTP/1.1\r\n${admin}x: y\r\ncontent-length: abc\r\n\r\n`,
    `GET /api/../api/../../etc/passwd HTTP/1.1\r\n${admin}\r\n`,
  ]
  for (const bytes of cases) {
    const answer = await raw(house.adminUrl, [bytes])
    assert.ok(answer.status >= 400 && answer.status < 500, `${bytes.slice(0, 60)} → ${answer.status} ${answer.body}`)
  }
  for (const query of ['limit=-5', 'limit=0', 'limit=1e9', 'limit=abc', 'tenant=', `tenant=${encodeURIComponent("x' OR 1=1 --")}`]) {
    const answer = await fetch(`${house.adminUrl}/api/receipts?${query}`, { headers: bearer(adminKey()) })
    assert.equal(answer.status, 200, query)
    if (query.includes('OR')) assert.deepEqual(await answer.json(), { receipts: [] })
    else await answer.text()
  }
})

test('a key that is revoked while the firewall runs is refused at once, by the admin port and by the command line', async () => {
  for (const way of ['admin', 'cli'] as const) {
    const key = await house.newKey({ name: `short-${way}` })
    assert.equal((await chat(bearer(key))).status, 200)
    const { keys } = (await house.admin('GET', 'keys')) as unknown as { keys: { id: string; name: string }[] }
    const id = keys.find((one) => one.name === `short-${way}`)?.id as string
    if (way === 'admin') await house.admin('DELETE', `keys/${id}`)
    else assert.equal((await sallyport(['keys', 'revoke', id], { SALLYPORT_HOME: house.state })).code, 0)
    const reply = await chat(bearer(key))
    assert.equal(reply.status, 401)
    assert.equal(((await reply.json()) as { error: { code: string } }).error.code, 'key_revoked')
    assert.equal((await sealOf(house, reply.headers.get('x-sallyport-id'))).outcome, 'refused')
  }
})

test('an expired key is refused', async () => {
  const key = await house.newKey({ name: 'old', expires: Date.now() - 1000 }).catch(() => undefined)
  if (key === undefined) return
  const reply = await chat(bearer(key))
  assert.equal(reply.status, 401)
  assert.equal(((await reply.json()) as { error: { code: string } }).error.code, 'key_expired')
})

test('a key for certain routes or models opens no others, whatever dialect asks', async () => {
  const before = house.practice.seen.length
  const [routes, named, none] = await Promise.all([house.newKey({ name: 'r', routes: ['claude'] }), house.newKey({ name: 'm', models: ['practice-two'] }), house.newKey({ name: 'n', models: ['nothing'] })])
  const gemini = (key: string): Promise<Response> =>
    fetch(`${house.dataUrl}/gemini/v1beta/models/practice:generateContent`, { method: 'POST', headers: { 'content-type': 'application/json', 'x-goog-api-key': key }, body: JSON.stringify({ contents: [{ role: 'user', parts: [{ text: 'hello' }] }] }) })
  for (const reply of [await chat(bearer(routes)), await chat(bearer(named)), await chat(bearer(none)), await gemini(routes), await gemini(named), await chat(bearer(named), { model: 'claude-x' })]) {
    assert.equal(reply.status, 403)
    assert.match(await reply.text(), /out_of_scope/)
    assert.equal((await sealOf(house, reply.headers.get('x-sallyport-id'))).code, 'out_of_scope')
  }
  assert.equal(house.practice.seen.length, before)
  assert.equal((await chat(bearer(routes), { model: 'claude-x' })).status, 200)
  assert.equal((await chat(bearer(named), { model: 'practice-two' })).status, 200)
  const list = await fetch(`${house.dataUrl}/v1/models`, { headers: bearer(named) })
  assert.deepEqual(((await list.json()) as { data: { id: string }[] }).data.map((one) => one.id), ['practice-two'])
})
