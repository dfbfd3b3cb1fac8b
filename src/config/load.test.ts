import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { findConfig, isLoaded, loadConfig, type Loaded } from './load.ts'
import { problemLine, type Problem } from './problem.ts'

let folder = ''
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-config-'))
})
after(() => rmSync(folder, { recursive: true, force: true }))

function load(text: string | Uint8Array): Loaded | readonly Problem[] {
  const file = join(folder, 'sallyport.yaml')
  writeFileSync(file, text)
  return loadConfig(file, {})
}

function wrong(text: string | Uint8Array): readonly string[] {
  const result = load(text)
  assert.ok(!isLoaded(result), 'expected problems')
  return result.map((one) => problemLine({ ...one, file: 'f' }))
}

function right(text: string): Loaded {
  const result = load(text)
  assert.ok(isLoaded(result), JSON.stringify(result))
  return result
}

const openai = 'providers:\n  openai: { kind: openai, credential: "env:K" }\n'

test('an empty file is the defaults, with the practice model', () => {
  const { posture, listen, llm } = right('')
  assert.equal(posture, 'guard')
  assert.deepEqual(listen.data, { host: '127.0.0.1', port: 8080 })
  assert.deepEqual(llm.providers.map((one) => one.kind), ['practice'])
})

test('without a file, providers are those whose credential the environment names', () => {
  const kinds = (env: Record<string, string>): readonly string[] => {
    const result = loadConfig(undefined, env)
    assert.ok(isLoaded(result))
    return result.llm.providers.map((one) => one.kind)
  }
  assert.deepEqual(kinds({}), ['practice'])
  assert.deepEqual(kinds({ OPENAI_API_KEY: '' }), ['practice'])
  assert.deepEqual(kinds({ ANTHROPIC_API_KEY: 'x' }), ['anthropic'])
  assert.deepEqual(kinds({ OPENAI_API_KEY: 'x', ANTHROPIC_API_KEY: 'x', GOOGLE_API_KEY: 'x' }), ['openai', 'anthropic', 'gemini'])
})

test('units are settled and nothing can be changed afterwards', () => {
  const { limits, listen } = right('limits: { body_bytes: 1MB, body_timeout: 2m }\nlisten: { data: "[::1]:0", hosts: [Example.COM] }\n')
  assert.equal(limits.bodyBytes, 1_048_576)
  assert.equal(limits.bodyTimeoutMs, 120_000)
  assert.deepEqual(listen.data, { host: '::1', port: 0 })
  assert.deepEqual(listen.hosts, ['example.com'])
  assert.throws(() => ((limits as { bodyBytes: number }).bodyBytes = 1), TypeError)
})

