import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import OpenAI from 'openai'
import type { ApprovalSummary, ApprovalView } from '../src/approvals/desk.ts'
import { startHouse, type TestHouse } from './house.ts'
import { framesOf, sallyport, sealOf, seals, until, type Seal } from './probe.ts'

/** A model proposes a tool call that policy holds: through the whole house, with the command line as the reviewer. */
let house: TestHouse
let folder: string
const HOLDS = `@id("all") permit (principal, action, resource);
@id("transfers-wait") @verdict("hold") @message("A transfer waits for a person.")
forbid (principal, action == Action::"tool.propose", resource is Tool)
when { resource.id == "transfer" && (if context.parameters has amount then context.parameters.amount > 100 else true) };
@id("hurry") @verdict("hold") @timeout("1s")
forbid (principal, action == Action::"tool.propose", resource is Tool) when { resource.id == "hurry" };
@id("two-people") @verdict("hold") @reviewers("2") @approvers("finance")
forbid (principal, action == Action::"tool.propose", resource is Tool) when { resource.id == "big_transfer" };
`
before(async () => {
  house = await startHouse({
    config(at) {
      folder = at.folder
      mkdirSync(join(folder, 'policy'))
      writeFileSync(join(folder, 'policy', 'own.cedar'), HOLDS)
      return `
providers:
  o: { kind: openai, baseUrl: "${at.practiceUrl}/v1", credential: env:PRACTICE_KEY }
  a: { kind: anthropic, baseUrl: "${at.practiceUrl}", credential: env:PRACTICE_KEY }
routes:
  claude: { match: { models: ["claude*"] }, targets: [{ provider: a, model: practice }], timeouts: { stall: 500ms } }
  default: { targets: [{ provider: o, model: practice }], timeouts: { stall: 500ms } }
tools:
  transfer: { class: money, parameters: { amount: Long, to: String }, control: [to] }
policy: { folders: [./policy] }
guardrails: [{ use: prompt_injection, mode: shadow, layers: [rules] }]
`
    },
  })
})
after(() => house.stop())

const tool = (name: string) => ({ type: 'function', function: { name, parameters: { type: 'object' } } })
const ask = (name: string, args: string, more: Readonly<Record<string, unknown>> = {}, key?: string): Promise<Response> =>
  house.chat(`Please pay ACME at acme-1. use the tool ${name} with ${args}`, { tools: [tool(name)], ...more }, key)
const pending = async (): Promise<readonly ApprovalSummary[]> => ((await house.admin('GET', 'approvals?state=pending')) as { approvals: ApprovalSummary[] }).approvals
const waiting = (resource: string): Promise<ApprovalSummary> => until(`a held ${resource}`, async () => (await pending()).find((one) => one.resource.includes(resource) && one.waiting > 0))
const decide = (one: ApprovalSummary, decision: Readonly<Record<string, unknown>>): Promise<never> => house.admin('POST', `approvals/${one.id}/decide`, { hash: one.hash, ...decision })
const cli = (...args: string[]) => sallyport(args, { SALLYPORT_HOME: house.state })
const childOf = async (reply: Response): Promise<Seal & { approval?: { id: string; verdict: string; how?: string; by?: string[]; waited: number } }> => {
  const parent = await sealOf(house, reply.headers.get('x-sallyport-id'))
  return until('the receipt of the proposal', async () => (await seals(house)).find((one) => one.parent === parent.exchange && one.action === 'tool.propose'))
}

