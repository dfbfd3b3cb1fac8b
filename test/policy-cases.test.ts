import assert from 'node:assert/strict'
import { globSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { runCase } from '../src/cli/policy/case.ts'
import { BadFile, readCases } from '../src/cli/policy/cases.ts'
import { ran } from '../src/cli/run.fixture.ts'
import { startHouse } from './house.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

for (const file of globSync('cases/policy/*.{yaml,json}', { cwd: root }).sort()) {
  const { book, cases } = await readCases(join(root, file), {})
  for (const one of cases) {
    test(`${file}: ${one.name}`, () => {
      const { ok, wrong, why } = runCase(one, book)
      assert.ok(ok, [...wrong, ...why].join('\n'))
    })
  }
}

test('every starter has eight cases or more, of which some are permitted and some are not', async () => {
  const starters = readdirSync(join(root, 'policy/starters')).map((name) => basename(name, '.cedar'))
  assert.ok(starters.length > 0)
  for (const name of starters) {
    const { cases } = await readCases(join(root, 'cases/policy', `${name}.yaml`), {})
    assert.ok(cases.length >= 8, name)
    const verdicts = new Set(cases.map((one) => one.expect.verdict))
    assert.ok(verdicts.has('allow') && verdicts.size > 1, name)
  }
})

let folder = ''
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-cases-'))
})
after(() => rmSync(folder, { recursive: true, force: true }))

const ask = 'action: tool.propose\n    resource: { type: Tool, id: x }'
const malformed: readonly (readonly [what: string, text: string, says: RegExp])[] = [
  ['no YAML at all', 'cases: [', /bad\.yaml:\d+:\d+/],
  ['nothing', '', /bad\.yaml:1:1 cases: is missing/],
  ['no cases', 'policies: [shipped]\ncases: []\n', /bad\.yaml:2:8 cases: expected at least 1/],
  ['no policies', `cases:\n  - name: a\n    ${ask}\n    expect: { verdict: allow }\n`, /which policies\?/],
  ['a key twice', 'policies: [shipped]\npolicies: [shipped]\ncases: []\n', /bad\.yaml:2:1 .*twice/],
  ['a key that is none', `policies: [shipped]\ncases:\n  - name: a\n    ${ask}\n    expects: { verdict: allow }\n`, /bad\.yaml:6:5 cases\[0\]\.expects: is no key here\. Did you mean "expect"\?/],
  ['a verdict that is none', `policies: [shipped]\ncases:\n  - name: a\n    ${ask}\n    expect: { verdict: permit }\n`, /bad\.yaml:6:24 cases\[0\]\.expect\.verdict: expected one of "allow", "hold", "deny"/],
  ['an action that is none', 'policies: [shipped]\ncases:\n  - name: a\n    action: tool.proppose\n    resource: { type: Tool, id: x }\n    expect: { verdict: allow }\n', /bad\.yaml:4:13 cases\[0\]\.action: .* Did you mean "tool\.propose"\?/],
  ['a resource that the action is not about', 'policies: [shipped]\ncases:\n  - name: a\n    action: tool.propose\n    resource: { type: Model, id: x }\n    expect: { verdict: allow }\n', /cases\[0\]\.resource\.type: tool\.propose is asked about Tool, not about "Model"/],
  ['an attribute that policies cannot read', 'policies: [shipped]\ncases:\n  - name: a\n    action: tool.propose\n    resource: { type: Tool, id: x, attributes: { sensitivty: 2 } }\n    expect: { verdict: allow }\n', /bad\.yaml:5:\d+ cases\[0\]\.resource\.attributes\.sensitivty: .* Did you mean "sensitivity"\?/],
  ['context that policies cannot read', `policies: [shipped]\ncases:\n  - name: a\n    ${ask}\n    context: { labels: { untrustd: true } }\n    expect: { verdict: allow }\n`, /cases\[0\]\.context\.labels\.untrustd: .* Did you mean "untrusted"\?/],
  ['context of another type', `policies: [shipped]\ncases:\n  - name: a\n    ${ask}\n    context: { score: 0.9 }\n    expect: { verdict: allow }\n`, /cases\[0\]\.context\.score: expected a whole number/],
  ['what is worked out', `policies: [shipped]\ncases:\n  - name: a\n    ${ask}\n    context: { in_scope: true }\n    expect: { verdict: allow }\n`, /worked out from principal\.scope/],
  ['a policy that does not exist', `policies: [shipped]\ncases:\n  - name: a\n    ${ask}\n    expect: { verdict: allow, policies: [base.tools] }\n`, /cases\[0\]\.expect\.policies\[0\]: no policy here has the id "base\.tools"/],
  ['two cases of one name', `policies: [shipped]\ncases:\n  - name: a\n    ${ask}\n    expect: { verdict: allow }\n  - name: a\n    ${ask}\n    expect: { verdict: allow }\n`, /cases\[1\]\.name: "a" is the name of another case/],
  ['a starter that does not exist', `policies: ["starter:rule-of-three"]\ncases:\n  - name: a\n    ${ask}\n    expect: { verdict: allow }\n`, /starter:rule-of-three there is no such starter/],
  ['a folder that does not exist', `policies: [nowhere]\ncases:\n  - name: a\n    ${ask}\n    expect: { verdict: allow }\n`, /nowhere there is no such file or folder/],
  ['policies that do not load', `policies: [broken.cedar]\ncases:\n  - name: a\n    ${ask}\n    expect: { verdict: allow }\n`, /broken\.cedar:2:\d+/],
  ['a tool that is described wrongly', `policies: [shipped]\nsettings: { tools: { x: { class: write } } }\ncases:\n  - name: a\n    ${ask}\n    expect: { verdict: allow }\n`, /bad\.yaml:2:\d+ settings\.tools\.x\.class: expected one of/],
  ['settings and a settings file', `config: sallyport.yaml\npolicies: [shipped]\ncases:\n  - name: a\n    ${ask}\n    expect: { verdict: allow }\n`, /leave out policies and settings/],
  ['a settings file that is wrong', `config: wrong-settings.yaml\ncases:\n  - name: a\n    ${ask}\n    expect: { verdict: allow }\n`, /wrong-settings\.yaml:1:1/],
]

