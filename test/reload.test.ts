import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { startHouse, type TestHouse } from './house.ts'
import { framesOf, sealOf, until } from './probe.ts'

/** Settings and policies that change while the firewall runs. */
let house: TestHouse
let file: string
let policy: string
let settings: string

before(async () => {
  house = await startHouse({
    gapMs: 10,
    config({ practiceUrl, folder }) {
      mkdirSync(join(folder, 'policy'))
      policy = join(folder, 'policy', 'own.cedar')
      writeFileSync(policy, '@id("all") permit (principal, action, resource);')
      return `
providers:
  p: { kind: openai-compatible, baseUrl: "${practiceUrl}/v1", credential: env:PRACTICE_KEY }
policy: { folders: [policy] }
budgets:
  - { per: key, match: { model: "practice-counted" }, window: 30d, requests: 2 }
routes:
  first: { match: { models: [practice, "practice-*"] }, targets: [{ provider: p, model: same }] }
`
    },
  })
  file = join(house.folder, 'sallyport.yaml')
  settings = readFileSync(file, 'utf8')
})
after(() => house.stop())

interface Logged {
  readonly event: string
  readonly serial?: number
  readonly problems?: readonly string[]
}
const logged = (event: string): readonly Logged[] => house.logs.map((line) => JSON.parse(line) as Logged).filter((one) => one.event === event)
const epoch = async (): Promise<{ epoch: string; serial: number }> => (await house.admin('GET', 'status')) as unknown as { epoch: string; serial: number }

/** Does something that makes a new epoch, and waits for it. */
async function renewed(change: () => void): Promise<void> {
  const { serial } = await epoch()
  change()
  await until('a new epoch', async () => ((await epoch()).serial > serial ? true : undefined))
}

test('a route that is added to the file appears, without a restart', async () => {
  assert.equal((await house.chat('go', { model: 'new-model' })).status, 404)
  await renewed(() => writeFileSync(file, `${settings}  second: { match: { models: [new-model] }, targets: [{ provider: p, model: practice }] }\n`))
  assert.equal((await house.chat('go', { model: 'new-model' })).status, 200)
})

test('a broken edit keeps the old epoch, and the log says what and where', async () => {
  const before = await epoch()
  const refusals = logged('epoch_refused').length
  writeFileSync(file, settings.replace('  first:', '  third: { targts: [] }\n  first:'))
  await until('a refused epoch', () => (logged('epoch_refused').length > refusals ? true : undefined))
  assert.match(logged('epoch_refused').at(-1)?.problems?.join('\n') ?? '', /sallyport\.yaml:\d+:\d+ routes\.third\.targts/)
  assert.deepEqual(await epoch(), before)
  assert.equal((await house.chat('go', { model: 'new-model' })).status, 200, 'the route of the good settings is still there')
  await assert.rejects(house.admin('POST', 'reload', {}), /400.*targts/)

  writeFileSync(file, settings.replace('env:PRACTICE_KEY', 'env:NOT_SET_ANYWHERE'))
  await assert.rejects(house.admin('POST', 'reload', {}), /400.*NOT_SET_ANYWHERE/)
  assert.equal((await house.chat('go')).status, 200)
  await renewed(() => writeFileSync(file, settings))
})

test('a policy file that changes is applied; one with an error, or none at all, changes nothing', async () => {
  const own = readFileSync(policy, 'utf8')
  await renewed(() => writeFileSync(policy, `${own}\n@id("closed") @message("Closed for today.") forbid (principal, action == Action::"llm.generate", resource);`))
  const reply = await house.chat('go')
  assert.equal(reply.status, 403)
  assert.match(await reply.text(), /Closed for today/)

  const refusals = logged('epoch_refused').length
  writeFileSync(policy, 'permit (principal, action, resource')
  await until('a refused epoch', () => (logged('epoch_refused').length > refusals ? true : undefined))
  assert.match(logged('epoch_refused').at(-1)?.problems?.join('\n') ?? '', /own\.cedar:1/)
  assert.equal((await house.chat('go')).status, 403, 'the last good policy still counts')

  writeFileSync(policy, '@id("typo") permit (principal, action, resource) when { context.rout == "first" };')
  await assert.rejects(house.admin('POST', 'reload', {}), /own\.cedar/)
  assert.equal((await house.chat('go')).status, 403)
  await renewed(() => writeFileSync(policy, own))
  assert.equal((await house.chat('go')).status, 200)
})

test('a stream in flight ends under the epoch that it began with', async () => {
  const { epoch: first } = await epoch()
  const reply = await house.chat('go', { model: 'practice-verbose', stream: true })
  const reader = reply.body?.pipeThrough(new TextDecoderStream()).getReader()
  let text = (await reader?.read())?.value ?? ''
  writeFileSync(policy, '@id("all") permit (principal, action, resource); @id("closed") forbid (principal, action == Action::"llm.generate", resource);')
  await house.admin('POST', 'reload', {})
  assert.equal((await house.chat('go')).status, 403)
  for (let step = await reader?.read(); step?.done === false; step = await reader?.read()) text += step.value
  assert.equal(framesOf(text).at(-1)?.data, '[DONE]')
  assert.match(text, /word59/)
  const seal = await sealOf(house, reply.headers.get('x-sallyport-id'))
  assert.deepEqual([seal.epoch, seal.outcome], [first, 'answered'])
  writeFileSync(policy, '@id("all") permit (principal, action, resource);')
  await house.admin('POST', 'reload', {})
  assert.equal((await house.chat('go')).status, 200)
})

test('what was spent, and who was revoked, survives every reload', async () => {
  const key = await house.newKey({ name: 'counted' })
  assert.equal((await house.chat('go', { model: 'practice-counted' }, key)).status, 200)
  await house.admin('POST', 'reload', {})
  assert.equal((await house.chat('go', { model: 'practice-counted' }, key)).status, 200)
  await house.admin('POST', 'reload', {})
  assert.equal((await house.chat('go', { model: 'practice-counted' }, key)).status, 429)
  const { keys } = (await house.admin('GET', 'keys')) as unknown as { keys: { id: string; name: string }[] }
  await house.admin('DELETE', `keys/${keys.find((one) => one.name === 'counted')?.id}`)
  await house.admin('POST', 'reload', {})
  assert.equal((await house.chat('go', {}, key)).status, 401)
})

test('each epoch leaves a record', async () => {
  const { serial } = await epoch()
  assert.ok(serial > 5)
  assert.equal(logged('epoch').at(-1)?.serial, serial)
})
