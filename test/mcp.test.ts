import assert from 'node:assert/strict'
import { mkdirSync, realpathSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { Client as ModernClient, StreamableHTTPClientTransport as ModernTransport } from '@modelcontextprotocol/client'
import type { ApprovalSummary } from '../src/approvals/desk.ts'
import { startHouse, type TestHouse } from './house.ts'
import { startRemote, type RemoteServer } from './mcp/remote.ts'
import { sealOf, seals, until } from './probe.ts'

/** The official client, the official servers, and the whole firewall between them. */
let house: TestHouse
let files: string
let remotes: readonly RemoteServer[]
const clients: Client[] = []

const program = (name: string): string => join(dirname(createRequire(import.meta.url).resolve(`@modelcontextprotocol/${name}/package.json`)), 'dist/index.js')
const POLICY = `@id("all") permit (principal, action, resource);
@id("no-moves") @message("Files are not moved here.")
forbid (principal, action == Action::"mcp.call", resource is Tool) when { resource.id == "move_file" };
@id("writes-wait") @verdict("hold") @message("A write waits for a person.")
forbid (principal, action == Action::"mcp.call", resource is Tool)
when { resource has server && resource.server == "files" && context.effects.contains("internal_write") };
`

before(async () => {
  remotes = [await startRemote(true), await startRemote(false)]
  house = await startHouse({
    env: { REMOTE_TOKEN: 'the-server-credential' },
    config(at) {
      files = realpathSync(at.folder) + '/files'
      mkdirSync(files)
      mkdirSync(join(at.folder, 'policy'))
      writeFileSync(join(at.folder, 'policy', 'own.cedar'), POLICY)
      writeFileSync(join(files, 'note.txt'), 'The meeting is at noon.')
      const node = JSON.stringify(process.execPath)
      return `
providers:
  p: { kind: openai-compatible, baseUrl: "${at.practiceUrl}/v1", credential: env:PRACTICE_KEY }
routes:
  default: { targets: [{ provider: p, model: same }] }
policy: { folders: [./policy] }
guardrails:
  - { use: prompt_injection, layers: [rules] }
tools:
  "files/read_*": { class: read }
  "files/write_file": { class: internal_write, parameters: { path: String }, control: [path] }
mcpServers:
  files: { command: ${node}, args: [${JSON.stringify(program('server-filesystem'))}, ${JSON.stringify(files)}], write: [${JSON.stringify(files)}] }
  memory: { command: ${node}, args: [${JSON.stringify(program('server-memory'))}], env: { MEMORY_FILE_PATH: ${JSON.stringify(join(at.folder, 'memory.jsonl'))} } }
  everything: { command: ${node}, args: [${JSON.stringify(program('server-everything'))}, stdio] }
  whole: { url: "${remotes[0]?.url}", headers: { Authorization: "Bearer env:REMOTE_TOKEN" }, result_bytes: 64KB }
  streamed: { url: "${remotes[1]?.url}", result_bytes: 64KB }
`
    },
  })
})
after(async () => {
  await Promise.all(clients.map((one) => one.close()))
  await house.stop()
  await Promise.all(remotes.map((one) => one.stop()))
})

async function connect(server: string, key = house.key): Promise<Client> {
  const client = new Client({ name: 'test', version: '1' })
  await client.connect(new StreamableHTTPClientTransport(new URL(`${house.dataUrl}/mcp/${server}`), { requestInit: { headers: { authorization: `Bearer ${key}` } } }) as never)
  clients.push(client)
  return client
}

interface Result {
  readonly content: readonly { readonly type: string; readonly text?: string }[]
  readonly isError?: boolean
  readonly structuredContent?: unknown
  readonly _meta?: Readonly<Record<string, unknown>>
}
const call = async (client: Client, name: string, args: Readonly<Record<string, unknown>> = {}): Promise<Result> => (await client.callTool({ name, arguments: args })) as Result
const textOf = ({ content }: Result): string => content.map((one) => one.text ?? '').join('\n')

test('server-filesystem: tools are listed and called, each call with its receipt', async () => {
  const client = await connect('files')
  assert.match(String(client.getServerVersion()?.name), /filesystem/)
  const { tools } = await client.listTools()
  const names = tools.map(({ name }) => name)
  assert.ok(names.includes('read_text_file') && names.includes('write_file'), names.join())
  const read = await call(client, 'read_text_file', { path: join(files, 'note.txt') })
  assert.equal(read.isError, undefined)
  assert.match(textOf(read), /at noon/)
  const receipt = await until('the receipt of the call', async () => (await seals(house)).find(({ action }) => action === 'mcp.call'))
  assert.deepEqual([receipt.outcome, receipt.verdict], ['answered', 'allow'])
})

test('what policy denies is seen by nobody, and called by nobody', async () => {
  const client = await connect('files')
  const { tools } = await client.listTools()
  assert.ok(!tools.some(({ name }) => name === 'move_file'))
  const denied = await call(client, 'move_file', { source: join(files, 'note.txt'), destination: join(files, 'gone.txt') })
  assert.equal(denied.isError, true)
  assert.match(textOf(denied), /^Files are not moved here\./)
  const receipt = await sealOf(house, String(denied._meta?.['sallyport/id']))
  assert.deepEqual([receipt.outcome, receipt.verdict, receipt.code, receipt.action], ['refused', 'deny', 'denied', 'mcp.call'])
})

test('what policy holds waits for a person, and happens once', async () => {
  const client = await connect('files')
  const path = join(files, 'new.txt')
  const writing = call(client, 'write_file', { path, content: 'written' })
  const held = await until('a held write', async () => ((await house.admin('GET', 'approvals?state=pending')) as { approvals: ApprovalSummary[] }).approvals.find((one) => one.resource.includes('write_file')))
  const shown = (await house.admin('GET', `approvals/${held.id}`)) as { shown: { values: { path: string; value: string; control: boolean }[] } }
  assert.deepEqual([shown.shown.values[0]?.path, shown.shown.values[0]?.value, shown.shown.values[0]?.control], ['path', path, true])
  await house.admin('POST', `approvals/${held.id}/decide`, { hash: held.hash, decision: 'once' })
  assert.equal((await writing).isError, undefined)
  assert.match(textOf(await call(client, 'read_text_file', { path })), /written/)
})

test('server-memory and server-everything answer as they are', async () => {
  const memory = await connect('memory')
  await call(memory, 'create_entities', { entities: [{ name: 'Ada', entityType: 'person', observations: ['likes numbers'] }] })
  const graph = await call(memory, 'read_graph')
  assert.match(textOf(graph), /likes numbers/)
  assert.ok(graph.structuredContent !== undefined)
  const everything = await connect('everything')
  assert.match(textOf(await call(everything, 'echo', { message: 'hello' })), /hello/)
  const image = await call(everything, 'get-tiny-image')
  assert.ok(image.content.some(({ type }) => type === 'image'))
  await everything.ping()
})

for (const [index, server] of ['whole', 'streamed'].entries()) {
  test(`a server behind HTTP that answers ${server}`, async () => {
    const client = await connect(server)
    const remote = remotes[index] as RemoteServer
    assert.equal(client.getServerVersion()?.name, 'remote')
    assert.deepEqual((await client.listTools()).tools.map(({ name }) => name), ['add', 'long'])
    assert.equal(textOf(await call(client, 'add', { a: 2, b: 3 })), '5')
    await assert.rejects(call(client, 'long', { bytes: 200_000 }), /larger than this gateway accepts/)
    remote.forget()
    assert.equal(textOf(await call(client, 'add', { a: 3, b: 3 })), '6')
    // Whoever calls shows its credential to us, and to nobody behind us.
    const credentials = new Set(remote.seen.map(({ authorization }) => authorization))
    assert.deepEqual([...credentials], [index === 0 ? 'Bearer the-server-credential' : undefined])
  })
}

for (const mode of ['legacy', 'auto', { pin: '2026-07-28' }] as const) {
  test(`the client of the next generation, ${JSON.stringify(mode)}, in front of servers of the last`, async () => {
    const client = new ModernClient({ name: 'test', version: '2' }, { versionNegotiation: { mode } })
    await client.connect(new ModernTransport(new URL(`${house.dataUrl}/mcp/files`), { requestInit: { headers: { authorization: `Bearer ${house.key}` } } }))
    try {
      const { tools } = await client.listTools()
      assert.ok(tools.some(({ name }) => name === 'read_text_file') && !tools.some(({ name }) => name === 'move_file'))
      const read = (await client.callTool({ name: 'read_text_file', arguments: { path: join(files, 'note.txt') } })) as unknown as Result
      assert.match(textOf(read), /at noon/)
      const denied = (await client.callTool({ name: 'move_file', arguments: { source: 'a', destination: 'b' } })) as unknown as Result
      assert.deepEqual([denied.isError, textOf(denied).startsWith('Files are not moved here.')], [true, true])
      assert.equal(client.getNegotiatedProtocolVersion(), mode === 'legacy' ? '2025-11-25' : '2026-07-28')
    } finally {
      await client.close()
    }
  })
}
