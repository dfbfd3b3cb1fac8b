import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import { startHouse, type TestHouse } from './house.ts'
import type { Fault } from './practice.ts'
import { sallyport, sealOf, seals, until } from './probe.ts'

/** Calls that go to another target too, for comparison: the caller never notices, the record and the bill do. */
let house: TestHouse
let beside: Fault | undefined

before(async () => {
  house = await startHouse({
    script: (index) => (house.practice.seen[index]?.path.startsWith('/two/') === true ? beside : undefined),
    config({ practiceUrl, folder }) {
      mkdirSync(join(folder, 'policy'))
      writeFileSync(
        join(folder, 'policy', 'own.cedar'),
        `@id("all") permit (principal, action, resource);
@id("not-beside") forbid (principal, action, resource is Model) when { context.role == "mirror" && principal.roles.contains("careful") };`,
      )
      return `
providers:
  one: { kind: openai-compatible, baseUrl: "${practiceUrl}/one/v1", credential: env:PRACTICE_KEY }
  two: { kind: anthropic, baseUrl: "${practiceUrl}/two", credential: env:PRACTICE_KEY }
routes:
  default:
    targets: [{ provider: one, model: practice }]
    mirror: { target: two/practice-verbose, sample: 1 }
    timeouts: { first_token: 700ms, answer: 700ms, stall: 700ms, total: 5s }
  never:
    match: { models: [unmirrored] }
    targets: [{ provider: one, model: practice }]
    mirror: { target: two/practice-verbose, sample: 0 }
prices: { "one/practice": { input: 10, output: 40 }, "two/practice-verbose": { input: 1000, output: 4000 } }
policy: { folders: [policy] }
budgets: [{ per: key, match: { cohort: poor }, window: 30d, cost: "0.30 USD" }]
`
    },
  })
})
after(() => house.stop())
beforeEach(() => {
  beside = undefined
})

const mirrored = (): number => house.practice.seen.filter((one) => one.path.startsWith('/two/')).length
const id = (reply: Response): string | null => reply.headers.get('x-sallyport-id')

for (const stream of [false, true]) {
  test(`the caller gets its whole answer while the mirror is still silent (${stream ? 'streamed' : 'whole'})`, async () => {
    beside = { silent: true }
    const before = mirrored()
    const reply = await house.chat('hello', { stream })
    const text = await reply.text()
    assert.match(text, /hello/)
    assert.ok(!(await seals(house)).some((one) => one.exchange === id(reply)), 'the receipt still waits for the mirror')
    const seal = await sealOf(house, id(reply))
    assert.equal(mirrored(), before + 1)
    assert.deepEqual(seal.attempts.map((one) => [one.role, one.outcome]).sort(), [['mirror', 'failed'], ['primary', 'answered']])
    assert.equal(seal.outcome, 'answered')
  })
}

test('what the mirror costs is in the bill, its answer is kept for comparison, and the caller sees nothing of it', async () => {
  const reply = await house.chat('hello')
  const text = await reply.text()
  assert.doesNotMatch(text, /word59/)
  const seal = await sealOf(house, id(reply))
  const [primary, mirror] = [seal.attempts.find((one) => one.role === 'primary'), seal.attempts.find((one) => one.role === 'mirror')]
  assert.ok((mirror?.cost ?? 0) > (primary?.cost ?? 0))
  assert.equal(seal.cost, (primary?.cost ?? 0) + (mirror?.cost ?? 0))
  assert.equal(seal.model, 'practice')
  const shown = await sallyport(['audit', 'show', seal.exchange, '--content', '--json'], { SALLYPORT_HOME: house.state })
  const content = JSON.parse(shown.out) as { record: { kind: string }; payload?: { state: string; content?: { mirrors?: { candidate: string; said: { text: string }[] }[] } } }[]
  const kept = content.find((one) => one.record.kind === 'receipt')?.payload
  assert.equal(kept?.state, 'open')
  assert.equal(kept?.content?.mirrors?.[0]?.candidate, 'two/practice-verbose')
  assert.match(kept?.content?.mirrors?.[0]?.said[0]?.text ?? '', /word59/)
})

test('a budget counts what mirrors cost', async () => {
  const key = await house.newKey({ name: 'poor', cohort: 'poor' })
  const all: number[] = []
  for (let call = 0; call < 6 && all.at(-1) !== 429; call++) {
    const reply = await house.chat('hello', { max_tokens: 60 }, key)
    all.push(reply.status)
    await reply.text()
    await sealOf(house, id(reply))
  }
  assert.equal(all[0], 200)
  assert.equal(all.at(-1), 429, 'the calls themselves would have cost a hundredth of the budget')
})

for (const [name, fault] of [['fails', { status: 500 }], ['resets', { reset: true }], ['is cut', { cutAfter: 5 }], ['asks to wait', { status: 429, headers: { 'retry-after': '100' } }]] as const) {
  test(`a mirror that ${name} changes nothing for the caller`, async () => {
    beside = fault
    const reply = await house.chat('hello', { stream: true })
    assert.equal(reply.status, 200)
    const text = await reply.text()
    assert.match(text, /\[DONE\]/)
    assert.doesNotMatch(text, /"error"/)
    assert.equal((await sealOf(house, id(reply))).outcome, 'answered')
  })
}

test('a mirror that policy forbids is never called', async () => {
  const key = await house.newKey({ name: 'careful', roles: ['careful'] })
  const before = mirrored()
  const reply = await house.chat('hello', {}, key)
  assert.equal(reply.status, 200)
  const seal = await sealOf(house, id(reply))
  assert.deepEqual(seal.attempts.map((one) => one.role), ['primary'])
  assert.equal(mirrored(), before)
})

test('a mirror outside the scope of a key is never called', async () => {
  const key = await house.newKey({ name: 'narrow', models: ['practice'] })
  const before = mirrored()
  const seal = await sealOf(house, id(await house.chat('hello', {}, key)))
  assert.deepEqual(seal.attempts.map((one) => one.role), ['primary'])
  assert.equal(mirrored(), before)
})

test('a sample of nothing mirrors nothing, and a call that nobody answered is not mirrored', async () => {
  const before = mirrored()
  await sealOf(house, id(await house.chat('hello', { model: 'unmirrored' })))
  house.practice.script = (index) => (house.practice.seen[index]?.path.startsWith('/one/') === true ? { status: 400 } : undefined)
  const refused = await house.chat('hello')
  assert.equal(refused.status, 400)
  await sealOf(house, id(refused))
  assert.equal(mirrored(), before)
})

test('a caller that hangs up does not end the mirror, and both are settled', async () => {
  const before = mirrored()
  house.practice.script = (index) => (house.practice.seen[index]?.path.startsWith('/one/') === true ? { stallAfter: 4 } : undefined)
  const leave = new AbortController()
  const reply = await fetch(`${house.dataUrl}/v1/chat/completions`, {
    method: 'POST',
    signal: leave.signal,
    headers: { 'content-type': 'application/json', authorization: `Bearer ${house.key}` },
    body: JSON.stringify({ model: 'practice', stream: true, messages: [{ role: 'user', content: 'hello' }] }),
  })
  await reply.body?.getReader().read()
  await until('the mirror', () => (mirrored() > before ? true : undefined))
  leave.abort()
  const seal = await sealOf(house, id(reply))
  assert.equal(seal.outcome, 'cancelled')
  assert.deepEqual(seal.attempts.map((one) => [one.role, one.outcome]).sort(), [['mirror', 'answered'], ['primary', 'cancelled']])
})
