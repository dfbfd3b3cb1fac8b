import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { ApprovalSummary } from '../src/approvals/desk.ts'
import { startHouse, type TestHouse } from './house.ts'
import { sealOf, seals, until, type Seal } from './probe.ts'

/** Ways around a hold, in a house that watches everything else: posture `observe`, output `observe`. */
let house: TestHouse
before(async () => {
  house = await startHouse({
    config({ folder, practiceUrl }) {
      mkdirSync(join(folder, 'policy'))
      writeFileSync(
        join(folder, 'policy', 'own.cedar'),
        `@id("all") permit (principal, action, resource);
@id("wait") @verdict("hold") forbid (principal, action == Action::"tool.propose", resource is Tool)
when { resource has class && resource.class == "money" && (if context.parameters has amount then context.parameters.amount > 100 else true) };
@id("fetch") @verdict("hold") forbid (principal, action == Action::"llm.fetch_url", resource);`,
      )
      return `
posture: observe
providers:
  o: { kind: openai, baseUrl: "${practiceUrl}/v1", credential: env:PRACTICE_KEY }
  a: { kind: anthropic, baseUrl: "${practiceUrl}", credential: env:PRACTICE_KEY }
routes:
  claude: { match: { models: ["claude*"] }, output: observe, targets: [{ provider: a, model: practice }] }
  dropping: { match: { models: ["drop*"] }, on_denied_call: drop, targets: [{ provider: o, model: practice }] }
  default: { output: observe, allow: [url_fetch], targets: [{ provider: o, model: practice }] }
tools:
  transfer: { class: money, parameters: { amount: Long, to: String }, control: [to] }
policy: { folders: [./policy] }
`
    },
  })
})
after(() => house.stop())

const tools = ['transfer', 'note'].map((name) => ({ type: 'function', function: { name, parameters: { type: 'object' } } }))
const use = (args: string): string => `use the tool transfer with ${args}`
const ask = (text: string, more: Readonly<Record<string, unknown>> = {}, key?: string): Promise<Response> => house.chat(text, { tools, ...more }, key)
const pending = async (): Promise<readonly ApprovalSummary[]> => ((await house.admin('GET', 'approvals?state=pending')) as { approvals: ApprovalSummary[] }).approvals
const waiting = (not?: string): Promise<ApprovalSummary> => until('something held', async () => (await pending()).find((one) => one.id !== not && one.waiting > 0))
const decide = (one: ApprovalSummary, decision: Readonly<Record<string, unknown>>): Promise<never> => house.admin('POST', `approvals/${one.id}/decide`, { hash: one.hash, ...decision })
const childrenOf = async (reply: Response): Promise<readonly Seal[]> => {
  const parent = await sealOf(house, reply.headers.get('x-sallyport-id'))
  return (await seals(house)).filter((one) => one.parent === parent.exchange && one.action === 'tool.propose')
}

for (const model of ['practice', 'claude-x']) {
  for (const stream of [false, true]) {
    test(`where everything is only watched a held call waits all the same: ${model}, ${stream ? 'streamed' : 'whole'}`, async () => {
      const called = ask(use(`{"amount":500,"to":"${model}-${stream}"}`), { model, stream })
      await decide(await waiting(), { decision: 'deny' })
      const text = await (await called).text()
      assert.match(text, /call_denied/)
      assert.doesNotMatch(text, /"arguments":"[^"]*amount/)
    })
  }
}

test('two equal calls in one turn take two consents', async () => {
  const args = '{"amount":300,"to":"twice"}'
  const called = ask(`${use(args)} and ${use(args)}`)
  const first = await waiting()
  await decide(first, { decision: 'once' })
  const second = await waiting(first.id)
  assert.equal(second.resource, first.resource)
  await decide(second, { decision: 'deny' })
  assert.equal((await called).status, 403)
})

test('every choice of an answer is decided', async () => {
  const called = ask(use('{"amount":301,"to":"choices"}'), { n: 2 })
  const first = await waiting()
  await decide(first, { decision: 'once' })
  await decide(await waiting(first.id), { decision: 'deny' })
  assert.equal((await called).status, 403)
})

