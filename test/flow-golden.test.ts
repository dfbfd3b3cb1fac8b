import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { recordings, type Recorded } from '../bench/flow_cases.ts'
import { readTrace } from '../src/cli/traces.ts'
import type { FlowFact } from '../src/contract/receipt.ts'
import { toolFactsOf } from '../src/policy/tools.ts'
import { settleTools } from '../src/policy/tools/settings.ts'
import { decideCall } from '../src/session/flow/decide.ts'
import { openSession } from '../src/session/flow/session.ts'
import { settleFlow } from '../src/session/flow/settings.ts'
import { startHouse, type TestHouse } from './house.ts'
import { seals, until, type Seal } from './probe.ts'

/**
 * What `sallyport replay` says of a recording is what happens on the path: some of cases/flow, turn by turn through the
 * model gateway, with a provider that proposes what the recording has. Where flow only watches, nothing stops the story.
 */
let house: TestHouse
before(async () => {
  house = await startHouse({
    config: ({ practiceUrl }) => `
providers:
  p: { kind: openai-compatible, baseUrl: "${practiceUrl}/v1", credential: env:PRACTICE_KEY }
routes:
  default: { targets: [{ provider: p, model: same }] }
flow: { mode: shadow }
`,
  })
})
after(() => house.stop())

interface Message {
  readonly role: string
  readonly content: string | null
  readonly tool_calls?: readonly { readonly function: { readonly name: string; readonly arguments: string } }[]
}

function replayed({ line }: Recorded): readonly string[] {
  const session = openSession(settleFlow(), toolFactsOf(settleTools(undefined)))
  return readTrace(line).events.flatMap((event) => {
    if ('take' in event) session.take(event.take)
    return 'call' in event ? [decideCall(session, event.call).verdict] : []
  })
}

async function lived({ line }: Recorded): Promise<readonly string[]> {
  const key = await house.newKey({ name: 'golden' })
  const { messages } = JSON.parse(line) as { messages: readonly Message[] }
  const verdicts: string[] = []
  for (const [at, message] of messages.entries()) {
    if (message.role !== 'assistant') continue
    const calls = message.tool_calls ?? []
    house.practice.script = () => ({ status: 200, body: { id: 'a', object: 'chat.completion', created: 1, model: 'practice', choices: [{ index: 0, finish_reason: calls.length > 0 ? 'tool_calls' : 'stop', message }] } })
    const reply = await house.chat('', { messages: messages.slice(0, at) }, key)
    assert.equal(reply.status, 200, await reply.clone().text())
    const id = reply.headers.get('x-sallyport-id')
    if (calls.length === 0) continue
    const found = await until('the receipts of its calls', async () => {
      const all = ((await seals(house)) as readonly (Seal & { readonly flow?: FlowFact })[]).filter((one) => one.parent === id && one.action === 'tool.propose')
      return all.length === calls.length ? all : undefined
    })
    verdicts.push(...found.map((one) => one.flow?.verdict ?? 'none'))
  }
  return verdicts
}

// The first task of each domain with its first attack.
const chosen = [...Map.groupBy(recordings(), ({ domain }) => domain).values()].flatMap((all) => [all.find(({ kind }) => kind === 'benign'), all.find(({ kind }) => kind === 'attack')].filter((one) => one !== undefined))

for (const one of chosen) {
  test(`${one.id}, ${one.kind}: replay and path decide alike`, async () => {
    const verdicts = replayed(one)
    assert.deepEqual(await lived(one), verdicts)
    if (one.kind === 'attack') assert.ok(one.bad.some((index) => verdicts[index] !== 'allow'))
  })
}
