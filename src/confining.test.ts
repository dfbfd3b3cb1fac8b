import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { confinementOf } from './confining.ts'
import type { Here } from './edge/spawn/confine.ts'
import { mcpServersSchema, settleMcpServers, type McpServersWritten, type StdioServer } from './gateways/mcp/settings.ts'

const able: Here = { bwrap: '/usr/bin/bwrap', prlimit: '/usr/bin/prlimit', missing: [] }
const unable: Here = { missing: ['bwrap (bubblewrap) is not installed'] }

function confine(written: McpServersWritten[string], { base = '/base', own = ['/base/state'], here = able } = {}) {
  const [server] = settleMcpServers(mcpServersSchema.parse({ one: { command: 'x', ...written } }))
  const problems: string[] = []
  const { confinement, without } = confinementOf(server as StdioServer, base, own, (path, message) => problems.push(`${path.join('.')} ${message}`), here)
  return { confinement, without, problems }
}

test('a program is in a sandbox without network where this machine can, unless it is off', () => {
  assert.deepEqual(confine({}).confinement.sandbox, { network: false, read: [], write: [], hidden: ['/base/state'] })
  assert.deepEqual(confine({ network: true, read: ['docs', '/srv'], write: ['out'] }).confinement.sandbox, { network: true, read: ['/base/docs', '/srv'], write: ['/base/out'], hidden: ['/base/state'] })
  assert.equal(confine({ sandbox: 'off' }).confinement.sandbox, undefined)
})

test('where this machine cannot, auto goes without and says so, required is refused, off says nothing', () => {
  const auto = confine({}, { here: unable })
  assert.deepEqual([auto.confinement.sandbox, auto.without, auto.problems], [undefined, unable.missing, []])
  assert.deepEqual(confine({ sandbox: 'required' }, { here: unable }).problems, ['sandbox cannot be had: bwrap (bubblewrap) is not installed.'])
  assert.deepEqual(confine({ sandbox: 'off' }, { here: unable }).without, [])
})

test("nothing of Sallyport's own is granted, under whatever name", (t) => {
  const base = mkdtempSync(join(tmpdir(), 'confining-'))
  t.after(() => rmSync(base, { recursive: true, force: true }))
  mkdirSync(join(base, 'state/mcp'), { recursive: true })
  symlinkSync('state', join(base, 'alias'))
  const at = { base, own: [join(base, 'state')] }
  for (const path of ['state', 'state/mcp', 'alias', './alias/mcp']) {
    assert.deepEqual(confine({ read: ['/srv', path] }, at).problems, ["read.1 is Sallyport's own, and no server's."], path)
    assert.deepEqual(confine({ write: [path] }, at).problems, ["write.0 is Sallyport's own, and no server's."], path)
  }
  assert.deepEqual(confine({ read: ['.'] }, at).problems, [])
  assert.match(String(confine({ write: ['.'] }, at).problems), /^write\.0 holds Sallyport's own/)
})

test('what is granted must be there, where it would be bound', (t) => {
  const base = mkdtempSync(join(tmpdir(), 'confining-'))
  t.after(() => rmSync(base, { recursive: true, force: true }))
  mkdirSync(join(base, 'here'))
  assert.deepEqual(confine({ read: ['here'], write: ['here', 'gone'] }, { base }).problems, [`write.1 there is nothing at ${join(base, 'gone')}: make it first.`])
  assert.deepEqual(confine({ read: ['gone'] }, { base, here: unable }).problems, [])
})

test('limits have a default each, and bounds', () => {
  assert.deepEqual(confine({}).confinement.limits, { memoryBytes: 1024 ** 3, processes: 64, files: 1024, fileBytes: 1024 ** 3 })
  assert.deepEqual(confine({ limits: { memory: '256MB', cpu: '500ms' } }).confinement.limits, { memoryBytes: 256 * 1024 ** 2, processes: 64, files: 1024, fileBytes: 1024 ** 3, cpuSeconds: 1 })
  for (const limits of [{ processes: 0 }, { files: 1.5 }, { memory: '1' }, { threads: 2 }]) assert.equal(mcpServersSchema.safeParse({ one: { command: 'x', limits } }).success, false)
  for (const more of [{ sandbox: 'off', read: ['x'] }, { sandbox: 'off', network: true }]) assert.equal(mcpServersSchema.safeParse({ one: { command: 'x', ...more } }).success, false)
  assert.equal(mcpServersSchema.safeParse({ one: { url: 'https://a.example/mcp', sandbox: 'auto' } }).success, false)
})