test('arguments that two readers would read differently are refused, each with a receipt', async () => {
  for (const args of ['{"amount":1,"Amount":9000,"to":"a"}', '{"\\u0061mount":9000,"AMOUNT":1}', '{"amount":1,"\\uff41mount":9000}']) {
    const reply = await ask(use(args))
    assert.equal(reply.status, 403, args)
    const [child] = await until('the receipt of the proposal', async () => ((await childrenOf(reply)).length > 0 ? await childrenOf(reply) : undefined))
    assert.deepEqual([child?.code, child?.step], ['denied', 'resolve'], args)
  }
})

test('an escape in a name hides nothing: the value that the client reads is the one that is held', async () => {
  const called = ask(use('{"\\u0061mount":9000,"to":"escaped"}'))
  await decide(await waiting(), { decision: 'deny' })
  assert.equal((await called).status, 403)
})

test('a call that is left out of the answer leaves a receipt as well', async () => {
  const reply = await ask(use('{"amount":"much","to":"a"}'), { model: 'drop-x' })
  assert.equal(reply.status, 200)
  assert.doesNotMatch(await reply.text(), /much/)
  assert.equal((await until('the receipt', async () => (await childrenOf(reply))[0])).code, 'denied')
})

test('what a provider would do waits for people too, and a late consent is for the unchanged request', async () => {
  const image = (url: string, signal?: AbortSignal): Promise<Response> =>
    fetch(`${house.dataUrl}/v1/chat/completions`, {
      method: 'POST',
      ...(signal && { signal }),
      headers: { 'content-type': 'application/json', authorization: `Bearer ${house.key}` },
      body: JSON.stringify({ model: 'practice', messages: [{ role: 'user', content: [{ type: 'text', text: 'what is this?' }, { type: 'image_url', image_url: { url } }] }] }),
    })
  const gone = new AbortController()
  const called = image('https://pictures.example.com/a.png', gone.signal)
  const one = await waiting()
  assert.equal(one.action, 'llm.fetch_url')
  gone.abort()
  await assert.rejects(called)
  await until('nobody waits', async () => ((await pending()).find(({ id }) => id === one.id)?.waiting === 0 ? true : undefined))
  await decide(one, { decision: 'once' })
  assert.equal((await image('https://pictures.example.com/a.png')).status, 200)
  const other = image('https://pictures.example.com/b.png')
  await decide(await waiting(), { decision: 'deny' })
  assert.equal((await other).status, 403)
})

test('a second key of the same person, made without an identity, decides nothing that the first one may not', async () => {
  const robot = (await house.admin('POST', 'keys', { name: 'robot', agent: 'robot' })) as { key: string; facts: { id: string } }
  await house.admin('POST', 'reviewers', { name: 'Rosa', identity: `key:${robot.facts.id}` })
  const { key } = (await house.admin('POST', 'reviewers', { name: ' ROSA'.trim() })) as { key: string }
  const called = ask(use('{"amount":302,"to":"rosa"}'), {}, robot.key)
  const one = await waiting()
  const said = await fetch(`${house.adminUrl}/api/approvals/${one.id}/decide`, { method: 'POST', headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' }, body: JSON.stringify({ hash: one.hash, decision: 'once' }) })
  assert.equal(said.status, 403)
  await decide(one, { decision: 'deny' })
  assert.equal((await called).status, 403)
})

test('erasing a subject takes what approvals keep of it, and says how many', async () => {
  const made = (await house.admin('POST', 'keys', { name: 'erased' })) as { key: string; facts: { id: string } }
  const called = ask(use('{"amount":303,"to":"erased"}'), {}, made.key)
  const one = await waiting()
  await decide(one, { decision: 'deny' })
  await called
  const { approvals } = (await house.admin('POST', 'erase', { subject: `default/key:${made.facts.id}`, tenant: 'default' })) as { approvals: number }
  assert.equal(approvals, 1)
  await assert.rejects(house.admin('GET', `approvals/${one.id}`))
})

test('two choices of one index have no call that nobody decided: the answer is refused', async () => {
  const choice = (amount: number) => ({ index: 0, finish_reason: 'tool_calls', message: { role: 'assistant', content: null, tool_calls: [{ id: `c${amount}`, type: 'function', function: { name: 'transfer', arguments: `{"amount":${amount}}` } }] } })
  const { script } = house.practice
  house.practice.script = () => ({ status: 200, body: { id: 'x', object: 'chat.completion', created: 1, model: 'practice', choices: [choice(9000), choice(1)], usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 } } })
  try {
    for (const model of ['practice', 'drop-x']) assert.doesNotMatch(await (await ask('hello', { model })).text(), /9000/, model)
  } finally {
    house.practice.script = script
  }
})
