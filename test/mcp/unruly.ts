import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

/** An MCP server over its standard streams that does what it is asked to do wrong, by the name of the tool. */
interface Asked {
  readonly id?: number
  readonly method: string
  readonly params?: { readonly name?: string; readonly arguments?: Readonly<Record<string, unknown>> }
}

const write = (value: unknown): void => void process.stdout.write(`${typeof value === 'string' ? value : JSON.stringify(value)}\n`)
const answer = (id: number | undefined, result: unknown): void => write({ jsonrpc: '2.0', id, result })
const text = (id: number | undefined, said: string): void => answer(id, { content: [{ type: 'text', text: said }] })

const schemas: Readonly<Record<string, unknown>> = {
  typed: { type: 'object', properties: { count: { type: 'integer', minimum: 1 }, note: { type: 'string' } }, required: ['count'] },
  fetched: { type: 'object', properties: { a: { $ref: process.env['SCHEMA_URL'] ?? 'http://127.0.0.1:9/schema.json' } } },
  fetched_by_id: { $id: process.env['SCHEMA_URL'] ?? 'http://127.0.0.1:9/schema.json', type: 'object', properties: { a: { $ref: 'other.json' } } },
  fetched_dialect: { $schema: process.env['SCHEMA_URL'] ?? 'http://127.0.0.1:9/schema.json', type: 'object', properties: { a: { $dynamicRef: `${process.env['SCHEMA_URL'] ?? 'http://127.0.0.1:9'}#a` } } },
  recursive: { type: 'object', properties: { name: { type: 'string' }, child: { $ref: '#' } }, required: ['name'] },
  tangled: { type: 'object', $defs: { a: { $ref: '#/$defs/b' }, b: { $ref: '#/$defs/a' } }, properties: { value: { $ref: '#/$defs/a' } } },
  exploding: { type: 'object', $defs: Object.fromEntries(Array.from({ length: 40 }, (_, at) => [`d${at}`, at === 0 ? { type: 'integer' } : { anyOf: [{ $ref: `#/$defs/d${at - 1}` }, { $ref: `#/$defs/d${at - 1}` }] }])), properties: { value: { $ref: '#/$defs/d39' } } },
}
const names = ['echo', 'say', 'env', 'stall', 'wrong_id', 'unreadable', 'huge', 'flood', 'die', 'spawn', 'ask', 'asked', 'two_parts', 'malformed', 'typed', 'fetched', 'fetched_by_id', 'fetched_dialect', 'recursive', 'tangled', 'exploding', 'pages', 'later', 'forbidden', 'children', 'swap', 'noise', 'called']
/** What was called so far: calls that were refused must not be here. */
const called: string[] = []
let extra = 0
let swapped = false
let sampled = 'nothing'

const tools: Readonly<Record<string, (id: number | undefined, args: Readonly<Record<string, unknown>>) => void>> = {
  echo: (id, args) => text(id, JSON.stringify(args)),
  say: (id, args) => text(id, String(args['text'])),
  env: (id) => text(id, JSON.stringify({ env: process.env, cwd: process.cwd(), pid: process.pid, argv: process.argv.slice(2) })),
  stall: () => undefined,
  wrong_id: (id) => text((id ?? 0) + 1_000, 'for somebody else'),
  unreadable: (id) => write(`{"jsonrpc":"2.0","id":${id},"id":${id},"result":{"content":[]}}`),
  huge: (id, args) => text(id, 'x'.repeat(Number(args['bytes']))),
  flood(id) {
    for (let count = 0; count < 50_000; count++) write({ jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info', data: count } })
    text(id, 'after the flood')
  },
  die: () => process.exit(3),
  spawn(id) {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' })
    text(id, String(child.pid))
  },
  ask(id) {
    write({ jsonrpc: '2.0', id: 'theirs', method: 'sampling/createMessage', params: { messages: [], maxTokens: 1 } })
    text(id, 'asked')
  },
  asked: (id) => text(id, sampled),
  two_parts: (id, args) => answer(id, { content: (args['parts'] as string[]).map((one) => ({ type: 'text', text: one })) }),
  malformed: (id) => answer(id, { content: [{ type: 'text' }] }),
  typed: (id, args) => text(id, JSON.stringify(args)),
  fetched: (id) => text(id, 'called'),
  fetched_by_id: (id) => text(id, 'called'),
  fetched_dialect: (id) => text(id, 'called'),
  recursive: (id, args) => text(id, JSON.stringify(args)),
  tangled: (id) => text(id, 'called'),
  exploding: (id) => text(id, 'called'),
  forbidden: (id) => text(id, 'what nobody may call'),
  later: (id, args) => void setTimeout(() => text(id, String(args['text'])), Number(args['ms'] ?? 0)),
  children(id, args) {
    for (let count = 0; count < 10; count++) spawn('/bin/sh', ['-c', 'trap "" TERM HUP; while :; do sleep 1; done', String(args['mark'])], { stdio: 'ignore', detached: true })
    text(id, '10')
  },
  swap(id) {
    swapped = true
    write({ jsonrpc: '2.0', method: 'notifications/tools/list_changed' })
    text(id, 'swapped')
  },
  noise(id) {
    for (let count = 0; count < 5_000; count++) process.stderr.write(`${'noise '.repeat(200)}\n`)
    text(id, 'said much')
  },
  pages(id) {
    extra++
    write({ jsonrpc: '2.0', method: 'notifications/tools/list_changed' })
    text(id, 'changed')
  },
}

process.stderr.write('unruly is here\n')
createInterface({ input: process.stdin }).on('line', (line) => {
  const asked = JSON.parse(line) as Asked & { readonly error?: { readonly code: number }; readonly id?: unknown }
  if (asked.method === undefined) sampled = `refused with ${asked.error?.code}`
  else if (asked.method === 'initialize') answer(asked.id, { protocolVersion: '2025-11-25', capabilities: { tools: { listChanged: true } }, serverInfo: { name: 'unruly', version: '1' } })
  else if (asked.method === 'tools/list') {
    const all = [...names.filter((name) => !swapped || name !== 'say'), ...(extra > 0 ? ['newcomer'] : []), 'echo', 'еcho', 'with space', '']
    answer(asked.id, { tools: all.map((name) => ({ name, description: `does ${name.trim()}`, inputSchema: schemas[swapped && name === 'echo' ? 'typed' : name] ?? { type: 'object' } })) })
  } else if (asked.method === 'tools/call' && asked.params?.name === 'called') text(asked.id, called.join())
  else if (asked.method === 'tools/call') {
    called.push(asked.params?.name ?? '')
    tools[asked.params?.name ?? '']?.(asked.id, asked.params?.arguments ?? {})
  }
})
