import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { startHouse, type TestHouse } from './house.ts'
import { raw, sealOf, seals, until, type RawAnswer } from './probe.ts'

/**
 * What strangers and broken clients send. Each case ends in an error in the dialect of its path, with an id that finds
 * a receipt, and nothing reaches the provider.
 */
let house: TestHouse
before(async () => {
  house = await startHouse({
    config({ practiceUrl, folder }) {
      mkdirSync(join(folder, 'policy'))
      writeFileSync(join(folder, 'policy', 'own.cedar'), '@id("all") permit (principal, action, resource); @id("hidden") forbid (principal, action, resource is Model) when { resource.model == "practice-hidden" };')
      return `
providers:
  p: { kind: openai-compatible, baseUrl: "${practiceUrl}/v1", credential: env:PRACTICE_KEY }
routes:
  only: { match: { models: ["practice*"] }, targets: [{ provider: p, model: same }] }
limits: { body_bytes: 64KB, body_timeout: 300ms, head_timeout: 400ms, header_bytes: 8KB, header_count: 40 }
policy: { folders: [policy] }
`
    },
  })
})
after(() => house.stop())

type Dialect = 'openai' | 'responses' | 'anthropic' | 'gemini'
const paths: Readonly<Record<Dialect, string>> = {
  openai: '/v1/chat/completions',
  responses: '/v1/responses',
  anthropic: '/anthropic/v1/messages',
  gemini: '/gemini/v1beta/models/practice:generateContent',
}
const dialects = Object.keys(paths) as readonly Dialect[]

interface Said {
  readonly status: number
  readonly body: string
  readonly id: string | null
}

/** The sentence and our code out of an error body, and proof that the body has the dialect's shape. */
function errorIn(dialect: Dialect, { status, body }: Said): { readonly code: string; readonly message: string; readonly param: unknown } {
  const said = JSON.parse(body) as { type?: string; error: { message: string; type?: string; code?: unknown; param?: unknown; status?: string; details?: readonly { metadata?: { code?: string; param?: string } }[] } }
  const { error } = said
  assert.ok(error.message.length > 10)
  if (dialect === 'gemini') {
    assert.equal(error.code, status)
    assert.match(error.status ?? '', /^[A-Z_]+$/)
    const info = error.details?.find((one) => one.metadata?.code !== undefined)?.metadata
    return { code: info?.code ?? '', message: error.message, param: info?.param }
  }
  if (dialect === 'anthropic') assert.equal(said.type, 'error')
  assert.match(error.type ?? '', /_error$|^request_too_large$/)
  return { code: String(error.code), message: error.message, param: error.param }
}

async function refused(dialect: Dialect, said: Said, status: number, code: string): Promise<{ readonly message: string; readonly param: unknown }> {
  const error = errorIn(dialect, said)
  assert.deepEqual([said.status, error.code], [status, code], said.body)
  const seal = await sealOf(house, said.id)
  assert.deepEqual([seal.code, seal.outcome], [code, 'refused'])
  assert.equal(house.practice.seen.length, 0, 'nothing was forwarded')
  return error
}

async function post(dialect: Dialect, body: string | Uint8Array, headers: Readonly<Record<string, string>> = {}, path = paths[dialect]): Promise<Said> {
  const reply = await fetch(house.dataUrl + path, { method: 'POST', body: typeof body === 'string' ? body : Uint8Array.from(body), headers: { 'content-type': 'application/json', authorization: `Bearer ${house.key}`, ...headers } })
  return { status: reply.status, body: await reply.text(), id: reply.headers.get('x-sallyport-id') }
}

const asked = (dialect: Dialect, more: Readonly<Record<string, unknown>> = {}, text = 'hello'): Record<string, unknown> => {
  switch (dialect) {
    case 'openai':
      return { model: 'practice', messages: [{ role: 'user', content: text }], ...more }
    case 'responses':
      return { model: 'practice', input: text, ...more }
    case 'anthropic':
      return { model: 'practice', max_tokens: 10, messages: [{ role: 'user', content: text }], ...more }
    case 'gemini':
      return { contents: [{ role: 'user', parts: [{ text }] }], ...more }
  }
}