const cases: readonly (readonly [name: string, text: string, problem: RegExp])[] = [
  ['an unknown key', 'postur: guard\n', /^f:1:1 postur: is not a setting here\. Did you mean "posture"\?$/],
  ['an unknown key deep inside', `${openai}routes:\n  default:\n    stratgy: cost\n    targets: [{ provider: openai, model: x }]\n`, /^f:5:5 routes\.default\.stratgy: is not a setting here\. Did you mean "strategy"\?$/],
  ['a key that resembles none', 'wibble: 1\n', /^f:1:1 wibble: is not a setting here\. Known here: /],
  ['a wrong type', 'limits:\n  header_count: many\n', /^f:2:17 limits\.header_count: expected a number, found "many"\.$/],
  ['a number where text belongs', 'listen: { data: 8080 }\n', /^f:1:17 listen\.data: expected host:port, such as .*, found number 8080\.$/],
  ['a number that quotes would make text', 'mcpServers: { a: { command: x, args: [7] } }\n', /args\[0\]: expected text, found number 7\. Put it in quotes\.$/],
  ['a number without its unit', 'mcpServers: { a: { command: x, timeout: 30 } }\n', /timeout: expected a duration such as .*, found number 30\.$/],
  ['a wrong word', 'posture: gaurd\n', /^f:1:10 posture: expected one of "observe", "guard", "strict", found "gaurd"\. Did you mean "guard"\?$/],
  ['a missing key', `${openai}routes:\n  default: { strategy: cost }\n`, /^f:4:3 routes\.default\.targets: is missing; expected a list\.$/],
  ['a wrong unit', 'limits: { body_bytes: 10 megs }\n', /^f:1:23 limits\.body_bytes: expected a size such as 64KB/],
  ['an address of another kind', 'mcpServers: { a: { url: "ftp://x" } }\n', /^f:1:25 mcpServers\.a\.url: expected an https address, such as/],
  ['an impossible port', 'listen: { data: "127.0.0.1:99999" }\n', /^f:1:17 listen\.data: expected a port/],
  ['one port for both', 'listen: { data: "127.0.0.1:1", admin: "127.0.0.1:1" }\n', /^f:1:39 listen\.admin: must not be the data port/],
  ['an unknown provider', `${openai}routes:\n  default:\n    targets:\n      - provider: opena\n        model: x\n`, /^f:6:19 routes\.default\.targets\[0\]\.provider: .*Did you mean "openai"\?$/],
  ['providers without a route', openai, /no route leads to these providers/],
  ['a duplicate key', 'limits:\n  body_bytes: 1MB\n  body_bytes: 2MB\n', /^f:3:3 limits\.body_bytes: this key stands twice/],
  ['a tab', 'listen:\n\tdata: x\n', /^f:2:1 a tab is used/],
  ['an anchor', 'limits: &a { body_bytes: 1MB }\n', /^f:1:12 limits: anchors/],
  ['an alias bomb', `a: &a [x,x,x,x,x,x,x,x,x]\n${Array.from({ length: 20 }, (_, i) => `b${i}: &b${i} [${Array(9).fill(i === 0 ? '*a' : `*b${i - 1}`).join(',')}]`).join('\n')}\n`, /^f:1:7 a: anchors/],
  ['a tag', 'posture: !!js/function guard\n', /tags \(!name\) are not allowed/],
  ['a key that is no text', '8080: x\n', /^f:1:1 a key must be text/],
  ['a prototype key', '__proto__: { posture: strict }\n', /^f:1:1 "__proto__" is not allowed/],
  ['a list where a map belongs', '- posture\n', /^f:1:1 expected a map of keys, found a list\.$/],
  ['two documents', 'posture: guard\n---\nposture: observe\n', /second document/],
  ['an open quote', 'posture: "guard\n', /^f:2:1 posture: Missing closing/],
]
for (const [name, text, problem] of cases) test(`${name} is refused with its place`, () => assert.match(wrong(text)[0] ?? '', problem))

test('nesting without end, bytes that are no text and files without end are refused', () => {
  assert.match(wrong(`a: ${'['.repeat(100_000)}`)[0] ?? '', /nested too deeply/)
  assert.match(wrong(`a: ${'{b: '.repeat(40)}1${'}'.repeat(40)}`)[0] ?? '', /nested too deeply/)
  assert.match(wrong(Uint8Array.from([0x61, 0x3a, 0x20, 0xff]))[0] ?? '', /not UTF-8/)
  assert.match(wrong('#'.repeat(1024 * 1024 + 1))[0] ?? '', /larger than/)
})

test('every problem is told, in the order of the file', () => {
  assert.deepEqual(wrong('postur: a\nlimits: { body_byte: 1 }\n').map((one) => one.split(' ')[0]), ['f:1:1', 'f:2:11'])
})

test('a credential that was pasted into the settings is not repeated', () => {
  const secret = 'sk-live-abcdefghijklmnopqrstuvwxyz0123456789'
  for (const text of [`providers: { a: { kind: openai, credential: ${secret} } }\nroutes: { default: { targets: [{ provider: a, model: x }] } }\n`, `posture: ${secret}\n`]) {
    assert.doesNotMatch(wrong(text).join(), /abcdefgh/)
  }
})

test('a missing file, and a folder, are problems', () => {
  for (const path of [join(folder, 'gone.yaml'), folder]) assert.ok(!isLoaded(loadConfig(path, {})))
})

test('the file is found by variable, then in the working directory', () => {
  writeFileSync(join(folder, 'sallyport.yaml'), '')
  assert.equal(findConfig(folder, {}), join(folder, 'sallyport.yaml'))
  assert.equal(findConfig(folder, { SALLYPORT_CONFIG: 'other.yaml' }), join(folder, 'other.yaml'))
  assert.equal(findConfig(tmpdir(), {}), undefined)
})
