import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { openIdentity, type Identity } from '../src/client/identity.ts'
import { startHouse, type TestHouse } from './house.ts'
import { framesOf, sealOf, seals, until } from './probe.ts'

/** Who calls decides, wherever the call comes from; and whoever is revoked is cut off in the middle of a sentence. */
let house: TestHouse
const identities: Identity[] = []
before(async () => {
  house = await startHouse({
    listen: 'secure: "127.0.0.1:0"',
    gapMs: 40,
    config({ practiceUrl, folder }) {
      mkdirSync(join(folder, 'policy'))
      writeFileSync(
        join(folder, 'policy', 'own.cedar'),
        `@id("all") permit (principal, action, resource);
@id("researchers-only") @message("Only researchers use this model.")
forbid (principal, action == Action::"llm.generate", resource is Model) unless { principal in Role::"researcher" };`,
      )
      return `
providers: { o: { kind: openai, baseUrl: "${practiceUrl}/v1", credential: env:PRACTICE_KEY } }
routes: { default: { targets: [{ provider: o, model: practice }] } }
policy: { folders: [./policy] }
guardrails: [{ use: prompt_injection, mode: shadow, layers: [rules] }]
`
    },
  })
})
after(async () => {
  for (const one of identities) one.close()
  await house.stop()
})

async function enrolled(path: string, roles: readonly string[]): Promise<Identity> {
  const { token } = (await house.admin('POST', 'identity/tokens', { id: path, roles })) as { token: string }
  const identity = await openIdentity({ token })
  identities.push(identity)
  return identity
}

interface Streaming {
  readonly status: number
  readonly id: string
  /** Everything that came so far. */
  text(): string
  readonly ended: Promise<'end' | 'cut'>
}

/** A chat call over the secure listener that is watched while it runs. */
function stream(tls: object, body: object): Promise<Streaming> {
  return new Promise((resolve, reject) => {
    const sending = request(`${house.secureUrl}/v1/chat/completions`, { method: 'POST', agent: false, headers: { 'content-type': 'application/json' }, ...tls }, (reply) => {
      let text = ''
      const ended = new Promise<'end' | 'cut'>((done) => {
        reply.setEncoding('utf8').on('data', (part: string) => (text += part))
        reply.on('end', () => done('end'))
        reply.on('error', () => done('cut'))
      })
      resolve({ status: reply.statusCode ?? 0, id: String(reply.headers['x-sallyport-id']), text: () => text, ended })
    })
    sending.on('error', reject)
    sending.end(JSON.stringify(body))
  })
}

const ask = (text: string): object => ({ model: 'practice', stream: true, messages: [{ role: 'user', content: text }] })
const LONG = Array.from({ length: 400 }, (_, n) => `word${n}`).join(' ')

test('two workloads in one place, with different identities, get different answers', async () => {
  const researcher = await enrolled('/agents/researcher', ['researcher'])
  const clerk = await enrolled('/agents/clerk', ['clerk'])
  const good = await stream(researcher.tls(), ask('hello'))
  const bad = await stream(clerk.tls(), ask('hello'))
  await Promise.all([good.ended, bad.ended])
  assert.deepEqual([good.status, bad.status], [200, 403])
  assert.match(bad.text(), /Only researchers use this model\./)
  const [let_in, kept_out] = [await sealOf(house, good.id), await sealOf(house, bad.id)]
  assert.deepEqual([let_in.workload, kept_out.workload], ['spiffe://sallyport.internal/agents/researcher', 'spiffe://sallyport.internal/agents/clerk'])
})

for (const how of ['the workload', 'its certificate'] as const) {
  test(`a stream ends when ${how} is revoked, with an error in its own dialect and no proper end, and so does its upstream`, async () => {
    const name = how === 'the workload' ? 'one' : 'two'
    const identity = await enrolled(`/agents/${name}`, ['researcher'])
    const streaming = await stream(identity.tls(), ask(`repeat: ${LONG}`))
    assert.equal(streaming.status, 200)
    await until('something of the answer', () => (streaming.text().includes('"content":"') ? true : undefined))
    const left = house.practice.hungUp()
    const { workloads } = (await house.admin('GET', 'identity/workloads')) as { workloads: { id: string; certificates: { serial: string }[] }[] }
    const what = how === 'the workload' ? identity.id : workloads.find(({ id }) => id === identity.id)?.certificates[0]?.serial
    await house.admin('POST', 'identity/revoke', { what })
    await streaming.ended
    const frames = framesOf(streaming.text())
    assert.ok(frames.every(({ data }) => data !== '[DONE]'), 'it looks whole')
    assert.match(frames.at(-1)?.data ?? '', /revoked/)
    await until('the upstream was left', () => (house.practice.hungUp() > left ? true : undefined))
    const seal = await sealOf(house, streaming.id)
    assert.deepEqual([seal.code, seal.outcome], ['revoked', 'refused'])
    const next = await stream(identity.tls(), ask('hello'))
    await next.ended
    assert.equal(next.status, 401)
  })
}

test('a key that is revoked ends its stream too, on the plain port', async () => {
  const { key, facts } = (await house.admin('POST', 'keys', { name: 'short', roles: ['researcher'] })) as { key: string; facts: { id: string } }
  const reply = await house.chat(`repeat: ${LONG}`, { stream: true }, key)
  assert.equal(reply.status, 200)
  const reader = (reply.body as ReadableStream<Uint8Array>).getReader()
  await reader.read()
  await house.admin('DELETE', `keys/${facts.id}`)
  let text = ''
  for (let step = await reader.read(); !step.done; step = await reader.read()) text += Buffer.from(step.value).toString()
  assert.doesNotMatch(text, /\[DONE\]/)
  assert.match(text, /revoked/)
  const id = reply.headers.get('x-sallyport-id')
  assert.equal((await sealOf(house, id)).code, 'revoked')
  assert.ok((await seals(house)).some((one) => one.exchange === id))
})
