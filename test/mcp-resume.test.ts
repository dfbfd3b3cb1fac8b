import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { startHouse, type TestHouse } from './house.ts'
import { rawCaller, type RawCaller } from './mcp/caller.ts'
import { startFixture, type Fixture } from './mcp/conformance/fixture.ts'
import { sealOf, until } from './probe.ts'

/** Callers whose connection ends before the answer comes back for it, and nobody else does. */
let house: TestHouse
let fixture: Fixture
let caller: RawCaller
let session: string
const OPEN = '@id("all") permit (principal, action, resource);\n'

before(async () => {
  fixture = await startFixture({ sessionsOnly: true })
  house = await startHouse({
    config({ folder }) {
      mkdirSync(join(folder, 'policy'))
      writeFileSync(join(folder, 'policy', 'own.cedar'), OPEN)
      return `policy: { folders: [./policy] }\nmcpServers: { fixture: { url: "${fixture.url}" } }`
    },
  })
  caller = rawCaller(house)
  session = await caller.session('fixture')
})
after(async () => {
  await house.stop()
  await fixture.stop()
})

const url = (): string => `${house.dataUrl}/mcp/fixture`
const fields = (key = house.key) => ({ authorization: `Bearer ${key}`, 'mcp-session-id': session, accept: 'text/event-stream, application/json', 'content-type': 'application/json' })
const call = (id: number, name: string, signal?: AbortSignal): Promise<Response> =>
  fetch(url(), { method: 'POST', headers: fields(), body: JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: {}, _meta: { progressToken: id } } }), ...(signal && { signal }) })
const resume = (last: string, key?: string): Promise<Response> => fetch(url(), { headers: { ...fields(key), accept: 'text/event-stream', 'last-event-id': last } })
const idsIn = (text: string): readonly string[] => [...text.matchAll(/^id: (.+)$/gm)].map(([, id]) => id as string)

test('where the server lets its caller go, so does the gateway, and both come back', async () => {
  const text = await (await call(1, 'test_reconnection')).text()
  const [last = ''] = idsIn(text)
  assert.match(text, /^id: \S+\nretry: \d+\ndata:\n\n$/)
  const rest = await (await resume(last)).text()
  assert.match(rest, /answered after the stream was closed/)
  assert.match(await (await resume(last)).text(), /answered after the stream was closed/, 'a second time, where the first was lost too')
})

test('a connection that broke off costs nobody the answer', async () => {
  const breaks = new AbortController()
  const reply = await call(2, 'test_tool_with_progress', breaks.signal)
  let text = ''
  await assert.rejects(async () => {
    for await (const chunk of reply.body as AsyncIterable<Uint8Array>) {
      text += Buffer.from(chunk).toString()
      if (text.includes('notifications/progress')) breaks.abort()
    }
  })
  const seen = idsIn(text)
  const rest = await (await resume(seen.at(-1) as string)).text()
  assert.match(rest, /"id":2/)
  assert.equal(idsIn(rest).filter((id) => id !== seen.at(-1) && seen.includes(id)).length, 0, 'nothing comes twice')
})

test('an answer is given to nobody who may not ask for it any more, and the receipt says what it was', async () => {
  const reply = await call(9, 'test_reconnection')
  const [last = ''] = idsIn(await reply.text())
  assert.equal((await sealOf(house, reply.headers.get('x-sallyport-id'))).outcome, 'answered', 'kept for whoever comes back')
  const under = async (text: string): Promise<Response> => {
    writeFileSync(join(house.folder, 'policy', 'own.cedar'), text)
    await house.admin('POST', 'reload', {})
    return await resume(last)
  }
  for (const [denied, names] of [['resource == Tool::"test_reconnection"', true], ['resource', false]] as const) {
    const refused = await under(`${OPEN}@id("no") forbid (principal, action == Action::"mcp.${names ? 'call' : 'connect'}", ${denied});\n`)
    assert.equal(refused.status, 403)
    assert.doesNotMatch(await refused.text(), /answered after/)
    assert.equal((await sealOf(house, refused.headers.get('x-sallyport-id'))).code, 'denied')
  }
  assert.match(await (await under(OPEN)).text(), /answered after the stream was closed/)
})

test('an answer is resumed by nobody else, not under names that were guessed, and not when its session is over', async () => {
  const [last = ''] = idsIn(await (await call(3, 'test_reconnection')).text())
  const other = await house.newKey({ name: 'other' })
  assert.equal((await resume(last, other)).status, 404)
  for (const wrong of ['1-99', '99-0', '', 'x', '1-0, 2-0']) assert.equal((await resume(wrong)).status, 400, wrong)
  await fetch(url(), { method: 'DELETE', headers: fields() })
  await until('the session to end', async () => ((await resume(last)).status === 404 ? true : undefined))
})