for (const dialect of dialects) {
  const whole = JSON.stringify(asked(dialect))

  test(`${dialect}: a body that is too large`, async () => {
    await refused(dialect, await post(dialect, JSON.stringify(asked(dialect, {}, 'x'.repeat(100_000)))), 413, 'body_too_large')
  })

  test(`${dialect}: JSON that ends early, is no JSON, is no object, or is nothing`, async () => {
    for (const body of [whole.slice(0, -5), 'nonsense', '[]', '"text"', 'null', '', whole + whole, `\ufeff${whole}`]) await refused(dialect, await post(dialect, body), 400, 'bad_json')
  })

  test(`${dialect}: JSON nested thousands deep`, async () => {
    await refused(dialect, await post(dialect, `{"metadata":${'['.repeat(20_000)}${']'.repeat(20_000)}}`), 400, 'bad_json')
    await refused(dialect, await post(dialect, `${whole.slice(0, -1)},"x":${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}}`), 400, 'bad_json')
  })

  test(`${dialect}: bytes that are not UTF-8, and lone surrogates`, async () => {
    for (const bytes of [[0xff], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82]]) {
      const [before, behind] = whole.split('hello')
      await refused(dialect, await post(dialect, Buffer.concat([Buffer.from(before ?? ''), Buffer.from(bytes), Buffer.from(behind ?? '')])), 400, 'bad_json')
    }
  })

  test(`${dialect}: keys that are there twice, or in another case`, async () => {
    const first = dialect === 'gemini' ? 'contents' : dialect === 'responses' ? 'input' : 'messages'
    const twice = `{"${first}":[],${whole.slice(1)}`
    await refused(dialect, await post(dialect, twice), 400, 'bad_json')
    await refused(dialect, await post(dialect, twice.replace(`"${first}":[]`, `"\\u00${first.charCodeAt(0).toString(16)}${first.slice(1)}":[]`)), 400, 'bad_json')
    const shouted = first[0]?.toUpperCase() + first.slice(1)
    const { param, message } = await refused(dialect, await post(dialect, `{"${shouted}":[],${whole.slice(1)}`), 400, 'bad_request')
    assert.equal(param, shouted)
    assert.ok(message.includes(shouted))
  })

  test(`${dialect}: an unknown field is refused by name, also deep inside`, async () => {
    const top = await refused(dialect, await post(dialect, JSON.stringify(asked(dialect, { surprise: 1 }))), 400, 'unknown_field')
    assert.equal(top.param, 'surprise')
    const deep = whole.replace('"role":"user"', '"role":"user","surprise":{"a":1}')
    if (deep === whole) return
    const inner = await refused(dialect, await post(dialect, deep), 400, 'unknown_field')
    assert.match(String(inner.param), /surprise$/)
    assert.ok(inner.message.includes('surprise'))
  })

  test(`${dialect}: names that JavaScript objects are born with`, async () => {
    for (const [name, code] of [['__proto__', 'bad_json'], ['constructor', undefined], ['toString', 'unknown_field'], ['hasOwnProperty', 'unknown_field']] as const) {
      const said = await post(dialect, `${whole.slice(0, -1)},"${name}":{"polluted":true}}`)
      await refused(dialect, said, 400, code ?? errorIn(dialect, said).code)
    }
    assert.equal(({} as { polluted?: true }).polluted, undefined)
  })

  test(`${dialect}: another content type, and none`, async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/jsonp', 'text/json']) {
      await refused(dialect, await post(dialect, whole, { 'content-type': type }), 415, 'bad_content_type')
    }
    const bare = await raw(house.dataUrl, [`POST ${paths[dialect]} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${house.key}\r\ncontent-length: ${whole.length}\r\n\r\n${whole}`])
    await refused(dialect, bare, 415, 'bad_content_type')
  })

  test(`${dialect}: a compressed body`, async () => {
    await refused(dialect, await post(dialect, gzipSync(whole), { 'content-encoding': 'gzip' }), 415, 'bad_content_encoding')
    await refused(dialect, await post(dialect, whole, { 'content-encoding': 'identity, gzip' }), 415, 'bad_content_encoding')
  })

  test(`${dialect}: a model that no route serves`, async () => {
    const said = dialect === 'gemini' ? await post(dialect, whole, {}, '/gemini/v1beta/models/nobody:generateContent') : await post(dialect, JSON.stringify({ ...asked(dialect), model: 'nobody' }))
    await refused(dialect, said, 404, 'unknown_model')
  })

  test(`${dialect}: a model that is no name`, async () => {
    if (dialect === 'gemini') return
    for (const model of ['', 7, null, ['practice'], { name: 'practice' }]) {
      const { param } = await refused(dialect, await post(dialect, JSON.stringify({ ...asked(dialect), model })), 400, 'bad_request')
      assert.equal(param, 'model')
    }
  })

  test(`${dialect}: a body that comes too slowly`, async () => {
    const head = `POST ${paths[dialect]} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nauthorization: Bearer ${house.key}\r\n`
    const slow = await raw(house.dataUrl, [`${head}content-length: 1000\r\n\r\n{`, ...Array.from({ length: 40 }, () => ' ')], 25)
    await refused(dialect, slow, 408, 'body_too_slow')
  })

  test(`${dialect}: a wrong method, and a path below the prefix that is nobody's`, async () => {
    const get = await fetch(house.dataUrl + paths[dialect], { headers: { authorization: `Bearer ${house.key}` } })
    await refused(dialect, { status: get.status, body: await get.text(), id: get.headers.get('x-sallyport-id') }, 405, 'method_not_allowed')
    const prefix = { openai: '/v1', responses: '/v1', anthropic: '/anthropic', gemini: '/gemini/v1beta' }[dialect]
    for (const path of ['/files', '/v1/admin', '/%63hat/completions', '/batches', '/models/practice:countTokens']) {
      await refused(dialect, await post(dialect, whole, {}, prefix + path), 404, 'unknown_path')
    }
  })
}

