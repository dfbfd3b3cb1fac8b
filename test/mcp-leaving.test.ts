import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { startHouse, type TestHouse } from './house.ts'
import { rawCaller } from './mcp/caller.ts'
import { seals, until } from './probe.ts'

/** Calls whose callers left, in revisions in which that cancels nothing: what ends them all the same. */
let house: TestHouse

const program = `command: "${process.execPath}", args: ["${join(import.meta.dirname, 'mcp', 'unruly.ts')}"]`
const config = (): string => `mcpServers: { unruly: { ${program} }, own: { ${program}, connection: principal } }`

before(async () => {
  house = await startHouse({ config })
})
after(() => house.stop())

/** Calls a tool that never answers, and leaves while it is under way. */
async function left(at: TestHouse, key: string): Promise<void> {
  const one = rawCaller(at)
  const authorization = `Bearer ${key}`
  const session = await one.session('unruly', { authorization })
  const leaves = new AbortController()
  const going = fetch(`${at.dataUrl}/mcp/unruly`, {
    method: 'POST',
    headers: { authorization, 'mcp-session-id': session, accept: 'application/json, text/event-stream', 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 7, method: 'tools/call', params: { name: 'stall', arguments: {} } }),
    signal: leaves.signal,
  }).catch(() => undefined)
  await until('the call to be under way', async () => (JSON.stringify(await one.call('unruly', session, 'called', {}, { authorization })).includes('stall') ? true : undefined))
  leaves.abort()
  await going
  // Its end of the connection is ours a moment later.
  await new Promise((resolve) => setTimeout(resolve, 100))
}

test('a call whose caller left ends when its key is revoked', async () => {
  const { facts, key } = (await house.admin('POST', 'keys', { name: 'leaver' })) as { readonly facts: { readonly id: string }; readonly key: string }
  await left(house, key)
  await house.admin('DELETE', `keys/${facts.id}`)
  assert.ok(await until('a receipt of the call', async () => (await seals(house)).find((one) => one.action === 'mcp.call' && one.code === 'revoked')))
})

test('the program of one caller alone ends with its key, and that of another stays', async () => {
  const { facts, key } = (await house.admin('POST', 'keys', { name: 'owner' })) as { readonly facts: { readonly id: string }; readonly key: string }
  const ended = (): number => house.logs.filter((line) => line.includes('"mcp_server"') && line.includes('"own"') && line.includes('"ended"')).length
  const caller = rawCaller(house)
  const pid = async (session: string, headers = {}): Promise<number> => Number(/\\?"pid\\?":(\d+)/.exec(JSON.stringify((await caller.call('own', session, 'env', {}, headers)).body))?.[1])
  await caller.session('own', { authorization: `Bearer ${key}` })
  const stays = await caller.session('own')
  const before = await pid(stays)
  assert.ok(before > 0)
  await house.admin('DELETE', `keys/${facts.id}`)
  await until('its program to end', () => (ended() > 0 ? true : undefined))
  assert.equal(await pid(stays), before)
  assert.equal(ended(), 1)
})

test('a house that closes ends calls whose callers left, and nothing of them is left over', async () => {
  const other = await startHouse({ config })
  try {
    await left(other, other.key)
  } finally {
    await other.stop()
  }
  assert.deepEqual(other.logs.filter((line) => line.includes('"defect"')), [])
})