for (const stream of [false, true]) {
  const how = stream ? 'streamed' : 'whole'
  test(`${how}: a held call waits, the command line releases it, a second release fails, and the receipt tells who and why`, async () => {
    const called = ask('transfer', `{"amount":500,"to":"acme-1","n":"${how}"}`, { stream })
    const one = await waiting('transfer')
    assert.deepEqual([one.policies, one.message], [['transfers-wait'], 'A transfer waits for a person.'])
    const shown = (await house.admin('GET', `approvals/${one.id}`)) as ApprovalView
    assert.equal(shown.shown?.body, `{"amount":500,"to":"acme-1","n":"${how}"}`)
    assert.deepEqual(shown.shown?.values[0]?.path, 'to')
    assert.equal(shown.shown?.values[0]?.sources[0]?.origin, 'user')
    assert.deepEqual([shown.shown?.undo, shown.shown?.class, shown.effects], ['no', 'money', ['external_write', 'money']])
    const page = await cli('approvals', 'show', one.id)
    assert.match(page.out, /acme-1/)
    assert.match(page.out, /500/)
    const released = await cli('approvals', 'approve', one.id, '--note', 'agreed by phone')
    assert.equal(released.code, 0, released.err)
    const reply = await called
    const text = await reply.text()
    assert.equal(reply.status, 200, text)
    const said = stream ? framesOf(text).flatMap(({ data }) => (data === '[DONE]' ? [] : (JSON.parse(data) as { choices: { delta: { tool_calls?: { function: { arguments: string } }[] } }[] }).choices[0]?.delta.tool_calls?.[0]?.function.arguments ?? '')).join('') : text
    assert.match(said, /acme-1/)
    assert.match(text, stream ? /\[DONE\]/ : /tool_calls/)
    const again = await cli('approvals', 'approve', one.id)
    assert.notEqual(again.code, 0)
    const child = await childOf(reply)
    assert.deepEqual([child.outcome, child.verdict, child.approval?.id, child.approval?.verdict, child.approval?.how], ['answered', 'allow', one.id, 'released', 'once'])
    assert.equal(child.approval?.by?.length, 1)
    assert.ok((child.approval?.waited ?? -1) >= 0)
  })
}

test('what is just under the limit is not held, and arguments that hide their amount are refused', async () => {
  assert.equal((await ask('transfer', '{"amount":100,"to":"acme-1"}')).status, 200)
  const hidden = await ask('transfer', '{"amount":"100","to":"acme-1"}')
  assert.equal(hidden.status, 403)
  assert.match(await hidden.text(), /call_denied/)
})

test('a denial reaches the caller with the reviewer\'s words', async () => {
  const called = ask('transfer', '{"amount":501,"to":"acme-1"}')
  const one = await waiting('transfer')
  await decide(one, { decision: 'deny', message: 'Not this month.' })
  const reply = await called
  assert.equal(reply.status, 403)
  assert.match(await reply.text(), /Not this month\./)
  assert.equal((await childOf(reply)).approval?.verdict, 'denied')
})

test('with nobody there it is denied on time', async () => {
  const reply = await ask('hurry', '{}')
  assert.equal(reply.status, 403)
  const child = await childOf(reply)
  assert.deepEqual([child.code, child.approval?.verdict, child.verdict], ['approval_expired', 'expired', 'hold'])
})

test('a caller that hung up finds its action approved: once, and unchanged', async () => {
  const gone = new AbortController()
  const args = '{"amount":700,"to":"acme-1"}'
  const called = fetch(`${house.dataUrl}/v1/chat/completions`, {
    method: 'POST',
    signal: gone.signal,
    headers: { 'content-type': 'application/json', authorization: `Bearer ${house.key}` },
    body: JSON.stringify({ model: 'practice', messages: [{ role: 'user', content: `use the tool transfer with ${args}` }], tools: [tool('transfer')] }),
  })
  const one = await waiting('transfer')
  gone.abort()
  await assert.rejects(called)
  await until('nobody waits', async () => ((await pending()).find(({ id }) => id === one.id)?.waiting === 0 ? true : undefined))
  assert.equal(((await decide(one, { decision: 'once' })) as { result: string }).result, 'granted')
  const changed = ask('transfer', '{"amount":701,"to":"acme-1"}')
  const other = await waiting('transfer')
  assert.notEqual(other.id, one.id)
  await decide(other, { decision: 'deny' })
  assert.equal((await changed).status, 403)
  const passed = await ask('transfer', args)
  assert.equal(passed.status, 200)
  assert.deepEqual([(await childOf(passed)).approval?.how], ['grant'])
  const third = ask('transfer', args)
  await decide(await waiting('transfer'), { decision: 'deny' })
  assert.equal((await third).status, 403)
})