test('a path that is nobody\'s at all', async () => {
  for (const path of ['/', '/api/keys', '/metrics', '/admin', '//v1/chat/completions', '/V1/chat/completions', '/v1/../api/keys']) {
    const answer = await raw(house.dataUrl, [`POST ${path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${house.key}\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}`])
    await refused('openai', answer, 404, 'unknown_path')
  }
})

test('what the provider would hold, run or fetch is refused with a code of its own', async () => {
  const image = 'https://attacker.example/x.png'
  const cases: readonly (readonly [Dialect, Record<string, unknown>, string])[] = [
    ['openai', asked('openai', { store: true }), 'provider_state_denied'],
    ['openai', asked('openai', { web_search_options: {} }), 'provider_tool_denied'],
    ['openai', asked('openai', { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: image } }] }] }), 'url_fetch_denied'],
    ['openai', asked('openai', { messages: [{ role: 'user', content: [{ type: 'file', file: { file_id: 'file-1' } }] }] }), 'provider_state_denied'],
    ['responses', asked('responses', { previous_response_id: 'resp_1' }), 'provider_state_denied'],
    ['responses', asked('responses', { store: true }), 'provider_state_denied'],
    ['responses', asked('responses', { prompt: { id: 'pmpt_1' } }), 'provider_state_denied'],
    ['responses', asked('responses', { conversation: 'conv_1' }), 'provider_state_denied'],
    ['responses', asked('responses', { store: false, tools: [{ type: 'web_search' }] }), 'provider_tool_denied'],
    ['responses', asked('responses', { store: false, tools: [{ type: 'mcp', server_label: 'x', server_url: 'https://attacker.example/mcp' }] }), 'provider_tool_denied'],
    ['responses', asked('responses', { store: false, tools: [{ type: 'code_interpreter', container: { type: 'auto' } }] }), 'provider_tool_denied'],
    ['responses', asked('responses', { store: false, input: [{ role: 'user', content: [{ type: 'input_image', image_url: image }] }] }), 'url_fetch_denied'],
    ['anthropic', asked('anthropic', { tools: [{ type: 'web_search_20250305', name: 'web_search' }] }), 'provider_tool_denied'],
    ['anthropic', asked('anthropic', { messages: [{ role: 'user', content: [{ type: 'image', source: { type: 'url', url: image } }] }] }), 'url_fetch_denied'],
    ['anthropic', asked('anthropic', { messages: [{ role: 'user', content: [{ type: 'document', source: { type: 'file', file_id: 'file_1' } }] }] }), 'provider_state_denied'],
    ['gemini', asked('gemini', { cachedContent: 'cachedContents/1' }), 'provider_state_denied'],
    ['gemini', asked('gemini', { tools: [{ googleSearch: {} }] }), 'provider_tool_denied'],
    ['gemini', asked('gemini', { tools: [{ codeExecution: {} }] }), 'provider_tool_denied'],
    ['gemini', asked('gemini', { contents: [{ role: 'user', parts: [{ fileData: { mimeType: 'image/png', fileUri: image } }] }] }), 'url_fetch_denied'],
  ]
  for (const [dialect, body, code] of cases) await refused(dialect, await post(dialect, JSON.stringify(body)), 403, code)
})

