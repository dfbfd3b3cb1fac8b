import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { ran, type Ran, type Setting } from './run.fixture.ts'

// The commands that work on a state folder without a running instance, on real stores.

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-cli-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function at(line: string, setting: Setting = {}): Promise<Ran> {
  return ran(line.split(' '), { env: { SALLYPORT_HOME: join(folder, 'state'), USER: 'ann' }, cwd: folder, ...setting })
}

interface Key {
  readonly id: string
  readonly key: string
  readonly state: string
}

async function created(line = 'keys create --name me --json'): Promise<Key> {
  const { code, out, err } = await at(line)
  assert.equal(code, 0, err)
  return JSON.parse(out) as Key
}

test('a key is shown once, alone on stdout, and listed without itself', async () => {
  const { code, out, err } = await at('keys create --name me --model gpt-* --expires 30d')
  assert.equal(code, 0)
  assert.match(out, /^sp_\w+\n$/)
  assert.match(err, /shown this once/)
  const listed = await at('keys list')
  assert.match(listed.out, /me +default +active .* models gpt-\*/)
  assert.ok(!listed.out.includes(out.trim()))
  assert.ok(!readFileSync(join(folder, 'state', 'state.db'), 'latin1').includes(out.trim()))
})

test('a revoked key is listed as such, and cannot be revoked again', async () => {
  const { id } = await created()
  assert.equal((await at(`keys revoke ${id}`)).code, 0)
  assert.match((await at('keys list')).out, /revoked/)
  const again = await at(`keys revoke ${id}`)
  assert.equal(again.code, 3)
  assert.match(again.err, /revoked before/)
})

test('a key given in place of its ID is refused without being repeated', async () => {
  const { key } = await created()
  const { code, err } = await at(`keys revoke ${key}`)
  assert.equal(code, 3)
  assert.ok(!err.includes(key))
})

test('keys of one tenant are listed alone', async () => {
  await created('keys create --name a --tenant north --json')
  await created('keys create --name b --tenant south --json')
  const { out } = await at('keys list --tenant south --json')
  assert.deepEqual((JSON.parse(out) as { name: string }[]).map((one) => one.name), ['b'])
})

test('what operators do is in the log, with who did it; the log verifies and exports', async () => {
  const { id } = await created()
  await at(`keys revoke ${id}`)
  const tail = await at('audit tail')
  assert.deepEqual(tail.out.trimEnd().split('\n').map((line) => /act +(.*)$/.exec(line)?.[1]), [`key.create by cli:ann: key=${id} name=me`, `key.revoke by cli:ann: key=${id}`])
  const verified = await at('audit verify')
  assert.equal(verified.code, 0)
  assert.match(verified.out, /^The log is intact: 2 records/)
  const lines = (await at('audit export')).out.trimEnd().split('\n').map((line) => JSON.parse(line) as { index: number; record: { act: string } })
  assert.deepEqual(lines.map((one) => [one.index, one.record.act]), [[0, 'key.create'], [1, 'key.revoke']])
  assert.equal((await at('audit export --from 1')).out.split('\n').length, 2)
  assert.equal((await at('audit tail --lines 1')).out.split('\n').length, 2)
})

test('a record can be proved, and the proof checked; a changed proof does not hold', async () => {
  await created()
  const proof = await at('audit prove 0')
  assert.equal(proof.code, 0)
  writeFileSync(join(folder, 'proof.json'), proof.out)
  assert.deepEqual(await at('audit prove --check proof.json'), { code: 0, out: 'record 0: is in the tree, root signed by the log\n', err: '' })
  writeFileSync(join(folder, 'proof.json'), proof.out.replace('key.create', 'key.revoke'))
  assert.equal((await at('audit prove --check proof.json')).code, 1)
  writeFileSync(join(folder, 'proof.json'), '{}')
  assert.equal((await at('audit prove --check proof.json')).code, 2)
  assert.equal((await at('audit prove 99')).code, 1)
})

