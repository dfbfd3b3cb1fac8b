import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { checkIn } from '../src/guardrails/kinds/judge.fixture.ts'
import { startHouse, type TestHouse } from './house.ts'
import { sealOf, until } from './probe.ts'

/** What slow guardrails see reaches the record and policy: watched ones afterwards, enforced ones before the dial. */
let house: TestHouse
before(async () => {
  house = await startHouse({
    config({ practiceUrl, folder }) {
      mkdirSync(join(folder, 'policy'))
      writeFileSync(join(folder, 'policy', 'own.cedar'), `@id("all") permit (principal, action, resource);
@id("half-sure") @message("Not that sure.") forbid (principal, action == Action::"llm.generate", resource) when { context.scores.enforced_rule >= 50 };
@id("watched") forbid (principal, action == Action::"llm.generate", resource) when { context.scores.watched_rule > 0 };`)
      return `
providers:
  o: { kind: openai, baseUrl: "${practiceUrl}/v1", credential: env:PRACTICE_KEY }
routes:
  judging: { match: { models: [none] }, targets: [{ provider: o, model: judge-1 }] }
  enforced: { match: { models: [enforced] }, targets: [{ provider: o, model: practice }] }
  beside: { match: { models: [beside] }, targets: [{ provider: o, model: practice }] }
  default: { targets: [{ provider: o, model: practice }] }
guardrails:
  - { use: rubric, name: watched_rule, says: "rule one", on: [user], phase: request, mode: shadow, timeout: 2m, routes: [default] }
  - { use: rubric, name: enforced_rule, says: "rule two", on: [user], phase: request, timeout: 2m, routes: [enforced] }
  - { use: rubric, name: enforced_rule, says: "rule two", on: [user], phase: request, parallel: true, timeout: 2m, routes: [beside] }
judge: { route: judging, share: 1, usd_per_day: 1000, timeout: 2m }
policy: { folders: [policy] }
`
    },
    script(index) {
      const { body } = house.practice.seen[index] ?? { body: '' }
      if (!body.includes('"judge-1"')) return undefined
      // Grade 2 of 4: below the threshold of a rubric.
      const content = JSON.stringify({ check: checkIn(body.replaceAll('\\"', '"')), grade: body.includes('rule one') ? 4 : 2, reason: 'so it is' })
      return { status: 200, body: { id: 'j', object: 'chat.completion', created: 1, model: 'judge-1', choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }], usage: { prompt_tokens: 5, completion_tokens: 5, total_tokens: 10 } } }
    },
  })
})
after(() => house.stop())

interface Found {
  readonly exchange: string
  readonly parent?: string
  readonly action: string
  readonly payload: unknown
  readonly scores?: Readonly<Record<string, number>>
  readonly context: { readonly scores: Readonly<Record<string, number>> }
  readonly policies: readonly string[]
  readonly findings: readonly { readonly guardrail: string; readonly category: string; readonly score: number; readonly layer: string; readonly mode: string; readonly at: readonly number[] }[]
}

test('what a watched guardrail saw after the verdict is recorded below the exchange, and refuses nothing', async () => {
  const text = 'Something that breaks the first rule.'
  const reply = await house.chat(text)
  assert.equal(reply.status, 200, await reply.text())
  const id = reply.headers.get('x-sallyport-id')
  const found = (await until('the shadow receipt', async () => (await house.receipts()).find((one) => one['action'] === 'guard.shadow' && one['parent'] === id))) as unknown as Found
  assert.equal(found.parent, id)
  assert.deepEqual(found.findings.filter(({ guardrail }) => guardrail === 'watched_rule').map(({ guardrail, category, score, layer, mode, at }) => ({ guardrail, category, score, layer, mode, at })), [{ guardrail: 'watched_rule', category: 'broken_rule', score: 1, layer: 'judge', mode: 'shadow', at: [0, 0, text.length] }])
  assert.equal(typeof found.payload, 'object', 'the excerpt is sealed')
})

test('a policy reads the scores of enforced guardrails, below their thresholds too, before and beside the call', async () => {
  for (const model of ['enforced', 'beside']) {
    const reply = await house.chat(`Nearly against the second rule, ${model}.`, { model })
    const text = await reply.text()
    assert.equal(reply.status, 403, text)
    assert.match(text, /Not that sure/)
    const seal = (await sealOf(house, reply.headers.get('x-sallyport-id'))) as unknown as Found
    assert.deepEqual([seal.scores?.['enforced_rule'], seal.context.scores['enforced_rule']], [50, 50])
    assert.ok(seal.policies.includes('half-sure'))
  }
})
