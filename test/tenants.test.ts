import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { startHouse, type TestHouse } from './house.ts'
import { sallyport, sealOf, seals } from './probe.ts'

/** Two tenants that do the same at the same time, with keys of the same name: neither may notice the other. */
let house: TestHouse
let acme: string
let globex: string

before(async () => {
  house = await startHouse({
    // A stream of this model stays open until its caller leaves.
    script: (index) => (/"practice-single".*"stream":true/.test(house.practice.seen[index]?.body ?? '') ? { stallAfter: 2 } : undefined),
    config({ practiceUrl, folder }) {
      mkdirSync(join(folder, 'policy'))
      writeFileSync(
        join(folder, 'policy', 'own.cedar'),
        `@id("all") permit (principal, action, resource);
@id("globex-not-secret") forbid (principal in Tenant::"globex", action, resource is Model) when { resource.model == "practice-secret" };
@id("nobody-hidden") forbid (principal, action, resource is Model) when { resource.model == "practice-hidden" };`,
      )
      return `
providers:
  p: { kind: openai-compatible, baseUrl: "${practiceUrl}/v1", credential: env:PRACTICE_KEY, models: [practice, practice-secret, practice-hidden] }
routes:
  default: { targets: [{ provider: p, model: same }] }
prices: { "p/practice": { input: 1, output: 4 }, "p/practice-capped": { input: 1, output: 4 } }
policy: { folders: [policy] }
budgets:
  - { per: tenant, match: { model: "practice-capped" }, window: 1d, requests: 3 }
  - { per: key, match: { model: "practice-capped" }, window: 1d, requests: 3 }
  - { per: tenant, match: { model: "practice-single" }, concurrency: 1 }
`
    },
  })
  acme = await house.newKey({ name: 'same', tenant: 'acme', cohort: 'same', agent: 'same' })
  globex = await house.newKey({ name: 'same', tenant: 'globex', cohort: 'same', agent: 'same' })
})
after(() => house.stop())

const id = (reply: Response): string | null => reply.headers.get('x-sallyport-id')
const models = async (key: string): Promise<string[]> => {
  const reply = await fetch(`${house.dataUrl}/v1/models`, { headers: { authorization: `Bearer ${key}` } })
  return ((await reply.json()) as { data: { id: string }[] }).data.map((one) => one.id)
}

test('a receipt stands under its own tenant and is not found under the other', async () => {
  const [a, b] = await Promise.all([house.chat('the same words', {}, acme), house.chat('the same words', {}, globex)])
  assert.equal((await sealOf(house, id(a))).tenant, 'acme')
  assert.equal((await sealOf(house, id(b))).tenant, 'globex')
  for (const [tenant, other] of [['acme', b], ['globex', a]] as const) {
    const mine = await seals(house, tenant)
    assert.ok(mine.length > 0)
    assert.ok(mine.every((one) => one.tenant === tenant))
    assert.ok(!mine.some((one) => one.exchange === id(other)))
  }
  const env = { SALLYPORT_HOME: house.state }
  const [own, foreign, list] = await Promise.all([
    sallyport(['audit', 'show', id(a) as string, '--tenant', 'acme', '--content', '--json'], env),
    sallyport(['audit', 'show', id(a) as string, '--tenant', 'globex', '--content', '--json'], env),
    sallyport(['audit', 'export', '--tenant', 'globex'], env),
  ])
  assert.match(own.out, /the same words/)
  assert.equal(foreign.code, 1)
  assert.doesNotMatch(foreign.out, /same words|"tenant":"acme"/)
  assert.doesNotMatch(list.out, /"tenant":"acme"/)
  assert.match(list.out, /"tenant":"globex"/)
})

test('what one spends, the other still has', async () => {
  const ask = (key: string) => house.chat('count me', { model: 'practice-capped' }, key)
  for (let call = 0; call < 3; call++) assert.equal((await ask(acme)).status, 200)
  assert.equal((await ask(acme)).status, 429)
  for (let call = 0; call < 3; call++) assert.equal((await ask(globex)).status, 200)
  assert.equal((await ask(globex)).status, 429)
})

test('a call in flight takes no place from the other tenant', async () => {
  const held = await house.chat('slowly', { model: 'practice-single', stream: true }, acme)
  assert.equal(held.status, 200)
  assert.equal((await house.chat('now', { model: 'practice-single' }, acme)).status, 429)
  assert.equal((await house.chat('now', { model: 'practice-single' }, globex)).status, 200)
  await held.body?.cancel()
})

test('each sees only the models that policy lets it use', async () => {
  const [mine, theirs] = [await models(acme), await models(globex)]
  assert.ok(mine.includes('practice-secret') && mine.includes('practice'))
  assert.ok(theirs.includes('practice') && !theirs.includes('practice-secret'))
  assert.ok(!mine.includes('practice-hidden') && !theirs.includes('practice-hidden'))
})

test('a refusal that one was given is not remembered for the other', async () => {
  const ask = (key: string) => house.chat('the very same', { model: 'practice-hidden' }, key)
  const first = await sealOf(house, id(await ask(acme)))
  const again = await sealOf(house, id(await ask(acme)))
  const other = await sealOf(house, id(await ask(globex)))
  assert.deepEqual([first.step, again.step, other.step], ['authorize', 'read', 'authorize'])
})

test('a request that is refused for one tenant passes for the other', async () => {
  assert.equal((await house.chat('secret', { model: 'practice-secret' }, globex)).status, 403)
  assert.equal((await house.chat('secret', { model: 'practice-secret' }, acme)).status, 200)
})

test('what was inspected for one is inspected anew for the other', async () => {
  const messages = [
    { role: 'system', content: 'You are a patient librarian. '.repeat(40) },
    { role: 'user', content: 'Which books do you keep about rivers? '.repeat(40) },
  ]
  const ask = async (key: string): Promise<number> => (await sealOf(house, id(await house.chat('', { messages }, key)))).reused
  assert.equal(await ask(acme), 0)
  assert.ok((await ask(acme)) > 0)
  assert.equal(await ask(globex), 0)
})

test('keys of one name are two keys: revoking one leaves the other', async () => {
  const { keys } = (await house.admin('GET', 'keys')) as unknown as { keys: { id: string; tenant: string; name: string }[] }
  const mine = keys.filter((one) => one.name === 'same')
  assert.deepEqual(mine.map((one) => one.tenant).sort(), ['acme', 'globex'])
  await house.admin('DELETE', `keys/${mine.find((one) => one.tenant === 'acme')?.id}`)
  assert.equal((await house.chat('still there?', {}, acme)).status, 401)
  assert.equal((await house.chat('still there?', {}, globex)).status, 200)
})
