import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { startHouse, type TestHouse } from './house.ts'

/** What a route and a policy say holds for every door to it, and for each model by itself. */
let house: TestHouse
before(async () => {
  house = await startHouse({
    config({ practiceUrl, folder }) {
      mkdirSync(join(folder, 'policy'))
      writeFileSync(join(folder, 'policy', 'own.cedar'), `@id("all") permit (principal, action, resource) unless { resource is Model && resource.model == "closed" };`)
      return `
providers:
  a: { kind: anthropic, baseUrl: "${practiceUrl}", credential: env:PRACTICE_KEY }
  g: { kind: gemini, baseUrl: "${practiceUrl}/v1beta", credential: env:PRACTICE_KEY }
routes:
  gemini: { match: { models: [open, closed] }, targets: [{ provider: g, model: same }] }
  default: { targets: [{ provider: a, model: same }] }
policy: { folders: [policy] }
`
    },
  })
})
after(() => house.stop())

const post = (path: string, body: unknown): Promise<Response> =>
  fetch(`${house.dataUrl}${path}`, { method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${house.key}` }, body: JSON.stringify(body) })

test('counting tokens is no way around what a route does not allow', async () => {
  const body = { model: 'practice', messages: [{ role: 'user', content: [{ type: 'image', source: { type: 'url', url: 'https://images.example/secret' } }] }] }
  for (const [path, more] of [['/anthropic/v1/messages', { max_tokens: 5 }], ['/anthropic/v1/messages/count_tokens', {}]] as const) {
    const reply = await post(path, { ...body, ...more })
    assert.equal(reply.status, 403, path)
    assert.match(await reply.text(), /url_fetch_denied/)
  }
  assert.equal(house.practice.seen.length, 0)
})

test('a remembered refusal of one model says nothing about another, also where the model stands in the path', async () => {
  const body = { contents: [{ role: 'user', parts: [{ text: 'hello' }] }] }
  for (const [model, status] of [['closed', 403], ['open', 200], ['closed', 403]] as const) {
    assert.equal((await post(`/gemini/v1beta/models/${model}:generateContent`, body)).status, status, model)
  }
})

test('names and keys are no way past inspection', async () => {
  const secret = `AKIA${'Z7QX4RT2NB6MK3PW'}`
  const before = house.practice.seen.length
  const chat = { model: 'practice', messages: [{ role: 'user', content: 'hello' }] }
  const bodies = [
    { ...chat, model: secret },
    { ...chat, model: `${secret} ${'x'.repeat(130)}` },
    { ...chat, messages: [{ role: 'user', content: 'hello', name: secret }] },
    { ...chat, metadata: { [secret]: 'x' } },
    { ...chat, tools: [{ type: 'function', function: { name: 'f', parameters: { type: 'object', properties: { [secret]: { type: 'string' } } } } }] },
  ]
  for (const body of bodies) await post('/v1/chat/completions', body)
  for (const { path, body } of house.practice.seen.slice(before)) assert.ok(!`${path}${body}`.includes(secret), body)
})