test('a log that was changed does not verify, and the exit code says so', async () => {
  await created()
  const { DatabaseSync } = await import('node:sqlite')
  const db = new DatabaseSync(join(folder, 'state', 'state.db'))
  const tables = db.prepare("select name from sqlite_master where type = 'table'").all().map((row) => String(row['name']))
  const log = tables.find((name) => db.prepare(`select * from "${name}" limit 1`).columns().some((column) => column.name === 'record'))
  assert.ok(log !== undefined)
  db.exec(`update "${log}" set record = cast(replace(cast(record as text), '"me"', '"mf"') as blob)`)
  db.close()
  const { code, out } = await at('audit verify')
  assert.equal(code, 1)
  assert.match(out, /^The log is NOT intact/)
})

test('erasing wants a yes, a legal hold forbids it, and lifting the hold permits it', async () => {
  await created()
  assert.equal((await at('audit hold default/key:x --reason trial')).code, 0)
  const held = await at('audit erase default/key:x --yes')
  assert.equal(held.code, 1)
  assert.match(held.err, /legal hold.*trial/)
  assert.equal((await at('audit hold default/key:x --reason over --lift')).code, 0)
  assert.match((await at('audit erase default/key:x --yes')).out, /^Erased/)
  assert.equal((await at('audit verify')).code, 0)
})

test('without any state, commands that read say what to do', async () => {
  for (const line of ['audit verify', 'audit tail', 'keys list']) {
    const { code, err } = await at(line)
    assert.equal(code, 3)
    assert.match(err, /no state .* sallyport up/)
  }
})

test('an unknown exchange is a no, not a failure', async () => {
  await created()
  assert.equal((await at('audit show 0192-none')).code, 1)
})

test('check says what is wrong and where, as text and as JSON', async () => {
  writeFileSync(join(folder, 'sallyport.yaml'), 'postur: guard\n')
  const text = await at('check')
  assert.equal(text.code, 1)
  assert.match(text.out, /sallyport\.yaml:1:1 postur: .* Did you mean "posture"\?\nOne thing is wrong\.\n$/)
  const json = JSON.parse((await at('check --json')).out) as { ok: boolean; problems: { line: number; path: string }[] }
  assert.equal(json.ok, false)
  assert.deepEqual(json.problems.map(({ line, path }) => [line, path]), [[1, 'postur']])
  assert.equal((await at('keys create --name x')).code, 3)
  writeFileSync(join(folder, 'sallyport.yaml'), 'posture: guard\n')
  assert.equal((await at('check')).code, 0)
  assert.equal((await at('check --config gone.yaml')).code, 1)
})

test('check finds credentials that are not there, and policies that are wrong', async () => {
  writeFileSync(join(folder, 'sallyport.yaml'), 'providers:\n  a: { kind: openai, credential: "env:MINE" }\nroutes: { default: { targets: [{ provider: a, model: x }] } }\npolicy: { folders: [./rules] }\n')
  mkdirSync(join(folder, 'rules'))
  writeFileSync(join(folder, 'rules', 'a.cedar'), '@id("a")\npermit (principal, action, resource)\nwhen { context.rout == "x" };\n')
  const { code, out } = await at('check')
  assert.equal(code, 1)
  assert.match(out, /sallyport\.yaml:2:34 providers\.a\.credential: the environment variable MINE is not set\./)
  assert.match(out, /a\.cedar:3:8 .*rout.*did you mean `route`/)
  assert.match(out, /2 things are wrong/)
  writeFileSync(join(folder, 'rules', 'a.cedar'), '@id("a")\npermit (principal, action, resource);\n')
  assert.equal((await at('check', { env: { MINE: 'x' } })).code, 0)
  assert.equal((await at('check --without-credentials')).code, 0)
  rmSync(join(folder, 'rules'), { recursive: true })
  assert.match((await at('check --without-credentials')).out, /sallyport\.yaml:4:20 policy\.folders: /)
})
