import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { ProgramSpec } from '../../contract/program.ts'
import { confinementHere } from './confine.ts'
import { fileOf } from './entry.ts'
import { fetchingOf } from './fetch.ts'
import { npxFolder, packageOf } from './package.ts'
import { startProgram } from './program.ts'

const here = confinementHere()
const LIMITS = { memoryBytes: 1024 ** 3, processes: 64, files: 1024, fileBytes: 1024 ** 3 }
const HOSTILE = `#!/usr/bin/env node
const { writeFileSync } = require('node:fs')
const attempt = (work) => { try { work(); return 'done' } catch (error) { return error.code } }
require('node:net').connect(Number(process.argv[2]), '127.0.0.1').on('connect', () => tell('connected')).on('error', (error) => tell(error.code))
const tell = (network) => console.log(JSON.stringify([network, attempt(() => writeFileSync(__filename, '')), process.env.TOKEN]))
`

test('what npx runs without network is fetched before, without its secrets or its scripts, and cannot change itself', { skip: here.bwrap === undefined ? here.missing.join('; ') : false }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'fetch-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  mkdirSync(join(folder, 'package'))
  const about = { name: 'a-server', version: '1.2.3', bin: { 'a-server': 'run.js' }, scripts: { postinstall: 'touch ran' } }
  writeFileSync(join(folder, 'package/package.json'), JSON.stringify(about))
  writeFileSync(join(folder, 'package/run.js'), HOSTILE)
  const tarball = execFileSync('tar', ['-czf', '-', '-C', folder, 'package'])
  const integrity = `sha512-${createHash('sha512').update(tarball).digest('base64')}`
  let asked = 0
  const registry = createServer((request, response) => {
    const at = `http://127.0.0.1:${(registry.address() as AddressInfo).port}`
    if (request.url === '/a-server') {
      asked++
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify({ name: 'a-server', 'dist-tags': { latest: '1.2.3' }, versions: { '1.2.3': { ...about, hasInstallScript: true, dist: { tarball: `${at}/a-server.tgz`, integrity } } } }))
    } else if (request.url === '/a-server.tgz') response.end(tarball)
    else response.writeHead(404).end('{}')
  })
  await new Promise<void>((resolve) => registry.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    registry.closeAllConnections()
    registry.close()
  })
  const { port } = registry.address() as AddressInfo
  const home = join(folder, 'state/mcp/one')
  const spec: ProgramSpec = {
    command: 'npx',
    args: ['-y', 'a-server@1.2.3', String(port)],
    env: { PATH: process.env['PATH'] ?? '', HOME: home, npm_config_registry: `http://127.0.0.1:${port}/`, TOKEN: 'secret' },
    cwd: home,
    home,
    lineBytes: 1024 * 1024,
    confinement: { limits: LIMITS, sandbox: { network: false, read: [], write: [], hidden: [join(folder, 'state')] } },
  }
  if (fileOf(spec) === undefined) return t.skip('there is no npx')
  const run = (): Promise<string> =>
    new Promise((resolve) => {
      const said: string[] = []
      startProgram(spec, { line: (bytes) => void said.push(Buffer.from(bytes).toString()), oversized: () => undefined, said: () => undefined, ended: (why) => resolve(said.join('\n') || why) })
    })
  const first = await fetchingOf(spec)?.first()
  assert.deepEqual([first?.env['TOKEN'], first?.confinement?.sandbox?.network], [undefined, true])
  assert.deepEqual(await packageOf(spec), { name: 'a-server', version: '1.2.3', floating: false })
  assert.match(await run(), /^\["(?:ECONNREFUSED|ENETUNREACH)","EROFS","secret"\]$/)
  const root = npxFolder(spec, ['a-server@1.2.3'])
  assert.equal(existsSync(join(root, 'node_modules/a-server/ran')), false)
  assert.equal(readFileSync(join(root, 'node_modules/a-server/run.js'), 'utf8'), HOSTILE)
  const facts = await packageOf(spec)
  assert.deepEqual([facts.version, facts.integrity], ['1.2.3', integrity])
  // A second time, nobody is asked.
  const before = asked
  assert.match(await run(), /^\["E/)
  assert.deepEqual([await fetchingOf(spec)?.first(), asked], [undefined, before])
})

test('what cannot be fetched says so, and nothing is left running', { skip: here.bwrap === undefined ? here.missing.join('; ') : false }, async (t) => {
  const home = mkdtempSync(join(tmpdir(), 'fetch-'))
  t.after(() => rmSync(home, { recursive: true, force: true }))
  const env = { PATH: process.env['PATH'] ?? '', HOME: home, npm_config_registry: 'http://127.0.0.1:9/', npm_config_fetch_retries: '0' }
  const why = await new Promise<string>((resolve) => {
    startProgram({ command: 'npx', args: ['-y', 'a-server@1.2.3'], env, cwd: home, home, lineBytes: 1024, confinement: { limits: LIMITS, sandbox: { network: false, read: [], write: [], hidden: [] } } }, { line: () => undefined, oversized: () => undefined, said: () => undefined, ended: resolve })
  })
  assert.equal(why, 'what it runs could not be fetched')
})