test('lengths that contradict each other, and other ways to smuggle', async () => {
  const body = JSON.stringify(asked('openai'))
  const head = `POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nauthorization: Bearer ${house.key}\r\n`
  const chunked = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
  const cases: readonly string[] = [
    `${head}content-length: ${body.length}\r\ncontent-length: ${body.length + 5}\r\n\r\n${body}`,
    `${head}content-length: ${body.length}\r\ntransfer-encoding: chunked\r\n\r\n${chunked}`,
    `${head}transfer-encoding: chunked, identity\r\n\r\n${chunked}`,
    `${head}transfer-encoding: xchunked\r\n\r\n${chunked}`,
    `${head}content-length: -1\r\n\r\n${body}`,
    `${head}content-length: 0x10\r\n\r\n${body}`,
    `${head}content-length : ${body.length}\r\n\r\n${body}`,
    `${head}x-a: b\r\n folded\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    `${head}x-a: b\0c\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  ]
  for (const bytes of cases) {
    const answer = await raw(house.dataUrl, [bytes])
    assert.equal(answer.status, 400, bytes.slice(0, 400))
    assert.equal(errorIn('openai', { ...answer, body: answer.body.replace('"invalid"', '"invalid_request_error"') }).code, 'bad_request')
    assert.equal((await sealOf(house, answer.id)).code, 'bad_request')
  }
  assert.equal(house.practice.seen.length, 0)
})

test('a flood of header fields, and one that is too long', async () => {
  const flood = Array.from({ length: 200 }, (_, index) => `x-${index}: y`).join('\r\n')
  for (const fields of [flood, `x-long: ${'y'.repeat(20_000)}`]) {
    const answer = await raw(house.dataUrl, [`GET /v1/models HTTP/1.1\r\nhost: localhost\r\n${fields}\r\n\r\n`])
    assert.equal(answer.status, 431)
    assert.equal((await sealOf(house, answer.id)).code, 'headers_too_large')
  }
})

test('a head that never ends', async () => {
  const answer = await raw(house.dataUrl, ['GET /v1/models HTTP/1.1\r\nhost: localhost\r\n', ...Array.from({ length: 60 }, (_, index) => `x-${index % 7}: y\r\n`)], 50)
  assert.equal(answer.status, 408)
  assert.equal((await sealOf(house, answer.id)).code, 'head_too_slow')
})

test('a host that is not served, and a page of a foreign origin', async () => {
  const host: RawAnswer = await raw(house.dataUrl, ['GET /v1/models HTTP/1.1\r\nhost: attacker.example\r\n\r\n'])
  assert.equal(host.status, 421)
  assert.equal((await sealOf(house, host.id)).code, 'misdirected')
  const page = await fetch(`${house.dataUrl}/v1/models`, { headers: { origin: 'https://attacker.example', authorization: `Bearer ${house.key}` } })
  assert.equal(page.status, 403)
  assert.equal((await sealOf(house, page.headers.get('x-sallyport-id'))).code, 'origin_denied')
})

