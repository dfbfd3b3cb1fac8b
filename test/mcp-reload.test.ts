import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { startHouse, type TestHouse } from './house.ts'
import { rawCaller, type RawCaller } from './mcp/caller.ts'
import type { Strings } from './mcp/puppet.ts'
import { until } from './probe.ts'

/** Settings that change while sessions, subscriptions and calls are open. */
let house: TestHouse
let caller: RawCaller
let file: string
let settings: string

const strings: Readonly<Record<string, Strings>> = {
  initialize: { result: { protocolVersion: '2025-11-25', capabilities: { tools: {}, resources: { subscribe: true } }, serverInfo: { name: 'puppet', version: '1' } } },
  'resources/list': { result: { resources: [{ uri: 'test://note', name: 'note' }] } },
  'resources/templates/list': { result: { resourceTemplates: [] } },
  'resources/subscribe': { result: {} },
  'resources/unsubscribe': { result: {} },
  'tools/list': { result: { tools: [] } },
}

before(async () => {
  house = await startHouse({
    config({ folder }) {
      const { initialize } = strings
      const program = (name: string, said: object): string => {
        writeFileSync(join(folder, `${name}.json`), JSON.stringify(said))
        return `${name}: { command: ${JSON.stringify(process.execPath)}, args: [${JSON.stringify(join(import.meta.dirname, 'mcp/puppet.ts'))}, ${JSON.stringify(join(folder, `${name}.json`))}], sandbox: off`
      }
      return `mcpServers:\n  ${program('stays', { initialize })} }\n  ${program('moves', { ...strings, 'tools/list': { result: { tools: [{ name: 'asked', description: 'Tells what was asked.', inputSchema: { type: 'object' } }] } } })}, timeout: 2s, connection: principal }\n  ${program('own', strings)}, timeout: 1s, connection: principal }\n`
    },
  })
  caller = rawCaller(house)
  file = join(house.folder, 'sallyport.yaml')
  settings = readFileSync(file, 'utf8')
})
after(() => house.stop())

async function under(text: string): Promise<void> {
  writeFileSync(file, text)
  await house.admin('POST', 'reload', {})
}
const heard = (event: string): number => house.logs.filter((line) => line.includes('"mcp_server"') && line.includes('"own"') && line.includes(`"${event}"`)).length
const subscribe = async (server: string, session: string): Promise<void> => {
  const said = await caller.post(server, { jsonrpc: '2.0', id: 1, method: 'resources/subscribe', params: { uri: 'test://note' } }, { 'mcp-session-id': session })
  assert.deepEqual(said.body?.result, {})
}

test('a subscription is made anew where the server is another since, on its new connection', async () => {
  const session = await caller.session('moves')
  await subscribe('moves', session)
  await under(settings.replace('timeout: 2s', 'timeout: 3s'))
  await subscribe('moves', session)
  const said = await caller.call('moves', session, 'asked')
  assert.match(JSON.stringify(said.body), /resources\/subscribe test:\/\/note/)
  await under(settings)
})

test('nothing of a server that was taken away is started again for what its callers leave behind', async () => {
  const session = await caller.session('own')
  await subscribe('own', session)
  const before = heard('started')
  const ended = heard('ended')
  await under(settings.slice(0, settings.indexOf('  own:')))
  assert.equal((await caller.call('own', session, 'asked')).status, 404)
  await until('its program to end', () => (heard('ended') > ended ? true : undefined))
  // The same settings are another server: the session is back, and ends.
  await under(settings)
  await caller.post('own', undefined, { 'mcp-session-id': session }, 'DELETE')
  // What was begun before it has begun when this has.
  await caller.session('own')
  assert.equal(heard('started'), before + 1)
})
