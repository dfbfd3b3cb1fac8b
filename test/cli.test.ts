import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { fileURLToPath } from 'node:url'

// The commands as they are typed: separate processes, one instance that runs, real ports.

const bin = fileURLToPath(new URL('../bin/sallyport.js', import.meta.url))
let folder = ''
let children: ChildProcess[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-up-'))
  writeFileSync(join(folder, 'sallyport.yaml'), 'listen: { data: "127.0.0.1:0", admin: "127.0.0.1:0" }\n')
})
afterEach(async () => {
  await Promise.all(children.map(stopped))
  children = []
  rmSync(folder, { recursive: true, force: true })
})

interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

function command(args: readonly string[]): ChildProcess {
  const child = spawn(process.execPath, [bin, ...args], { cwd: folder, env: { PATH: process.env['PATH'], SALLYPORT_HOME: join(folder, 'state') }, stdio: ['ignore', 'pipe', 'pipe'] })
  children.push(child)
  return child
}

async function run(...args: readonly string[]): Promise<Ended> {
  const child = command(args)
  let out = ''
  let err = ''
  child.stdout?.on('data', (chunk: Buffer) => (out += chunk.toString()))
  child.stderr?.on('data', (chunk: Buffer) => (err += chunk.toString()))
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, out, err })))
}

async function stopped(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
  const end = new Promise<number | null>((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  return end
}

interface Up {
  readonly child: ChildProcess
  readonly dataUrl: string
  readonly adminUrl: string
}

/** Starts an instance and waits for the one JSON line that says where it listens. */
async function up(): Promise<Up> {
  const child = command(['up', '--json'])
  let err = ''
  child.stderr?.on('data', (chunk: Buffer) => (err += chunk.toString()))
  const line = await new Promise<string>((resolve, reject) => {
    let out = ''
    child.stdout?.on('data', (chunk: Buffer) => {
      out += chunk.toString()
      if (out.endsWith('\n')) resolve(out)
    })
    child.on('exit', () => reject(new Error(err)))
  })
  return { child, ...(JSON.parse(line) as { dataUrl: string; adminUrl: string }) }
}

function ask(url: string, key: string): Promise<Response> {
  return fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'practice', messages: [{ role: 'user', content: 'Hello' }] }),
  })
}

test('up, a key, a call, its receipt, revocation, drain: with the commands as typed', async () => {
  const { child, dataUrl, adminUrl } = await up()
  assert.equal(statSync(join(folder, 'state')).mode & 0o077, 0)
  assert.equal((await fetch(`${adminUrl}/readyz`)).status, 200)

  const made = await run('keys', 'create', '--name', 'me')
  assert.equal(made.code, 0, made.err)
  const key = made.out.trim()
  assert.match(key, /^sp_/)

  const answer = await ask(dataUrl, key)
  const id = answer.headers.get('x-sallyport-id') ?? ''
  assert.equal(answer.status, 200, await answer.clone().text())
  assert.match(JSON.stringify(await answer.json()), /practice/)

  const shown = await run('audit', 'show', id)
  assert.equal(shown.code, 0, shown.err)
  assert.match(shown.out, /receipt +llm\.generate Route::default answered/)
  assert.doesNotMatch(shown.out, /Hello/)
  assert.match((await run('audit', 'show', id, '--content')).out, /Hello/)
  assert.match((await run('audit', 'verify')).out, /^The log is intact/)

  const [listed] = JSON.parse((await run('keys', 'list', '--json')).out) as { id: string }[]
  assert.equal((await run('keys', 'revoke', listed?.id ?? '')).code, 0)
  const refused = await ask(dataUrl, key)
  assert.equal(refused.status, 401)
  await refused.text()

  const subject = /subject +(\S+)/.exec(shown.out)?.[1] ?? ''
  assert.equal((await run('audit', 'hold', subject, '--reason', 'trial')).code, 0)
  const held = await run('audit', 'erase', subject, '--yes')
  assert.equal(held.code, 1, held.err)
  await run('audit', 'hold', subject, '--reason', 'over', '--lift')
  assert.match((await run('audit', 'erase', subject, '--yes')).out, /^Erased/)
  assert.match((await run('audit', 'show', id, '--content')).out, /content +erased/)
  assert.match((await run('audit', 'verify')).out, /^The log is intact/)

  assert.equal(await stopped(child), 0)
  assert.ok(!existsSync(join(folder, 'state', 'running.json')))
  assert.match((await run('audit', 'tail', '--lines', '50')).out, /key\.revoke/)
})

