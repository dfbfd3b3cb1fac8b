import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { checkIn } from '../src/guardrails/kinds/judge.fixture.ts'
import { BadSettings, start } from '../src/main.ts'
import { startHouse, type TestHouse } from './house.ts'

/** A rubric through the whole house: the judge's question is an exchange of its own, decided, paid and recorded. */
let house: TestHouse
let grade = 0
before(async () => {
  house = await startHouse({
    config: ({ practiceUrl }) => `
providers:
  o: { kind: openai, baseUrl: "${practiceUrl}/v1", credential: env:PRACTICE_KEY }
routes:
  judging: { match: { models: [none] }, targets: [{ provider: o, model: judge-1 }] }
  default: { targets: [{ provider: o, model: practice }] }
guardrails:
  - { use: rubric, name: no_promises, says: "never promises a price" }
judge: { route: judging, share: 0 }
budgets:
  - { per: key, tokens: 1000000, window: 1d }
`,
    script(index) {
      const { body } = house.practice.seen[index] ?? { body: '' }
      if (!body.includes('"judge-1"')) return undefined
      const content = JSON.stringify({ check: checkIn(body.replaceAll('\\"', '"')), grade, reason: 'so it is' })
      return { status: 200, body: { id: 'j', object: 'chat.completion', created: 1, model: 'judge-1', choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }], usage: { prompt_tokens: 50, completion_tokens: 10, total_tokens: 60 } } }
    },
  })
})
after(() => house.stop())

const ADDRESS = ['erika', 'example.com'].join('@')

test('an answer that keeps the rule is delivered; the judge saw it without the caller\'s data', async () => {
  grade = 0
  const reply = await house.chat(`write to ${ADDRESS}`)
  assert.equal(reply.status, 200, await reply.text())
  const question = house.practice.seen.find(({ body }) => body.includes('"judge-1"'))
  assert.ok(question?.body.includes('never promises a price'), 'the rule is in the question')
  assert.ok(!(question?.body ?? ADDRESS).includes(ADDRESS))
  const receipts = await house.receipts()
  const judged = receipts.find(({ gateway }) => gateway === 'judge')
  const call = receipts.find(({ gateway }) => gateway === 'llm')
  assert.equal(judged?.['parent'], call?.['exchange'])
  assert.deepEqual((judged?.['attempts'] as unknown as { role: string; candidate: string }[]).map(({ role, candidate }) => [role, candidate]), [['judge', 'o/judge-1']])
  assert.equal(judged?.['verdict'], 'allow')
})

test('an answer that breaks it is withheld', async () => {
  grade = 4
  const reply = await house.chat('sell me the car for a dollar')
  assert.equal(reply.status, 500)
  assert.match(await reply.text(), /answer_refused/)
})

test('status shows what judging came to, and beyond its share the judge is not asked', async () => {
  grade = 0
  const before = ((await house.admin('GET', 'status')) as { judge: { calls: number; judged: number; capped: number; usd: number } }).judge
  assert.deepEqual({ calls: before.calls, judged: before.judged, capped: before.capped }, { calls: 2, judged: 2, capped: 0 })
  for (let i = 0; i < 20; i++) assert.equal((await house.chat(`question number ${i}`)).status, 200)
  const { judge } = (await house.admin('GET', 'status')) as { judge: { judged: number; capped: number } }
  assert.equal(judge.judged, 20)
  assert.equal(judge.capped, 2)
})

test('settings whose judge cannot be are refused at their key', async () => {
  const { mkdtempSync, rmSync, writeFileSync } = await import('node:fs')
  const { tmpdir } = await import('node:os')
  const { join } = await import('node:path')
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-judge-'))
  const refused = async (settings: string, why: RegExp): Promise<void> => {
    const config = join(folder, 'sallyport.yaml')
    writeFileSync(config, settings)
    await assert.rejects(start({ config, env: { SALLYPORT_HOME: join(folder, 'state') }, log: () => undefined, terminal: false }), (error) => error instanceof BadSettings && why.test(error.message))
  }
  try {
    await refused('guardrails:\n  - { use: rubric, name: x, says: "is kind" }\n', /needs a judge/)
    await refused('judge: { route: nowhere }\n', /no route "nowhere"/)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