for (const [what, text, says] of malformed) {
  test(`a file of cases with ${what} says where and what`, async () => {
    writeFileSync(join(folder, 'broken.cedar'), '@id("a")\npermit (principal, action, resource) when { context.nothing };\n')
    writeFileSync(join(folder, 'wrong-settings.yaml'), 'postur: guard\n')
    writeFileSync(join(folder, 'bad.yaml'), text)
    await assert.rejects(readCases(join(folder, 'bad.yaml'), {}), BadFile)
    const { code, out } = await ran(['policy', 'test', 'bad.yaml'], { cwd: folder })
    assert.equal(code, 1, out)
    assert.match(out, says)
    assert.match(out, /0 of 0 cases passed, 1 file could not be read \(1 file\)\.\n$/)
  })
}

const own = `@id("all") permit (principal, action, resource);
@id("no-wires") @message("No wires.") forbid (principal, action == Action::"tool.propose", resource is Tool) when { resource.id == "wire" && context.parameters has amount && context.parameters.amount > 10 };
`

test('a case that fails shows what was expected, what came and why', async () => {
  writeFileSync(join(folder, 'own.cedar'), own)
  writeFileSync(
    join(folder, 'wires.json'),
    JSON.stringify({
      policies: ['own.cedar'],
      settings: { tools: { wire: { class: 'money', parameters: { amount: 'Long' } } } },
      cases: [
        { name: 'much', action: 'tool.propose', resource: { type: 'Tool', id: 'wire' }, context: { parameters: { amount: 11 } }, expect: { verdict: 'deny', policies: ['no-wires'], message: 'No wires.' } },
        { name: 'little', action: 'tool.propose', resource: { type: 'Tool', id: 'wire' }, context: { parameters: { amount: 10 } }, expect: { verdict: 'deny', policies: ['no-wires'] } },
        { name: 'words', action: 'tool.propose', resource: { type: 'Tool', id: 'wire' }, context: { parameters: { amount: 12 } }, expect: { verdict: 'deny', message: 'Never.' } },
      ],
    }),
  )
  const { code, out } = await ran(['policy', 'test', '.'], { cwd: folder })
  assert.equal(code, 1)
  assert.match(out, /wires\.json:1 little\n {2}expected verdict deny, got allow\n {2}expected policies no-wires, got all\n {2}decided by all \(own\.cedar:1\)\n/)
  assert.match(out, /no-wires \(forbid\) did not apply: when \{ context\.parameters\.amount > 10 \} is false; context\.parameters\.amount = 10/)
  assert.match(out, /words\n {2}expected message "Never\.", got "No wires\."/)
  assert.match(out, /no-wires read .*context\.parameters\.amount = 12/)
  assert.match(out, /1 of 3 cases passed/)
  const json = JSON.parse((await ran(['policy', 'test', 'wires.json', '--json'], { cwd: folder })).out) as { ok: boolean; passed: number; failed: number; files: { cases: { name: string; ok: boolean }[] }[] }
  assert.deepEqual([json.ok, json.passed, json.failed], [false, 1, 2])
  assert.deepEqual(json.files[0]?.cases.map((one) => one.ok), [true, false, false])
})