test('a policy that changes while a call is held decides about its release', async () => {
  const called = ask('transfer', '{"amount":900,"to":"acme-1"}')
  const one = await waiting('transfer')
  writeFileSync(join(folder, 'policy', 'own.cedar'), `${HOLDS}@id("no-transfers") forbid (principal, action == Action::"tool.propose", resource is Tool) when { resource.id == "transfer" };`)
  try {
    await house.admin('POST', 'reload', {})
    await decide(one, { decision: 'once' })
    const reply = await called
    assert.equal(reply.status, 403)
    const child = await childOf(reply)
    assert.deepEqual([child.code, child.approval?.verdict], ['denied', 'released'])
  } finally {
    writeFileSync(join(folder, 'policy', 'own.cedar'), HOLDS)
    await house.admin('POST', 'reload', {})
  }
})

test('two people have to agree where the policy says so, and the agent\'s own side never does', async () => {
  const reviewer = async (spec: Readonly<Record<string, unknown>>): Promise<(path: string, body?: unknown) => Promise<Response>> => {
    const { key } = (await house.admin('POST', 'reviewers', spec)) as { key: string }
    return (path, body) => fetch(`${house.adminUrl}/api/${path}`, { method: body === undefined ? 'GET' : 'POST', headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' }, ...(body !== undefined && { body: JSON.stringify(body) }) })
  }
  const keyed = (await house.admin('POST', 'keys', { name: 'robot', agent: 'robot' })) as { key: string; facts: { id: string } }
  const own = await reviewer({ name: 'Robot', identity: `key:${keyed.facts.id}`, groups: ['finance'] })
  const alice = await reviewer({ name: 'Alice', groups: ['finance'] })
  const bob = await reviewer({ name: 'Bob', groups: ['finance'] })
  const other = await reviewer({ name: 'Carol', groups: ['legal'] })
  const called = ask('big_transfer', '{"amount":1}', {}, keyed.key)
  const { id, hash } = await waiting('big_transfer')
  const say = async (who: typeof alice): Promise<number> => (await who(`approvals/${id}/decide`, { hash, decision: 'once' })).status
  assert.notEqual(await say(own), 200)
  assert.notEqual(await say(other), 200)
  assert.equal(await say(alice), 200)
  assert.notEqual(await say(alice), 200)
  assert.equal(await say(bob), 200)
  const reply = await called
  assert.equal(reply.status, 200)
  assert.equal((await childOf(reply)).approval?.by?.length, 2)
  for (const path of ['keys', 'receipts', 'status']) assert.notEqual((await alice(path)).status, 200, path)
  assert.equal((await fetch(`${house.adminUrl}/api/approvals`, { headers: { authorization: `Bearer ${keyed.key}` } })).status, 401)
})

test('the official client waits for a reviewer, in another dialect and longer than the upstream may be silent', async () => {
  const client = new OpenAI({ baseURL: `${house.dataUrl}/v1`, apiKey: house.key, maxRetries: 0 })
  const stream = await client.chat.completions.create({ model: 'claude-x', stream: true, messages: [{ role: 'user', content: 'use the tool transfer with {"amount":800,"to":"acme-1"}' }], tools: [tool('transfer') as never] })
  const one = await waiting('transfer')
  await new Promise((resolve) => setTimeout(resolve, 900))
  await decide(one, { decision: 'once' })
  let args = ''
  for await (const chunk of stream) args += chunk.choices[0]?.delta.tool_calls?.[0]?.function?.arguments ?? ''
  assert.deepEqual(JSON.parse(args), { amount: 800, to: 'acme-1' })
})

test('the end of a session refuses everything that follows, and can be lifted', async () => {
  const key = await house.newKey({ name: 'ended' })
  const called = ask('transfer', '{"amount":600,"to":"acme-1"}', { stream: true }, key)
  const one = await waiting('transfer')
  await decide(one, { decision: 'end', message: 'This looks wrong.' })
  const reply = await called
  const text = await reply.text()
  assert.ok(reply.status !== 200 || framesOf(text).every(({ data }) => data !== '[DONE]'), text)
  const next = await house.chat('hello', {}, key)
  assert.equal(next.status, 403)
  assert.match(await next.text(), /session_ended/)
  const { standing } = (await house.admin('GET', 'approvals/standing?kind=end')) as { standing: { id: string }[] }
  assert.equal(standing.length, 1)
  await house.admin('DELETE', `approvals/standing/${standing[0]?.id}`)
  assert.equal((await house.chat('hello', {}, key)).status, 200)
})
