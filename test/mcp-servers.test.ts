import assert from 'node:assert/strict'
import { mkdirSync, realpathSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { startHouse, type TestHouse } from './house.ts'
import { CLIENTS, officialClient, type OfficialClient, type Result } from './mcp/clients.ts'
import { seals, until } from './probe.ts'

/** The official servers, used through the whole firewall by the official clients of both generations. */
let house: TestHouse
let files: string
const open: OfficialClient[] = []
const program = (name: string): string => JSON.stringify(join(dirname(createRequire(import.meta.url).resolve(`@modelcontextprotocol/${name}/package.json`)), 'dist/index.js'))
const textOf = ({ content }: Result): string => content.map(({ text }) => text ?? '').join('\n')

before(async () => {
  house = await startHouse({
    config(at) {
      files = join(realpathSync(at.folder), 'files')
      mkdirSync(files)
      const notes = join(realpathSync(at.folder), 'memory')
      mkdirSync(notes)
      mkdirSync(join(at.folder, 'policy'))
      writeFileSync(join(at.folder, 'policy', 'own.cedar'), '@id("all") permit (principal, action, resource);\n')
      const node = JSON.stringify(process.execPath)
      return `
policy: { folders: [./policy] }
mcpServers:
  files: { command: ${node}, args: [${program('server-filesystem')}, ${JSON.stringify(files)}], write: [${JSON.stringify(files)}] }
  memory: { command: ${node}, args: [${program('server-memory')}], env: { MEMORY_FILE_PATH: ${JSON.stringify(join(notes, 'graph.jsonl'))} }, write: [${JSON.stringify(notes)}] }
  everything: { command: ${node}, args: [${program('server-everything')}, stdio], asks: [sampling, elicitation, roots] }
`
    },
  })
})
after(async () => {
  await Promise.all(open.map(({ client }) => client.close()))
  await house.stop()
})

async function connect(which: (typeof CLIENTS)[number], server: string): Promise<OfficialClient> {
  const made = await officialClient(which, `${house.dataUrl}/mcp/${server}`, house.key)
  open.push(made)
  return made
}

for (const [index, which] of CLIENTS.entries()) {
  test(`server-filesystem with ${which}: files are written, read, edited, listed and refused`, async () => {
    const { client, call } = await connect(which, 'files')
    assert.match(String(client.getServerVersion()?.name), /filesystem/)
    const { tools } = await client.listTools()
    assert.ok(tools.length >= 13 && tools.every(({ inputSchema }) => inputSchema.type === 'object'))
    const path = join(files, `note-${index}.txt`)
    assert.equal((await call('write_file', { path, content: 'The meeting is at noon.' })).isError, undefined)
    assert.match(textOf(await call('edit_file', { path, edits: [{ oldText: 'noon', newText: 'one' }] })), /\+.*at one/)
    const read = await call('read_text_file', { path })
    assert.equal(textOf(read), 'The meeting is at one.')
    assert.deepEqual(read.structuredContent, { content: 'The meeting is at one.' })
    assert.match(textOf(await call('list_directory', { path: files })), new RegExp(`note-${index}\\.txt`))
    assert.equal((await call('read_text_file', { path: '/etc/hostname' })).isError, true)
  })

  test(`server-memory with ${which}: what is kept is found, and is a resource`, async () => {
    const { client, call } = await connect(which, 'memory')
    const name = `Ada ${index}`
    await call('create_entities', { entities: [{ name, entityType: 'person', observations: ['likes numbers'] }] })
    await call('add_observations', { observations: [{ entityName: name, contents: ['and engines'] }] })
    assert.match(textOf(await call('search_nodes', { query: name })), /and engines/)
    const { resources } = await client.listResources()
    assert.deepEqual(resources.map(({ uri }) => uri), ['memory://knowledge-graph'])
    assert.match(JSON.stringify(await client.readResource({ uri: 'memory://knowledge-graph' })), new RegExp(name))
  })

  test(`server-everything with ${which}: tools of every kind of content`, async () => {
    const { client, call } = await connect(which, 'everything')
    assert.ok((client.getInstructions() ?? '').length > 100)
    assert.match(textOf(await call('echo', { message: 'hello' })), /hello/)
    assert.match(textOf(await call('get-sum', { a: 2, b: 3 })), /5/)
    assert.ok((await call('get-tiny-image')).content.some(({ type }) => type === 'image'))
    assert.ok((await call('get-resource-links', { count: 2 })).content.filter(({ type }) => type === 'resource_link').length === 2)
    assert.ok((await call('get-resource-reference', { resourceType: 'Text', resourceId: 1 })).content.some(({ type }) => type === 'resource'))
    assert.ok((await call('get-structured-content', { location: 'Chicago' })).structuredContent !== undefined)
    assert.deepEqual((await call('get-annotated-message', { messageType: 'error' })).content[0]?.['annotations'], { priority: 1, audience: ['user', 'assistant'] })
  })

  test(`server-everything with ${which}: prompts, resources, templates and completions`, async () => {
    const { client } = await connect(which, 'everything')
    assert.ok((await client.listPrompts()).prompts.some(({ name }) => name === 'args-prompt'))
    assert.match(JSON.stringify(await client.getPrompt({ name: 'args-prompt', arguments: { city: 'Lyon' } })), /Lyon/)
    assert.match(JSON.stringify(await client.getPrompt({ name: 'resource-prompt', arguments: { resourceType: 'Text', resourceId: '1' } })), /demo:\/\/resource/)
    const { resources } = await client.listResources()
    assert.ok(resources.length >= 7)
    assert.match(JSON.stringify(await client.readResource({ uri: resources[0]?.uri ?? '' })), /text\/markdown/)
    assert.ok((await client.listResourceTemplates()).resourceTemplates.some(({ uriTemplate }) => uriTemplate === 'demo://resource/dynamic/text/{resourceId}'))
    assert.match(JSON.stringify(await client.readResource({ uri: 'demo://resource/dynamic/text/7' })), /7/)
    await assert.rejects(client.readResource({ uri: 'demo://resource/nowhere' }))
    const first = await client.complete({ ref: { type: 'ref/prompt', name: 'completable-prompt' }, argument: { name: 'department', value: 'S' } })
    assert.deepEqual(first.completion.values, ['Sales', 'Support'])
    const then = await client.complete({ ref: { type: 'ref/prompt', name: 'completable-prompt' }, argument: { name: 'name', value: '' }, context: { arguments: { department: 'Sales' } } })
    assert.deepEqual(then.completion.values, ['David', 'Eve', 'Frank'])
  })

  test(`server-everything with ${which}: progress while it works`, async () => {
    const { call } = await connect(which, 'everything')
    const progress: number[] = []
    assert.match(textOf(await call('trigger-long-running-operation', { duration: 0.2, steps: 4 }, (at) => void progress.push(at))), /completed/)
    assert.deepEqual(progress, [1, 2, 3, 4])
  })

  test(`server-everything with ${which}: changes of a resource that is watched`, async () => {
    const { call, watch, told } = await connect(which, 'everything')
    const uri = `demo://resource/dynamic/text/${index + 100}`
    const end = await watch(uri)
    await call('toggle-subscriber-updates')
    await until('word of the change', () => told.find(({ method, params }) => method === 'notifications/resources/updated' && (params as { uri: string }).uri === uri))
    await call('toggle-subscriber-updates')
    await end()
  })

  test(`server-everything with ${which}: it asks the caller's model, user and folders, each with its receipt`, async () => {
    const { call, asked } = await connect(which, 'everything')
    assert.match(textOf(await call('trigger-sampling-request', { prompt: 'Say a line.', maxTokens: 20 })), /a line from the model of the caller/)
    assert.match(textOf(await call('trigger-elicitation-request')), /Ada/)
    assert.deepEqual(asked.map(({ method }) => method).filter((one) => one !== 'roots/list'), ['sampling/createMessage', 'elicitation/create'])
    for (const action of ['mcp.sample', 'mcp.elicit']) await until(`a receipt of ${action}`, async () => (await seals(house)).find((one) => one.action === action && one.verdict === 'allow'))
  })
}