test('cases can be about the policies of a settings file', async () => {
  writeFileSync(join(folder, 'own.cedar'), own)
  writeFileSync(join(folder, 'sallyport.yaml'), 'policy: { folders: [own.cedar] }\ntools: { wire: { class: money, parameters: { amount: Long } } }\n')
  writeFileSync(join(folder, 'configured.yaml'), `config: sallyport.yaml\ncases:\n  - name: much\n    action: tool.propose\n    resource: { type: Tool, id: wire }\n    context: { parameters: { amount: 11 } }\n    expect: { verdict: deny }\n`)
  const { code, out } = await ran(['policy', 'test', 'configured.yaml'], { cwd: folder })
  assert.equal(code, 0, out)
  assert.equal(out, '1 of 1 case passed (1 file).\n')
})

test('nothing to test is wrong usage', async () => {
  assert.equal((await ran(['policy', 'test'], { cwd: tmpdir() })).code, 2)
  assert.match((await ran(['policy', 'test', 'nowhere'], { cwd: folder })).err, /nowhere: there is no such file or folder/)
})

/** An example as its house would run it, in front of the simulated provider. */
function exampleHouse(name: string): ReturnType<typeof startHouse> {
  return startHouse({
    config({ practiceUrl }) {
      const text = readFileSync(join(root, 'examples', `${name}.yaml`), 'utf8').replaceAll('../policy', join(root, 'policy'))
      return text.replace(/openai: \{.*\}/, `openai: { kind: openai, baseUrl: "${practiceUrl}/v1", credential: env:PRACTICE_KEY }`)
    },
  })
}

const tool = (name: string): object => ({ type: 'function', function: { name, parameters: { type: 'object' } } })

test('in a running house, who used a tool of staging does not go on into production', async () => {
  const house = await exampleHouse('segmentation')
  try {
    const call = async (name: string, args: string, key: string): Promise<number> => {
      const reply = await house.chat(`use the tool ${name} with ${args}`, { tools: [tool(name)] }, key)
      await reply.text()
      return reply.status
    }
    const [ann, ben] = [await house.newKey({ name: 'ann', roles: ['releaser', 'developer'] }), await house.newKey({ name: 'ben', roles: ['releaser'] })]
    assert.equal(await call('refund', '{"amount":5}', ann), 200)
    assert.equal(await call('get_ticket', '{"id":"1"}', ann), 200)
    assert.equal(await call('refund', '{"amount":6}', ann), 403)
    assert.equal(await call('refund', '{"amount":6}', ben), 200, 'it is her past, not his')
    assert.equal(await call('get_ticket', '{"id":"2"}', ben), 403, 'a tool of other roles was not used: it leaves no past')
    assert.equal(await call('refund', '{"amount":7}', ben), 200)
  } finally {
    await house.stop()
  }
})

test('in a running house, nothing leaves after a tool said something, and the receipt says which policy kept it', async () => {
  const house = await exampleHouse('containment')
  try {
    const mail = 'use the tool send_mail with {"to":"ann@example.com"}'
    const clean = await house.chat(mail, { tools: [tool('send_mail')] })
    assert.equal(clean.status, 200, await clean.text())
    const messages = [
      { role: 'user', content: 'Read the page.' },
      { role: 'assistant', content: null, tool_calls: [{ id: 'c1', type: 'function', function: { name: 'read_page', arguments: '{}' } }] },
      { role: 'tool', tool_call_id: 'c1', content: 'A page about gardens.' },
      { role: 'assistant', content: 'It is about gardens.' },
      { role: 'user', content: mail },
    ]
    const after = await house.chat('', { messages, tools: [tool('send_mail')] })
    assert.equal(after.status, 403)
    assert.match(await after.text(), /it may not act outside/)
    const { out } = await ran(['policy', 'replay', '--policies', 'shipped', '--json'], { cwd: house.folder, env: { SALLYPORT_HOME: house.state } })
    const { changes } = JSON.parse(out) as { changes: { then: string; now: string; resource: string }[] }
    assert.deepEqual(changes.map(({ then, now, resource }) => [then, now, resource]), [['deny', 'allow', 'Tool::send_mail']])
  } finally {
    await house.stop()
  }
})