test('a body that breaks off leaves a receipt although nobody waits for the answer', async () => {
  const before = (await seals(house)).length
  const head = `POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nauthorization: Bearer ${house.key}\r\n`
  for (const leave of ['end', 'destroy'] as const) {
    const { hostname, port } = new URL(house.dataUrl)
    const socket = connect({ host: hostname, port: Number(port) })
    socket.on('error', () => undefined).resume()
    await new Promise<void>((resolve) => socket.write(`${head}content-length: 500\r\n\r\n{"model":`, () => resolve()))
    socket[leave]()
  }
  const found = await until('two receipts', async () => {
    const all = (await seals(house)).slice(before)
    return all.length === 2 ? all : undefined
  })
  for (const one of found) assert.ok(one.code === 'cancelled' || one.code === 'body_cut', one.code ?? 'no code')
})

test('a client that repeats a refused request fifty times costs nothing and changes nothing', async () => {
  const body = JSON.stringify({ ...asked('openai', {}, 'storm'), model: 'practice-hidden' })
  const first = await sealOf(house, (await post('openai', body)).id)
  assert.deepEqual([first.code, first.step], ['denied', 'authorize'])
  const all = await Promise.all(Array.from({ length: 50 }, () => post('openai', body)))
  assert.ok(all.every((one) => one.status === 403 && errorIn('openai', one).code === 'denied'))
  const written = await Promise.all(all.map((one) => sealOf(house, one.id)))
  assert.ok(written.every((one) => one.code === 'denied' && one.step === 'read'))
  assert.equal(new Set(written.map((one) => one.exchange)).size, 50)
  const other = await sealOf(house, (await post('openai', body.replace('storm', 'calm'))).id)
  assert.equal(other.step, 'authorize', 'another request is decided anew')
  assert.equal(house.practice.seen.length, 0)
})

test('credentials that are none, and two that differ', async () => {
  const body = JSON.stringify(asked('openai'))
  const bad: readonly Readonly<Record<string, string>>[] = [
    {},
    { authorization: 'Bearer' },
    { authorization: 'Bearer ' },
    { authorization: house.key },
    { authorization: `Basic ${Buffer.from(`user:${house.key}`).toString('base64')}` },
    { authorization: `Bearer ${house.key} extra` },
    { authorization: `Bearer ${house.key.slice(0, -1)}` },
    { authorization: `Bearer ${house.key}x` },
    { authorization: `Bearer ${house.key.toUpperCase()}` },
    { authorization: `Bearer ${'x'.repeat(7_000)}` },
    { authorization: `Bearer ${house.key}`, 'x-api-key': 'another' },
    { 'x-goog-api-key': house.key, 'api-key': `${house.key}x` },
  ]
  for (const dialect of dialects) {
    for (const headers of bad) {
      const reply = await fetch(house.dataUrl + paths[dialect], { method: 'POST', headers: { 'content-type': 'application/json', ...(headers as Record<string, string>) }, body: dialect === 'openai' ? body : JSON.stringify(asked(dialect)) })
      const said = { status: reply.status, body: await reply.text(), id: reply.headers.get('x-sallyport-id') }
      await refused(dialect, said, 401, 'unauthenticated')
      assert.ok(!said.body.includes(house.key.slice(4)))
    }
  }
  const query = await fetch(`${house.dataUrl}${paths.gemini}?key=${house.key}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(asked('gemini')) })
  await refused('gemini', { status: query.status, body: await query.text(), id: query.headers.get('x-sallyport-id') }, 401, 'unauthenticated')
})

test('after all of that an honest call passes, and every id found its receipt', async () => {
  assert.equal((await house.chat('hello')).status, 200)
  assert.ok((await seals(house)).length > 100)
})