test('where agents meet MCP servers is said when it starts', async () => {
  writeFileSync(join(folder, 'sallyport.yaml'), 'listen: { data: "127.0.0.1:0", admin: "127.0.0.1:0" }\nmcpServers: { files: { command: none }, notes: { command: none } }\n')
  const child = command(['up'])
  let out = ''
  await new Promise<void>((resolve) => child.stdout?.on('data', (chunk: Buffer) => (out += chunk.toString()).includes('keys create') && resolve()))
  assert.match(out, /MCP clients {8}(http:\/\/127\.0\.0\.1:\d+)\/mcp\/files, \1\/mcp\/notes\n/)
  assert.equal(await stopped(child), 0)
})

test('a second instance on the same state says who has it', async () => {
  await up()
  const second = await run('up')
  assert.equal(second.code, 3)
  assert.match(second.err, /in use by process \d+/)
})

test('wrong settings start nothing, and say where they are wrong', async () => {
  writeFileSync(join(folder, 'sallyport.yaml'), 'posture: guardd\n')
  const { code, out, err } = await run('up')
  assert.equal(code, 3)
  assert.equal(out, '')
  assert.match(err, /sallyport\.yaml:1:10 posture: .*Did you mean "guard"\?/)
  assert.ok(!existsSync(join(folder, 'state', 'running.json')))
})

test('a changed configuration is put in force, a broken one is refused and said', async () => {
  const { child, adminUrl } = await up()
  const admin = readFileSync(join(folder, 'state', 'admin.key'), 'utf8').trim()
  const status = async (): Promise<{ posture: string }> => (await (await fetch(`${adminUrl}/api/status`, { headers: { authorization: `Bearer ${admin}` } })).json()) as { posture: string }
  const said = async (what: RegExp): Promise<void> => {
    let err = ''
    await new Promise<void>((resolve) =>
      child.stderr?.on('data', (chunk: Buffer) => {
        err += chunk.toString()
        if (what.test(err)) resolve()
      }),
    )
  }
  assert.equal((await status()).posture, 'guard')
  const strict = said(/"event":"epoch"/)
  writeFileSync(join(folder, 'sallyport.yaml'), 'posture: strict\nlisten: { data: "127.0.0.1:0", admin: "127.0.0.1:0" }\n')
  await strict
  assert.equal((await status()).posture, 'strict')
  const refused = said(/"event":"epoch_refused".*|epoch_refused/)
  writeFileSync(join(folder, 'sallyport.yaml'), 'postur: observe\n')
  await refused
  assert.equal((await status()).posture, 'strict')
})

test('an alert reaches the log, the metrics and the webhook', async () => {
  let heard: (body: string) => void = () => undefined
  const told = new Promise<string>((resolve) => (heard = resolve))
  const place = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      response.end()
      heard(body)
    })
  })
  await new Promise<void>((resolve) => place.listen(0, '127.0.0.1', resolve))
  try {
    const url = `http://127.0.0.1:${(place.address() as AddressInfo).port}/alerts`
    writeFileSync(join(folder, 'sallyport.yaml'), `listen: { data: "127.0.0.1:0", admin: "127.0.0.1:0" }\nbudgets: [{ per: key, window: 1d, requests: 1 }]\ntelemetry: { alert_webhook: "${url}" }\n`)
    const { dataUrl, adminUrl } = await up()
    const key = (await run('keys', 'create', '--name', 'me')).out.trim()
    await (await ask(dataUrl, key)).text()
    assert.deepEqual(Object.entries(JSON.parse(await told) as object).filter(([name]) => name === 'kind' || name === 'dimension'), [['kind', 'threshold'], ['dimension', 'requests']])
    const admin = readFileSync(join(folder, 'state', 'admin.key'), 'utf8').trim()
    const text = await (await fetch(`${adminUrl}/metrics`, { headers: { authorization: `Bearer ${admin}` } })).text()
    assert.match(text, /^sallyport_budget_alerts_total\{kind="threshold"\} 1$/m)
  } finally {
    place.closeAllConnections()
    await new Promise((resolve) => place.close(resolve))
  }
})

test('metrics are for operators only', async () => {
  const { adminUrl } = await up()
  const without = await fetch(`${adminUrl}/metrics`)
  assert.equal(without.status, 401)
  await without.text()
  const admin = readFileSync(join(folder, 'state', 'admin.key'), 'utf8').trim()
  const text = await (await fetch(`${adminUrl}/metrics`, { headers: { authorization: `Bearer ${admin}` } })).text()
  assert.match(text, /^sallyport_build_info\{version="/m)
})
