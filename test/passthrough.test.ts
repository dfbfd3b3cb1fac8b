import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { startHouse, type TestHouse } from './house.ts'
import { raw, sealOf, type RawAnswer } from './probe.ts'

/** Paths that no dialect covers: forwarded unread, so only where a route declares them and policy allows it. */
let house: TestHouse
before(async () => {
  house = await startHouse({
    config({ practiceUrl, folder }) {
      mkdirSync(join(folder, 'policy'))
      writeFileSync(
        join(folder, 'policy', 'own.cedar'),
        `@id("all") permit (principal, action, resource) unless { action == Action::"llm.passthrough" };
@id("batch") permit (principal, action == Action::"llm.passthrough", resource) when { principal.roles.contains("batch") };`,
      )
      return `
providers:
  p: { kind: openai, baseUrl: "${practiceUrl}/v1", credential: env:PRACTICE_KEY }
routes:
  default: { targets: [{ provider: p, model: same }], pass_through: [{ path: "/files/*", methods: [POST] }, { path: /batches, methods: [POST] }] }
policy: { folders: [policy] }
`
    },
  })
})
after(() => house.stop())

const send = (path: string, key: string, verb = 'POST'): Promise<RawAnswer> =>
  raw(house.dataUrl, [`${verb} ${path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${key}\r\ncontent-type: application/json\r\ncontent-length: 7\r\n\r\n{"a":1}`])

test('what is declared and permitted is forwarded, with the provider\'s credential and nothing of the caller', async () => {
  const key = await house.newKey({ name: 'batch', roles: ['batch'] })
  for (const path of ['/v1/batches', '/v1/files/a-1']) {
    const { id } = await send(path, key)
    const seen = house.practice.seen.at(-1)
    assert.deepEqual([seen?.path, seen?.body], [path, '{"a":1}'])
    assert.equal(seen?.headers['authorization'], 'Bearer practice-credential')
    assert.ok(!JSON.stringify(seen).includes(key))
    assert.equal((await sealOf(house, id)).action, 'llm.passthrough')
  }
})

test('declared is not permitted: policy has the last word', async () => {
  const before = house.practice.seen.length
  const answer = await send('/v1/batches', house.key)
  assert.equal(answer.status, 403)
  assert.equal((await sealOf(house, answer.id)).step, 'authorize')
  assert.equal(house.practice.seen.length, before)
})

test('permitted is not declared: other paths, other methods and ways around are refused', async () => {
  const key = await house.newKey({ name: 'roaming', roles: ['batch'] })
  const before = house.practice.seen.length
  const paths = ['/v1/batches/1', '/v1/batchesX', '/v1/files', '/v1/files/../chat/completions', '/v1/files/%2e%2e/chat/completions', '/v1/files/.%2E/chat/completions', '/v1/files/x/..', '/v1/files/\\..\\chat', '/v1/files/\\\\attacker.example/x', '/v1/files//attacker.example']
  for (const path of paths) {
    const answer = await send(path, key)
    assert.equal(answer.status, 404, path)
    assert.equal((await sealOf(house, answer.id)).code, 'unknown_path')
  }
  assert.equal((await send('/v1/batches', key, 'PUT')).status, 404)
  const query = await send('/v1/files/a?expand=everything', key)
  assert.equal(query.status, 400, 'a query is refused and not silently dropped')
  assert.match(query.body, /query/)
  assert.equal(house.practice.seen.length, before)
})

test('a secret is found however its JSON spells it, and what is no JSON does not pass as such', async () => {
  const key = await house.newKey({ name: 'spelling', roles: ['batch'] })
  const post = (body: string | Uint8Array<ArrayBuffer>): Promise<Response> =>
    fetch(`${house.dataUrl}/v1/batches`, { method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` }, body })
  const secret = `AKIA${'Z7QX4RT2NB6MK3PW'}`
  await post(`{"a":"\\u0041${secret.slice(1)}"}`)
  const sent = house.practice.seen.at(-1)?.body ?? ''
  assert.ok(sent.startsWith('{"a":"') && !sent.includes(secret.slice(4)), sent)
  const before = house.practice.seen.length
  for (const broken of ['{"a":', Buffer.from('{"a":1}', 'utf16le')]) assert.equal((await post(broken)).status, 400)
  assert.equal(house.practice.seen.length, before)
})

test('a key for certain models cannot name others where nobody reads', async () => {
  const before = house.practice.seen.length
  for (const scope of [{ models: ['small'] }, { models: ['*'] }]) {
    const key = await house.newKey({ name: 'narrow', roles: ['batch'], ...scope })
    const answer = await send('/v1/batches', key)
    assert.deepEqual([answer.status, (await sealOf(house, answer.id)).code], [403, 'out_of_scope'])
  }
  assert.equal(house.practice.seen.length, before)
})
