import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { ran, type Ran } from '../run.fixture.ts'

// Reviewers of a state folder without a running instance, on real stores.

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-cli-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const at = (...argv: readonly string[]): Promise<Ran> => ran(argv, { env: { SALLYPORT_HOME: join(folder, 'state'), USER: 'ann' }, cwd: folder })

test('a reviewer is made, listed apart from keys, and revoked; each leaves a record, and the key stands nowhere', async () => {
  const made = await at('reviewers', 'create', '--name', 'Alice A.', '--identity', 'alice@example.com', '--group', 'finance', '--group', 'ops', '--right', 'author', '--expires', '30d', '--json')
  assert.equal(made.code, 0, made.err)
  const { key, id } = JSON.parse(made.out) as { key: string; id: string }
  assert.match(key, /^spr_/)
  await at('keys', 'create', '--name', 'bot')
  const listed = await at('reviewers', 'list')
  assert.match(listed.out, /Alice A\. +alice@example\.com +default +active +finance ops +author/)
  assert.ok(!listed.out.includes('bot') && !(await at('keys', 'list')).out.includes('Alice'))
  assert.ok(!(listed.out + readFileSync(join(folder, 'state', 'state.db'), 'latin1')).includes(key))
  assert.equal((await at('keys', 'revoke', id)).code, 3, 'it is no key of an agent')
  assert.match((await at('reviewers', 'list')).out, /active/)
  assert.equal((await at('reviewers', 'revoke', id)).code, 0)
  assert.match((await at('reviewers', 'list')).out, /revoked/)
  assert.match((await at('reviewers', 'revoke', id)).err, /revoked before/)
  assert.match((await at('audit', 'tail')).out, /reviewer\.create by cli:ann: name=Alice A\. reviewer=\S+[^]*reviewer\.revoke by cli:ann/)
})

test('the key alone goes to stdout', async () => {
  const { out, err } = await at('reviewers', 'create', '--name', 'Alice')
  assert.match(out, /^spr_\w+\n$/)
  assert.match(err, /shown this once/)
})

test('what makes no sense makes no reviewer', async () => {
  for (const argv of [[], ['--name', 'a', '--right', 'root'], ['--name', 'a', '--expires', 'soon'], ['--name', 'a', '--group', 'a b'], ['--name', 'a\u202e']]) assert.equal((await at('reviewers', 'create', ...argv)).code, 2, argv.join(' '))
  const { key } = JSON.parse((await at('reviewers', 'create', '--name', 'Alice', '--json')).out) as { key: string }
  const mistaken = await at('reviewers', 'revoke', key)
  assert.deepEqual([mistaken.code, mistaken.err.includes(key)], [3, false])
})
