import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commands } from './commands.ts'
import { ran } from './run.fixture.ts'

test('every command explains itself, in one shape', async () => {
  for (const { name, summary, options } of commands) {
    const { code, out, err } = await ran([...name.split(' '), '--help'])
    assert.equal(code, 0)
    assert.equal(err, '')
    assert.ok(out.startsWith(`Usage: sallyport ${name}`), name)
    assert.ok(out.includes(summary), name)
    for (const option of options) assert.ok(out.includes(`--${option.name}`), `${name} --${option.name}`)
    assert.match(out, /--json .*\n.*--help/)
  }
})

test('help of the whole lists every command', async () => {
  const { code, out } = await ran(['--help'])
  assert.equal(code, 0)
  for (const { name } of commands) assert.ok(out.includes(`\n  ${name} `), name)
  assert.equal((await ran(['help', 'keys', 'create'])).out.split('\n')[0], 'Usage: sallyport keys create --name NAME [options]')
})

const wrong: readonly (readonly [argv: readonly string[], says: RegExp])[] = [
  [[], /Usage: sallyport COMMAND/],
  [['chek'], /there is no command "chek"; did you mean "check"\?/],
  [['keys', 'crate'], /did you mean "keys create"\?/],
  [['keys'], /keys has these commands:\n {2}sallyport keys create/],
  [['version', '--jsno'], /there is no option --jsno; did you mean --json\?\nSee: sallyport version --help/],
  [['version', 'now'], /unexpected argument "now"/],
  [['keys', 'create'], /--name is missing/],
  [['keys', 'create', '--name'], /name/],
  [['keys', 'create', '--name', 'x', '--expires', 'soon'], /duration such as 12h or 30d, not "soon"/],
  [['keys', 'create', '--name', 'x', '--tenant', 'a|b'], /tenant/],
  [['keys', 'revoke'], /ID is missing/],
  [['keys', 'revoke', 'a', 'b'], /one ID is expected, got 2/],
  [['audit', 'tail', '--lines', 'many'], /whole number from 1/],
  [['audit', 'export', '--from', '-1'], /./],
  [['audit', 'erase', 'default/key:x'], /add --yes/],
  [['audit', 'erase', 'nobody', '--yes'], /tenant\/caller/],
  [['audit', 'hold', 'default/x', '--reason', 'r', '--until', '1999-01-01'], /in the future/],
  [['audit', 'hold', 'default/x'], /--reason is missing/],
]
for (const [argv, says] of wrong) {
  test(`sallyport ${argv.join(' ')} is wrong usage and says why`, async () => {
    const { code, out, err } = await ran(argv)
    assert.equal(code, 2)
    assert.equal(out, '')
    assert.match(err, says)
  })
}

test('version', async () => {
  assert.match((await ran(['version'])).out, /^sallyport \d+\.\d+\.\d+ \(Node \d+/)
  assert.deepEqual(Object.keys(JSON.parse((await ran(['version', '--json'])).out) as object), ['version', 'node', 'platform'])
  assert.match((await ran(['--version'])).out, /^sallyport /)
})

test('a state folder in the working directory is refused', async () => {
  const { code, err } = await ran(['keys', 'list'], { env: { SALLYPORT_HOME: 'here' } })
  assert.equal(code, 3)
  assert.match(err, /absolute/)
})
