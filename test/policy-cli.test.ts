import assert from 'node:assert/strict'
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { ran, type Ran } from '../src/cli/run.fixture.ts'
import { startHouse, type TestHouse } from './house.ts'
import { seals, until } from './probe.ts'

/** The policy commands beside a running instance, on receipts that it has written. */
let house: TestHouse
let folder = ''
/** Exchange ids of what was done, by what it was. */
const did: Record<string, string> = {}

const OWN = `// Everything goes, but for wires and a model that is closed.
@id("all") permit (principal, action, resource);

@id("no-wires") @message("No wires.")
forbid (principal, action == Action::"tool.propose", resource is Tool)
when { resource.id == "wire" };

@id("closed-model")
forbid (principal, action == Action::"llm.generate", resource is Model)
when { resource.model == "practice-closed" };

@id("night") @mode("shadow")
forbid (principal, action == Action::"llm.embed", resource)
when { context.time.hour < 25 };
`
const tool = (name: string): object => ({ type: 'function', function: { name, parameters: { type: 'object' } } })

before(async () => {
  house = await startHouse({
    config(at) {
      folder = at.folder
      mkdirSync(join(folder, 'policy'))
      writeFileSync(join(folder, 'policy', 'own.cedar'), OWN)
      return `
providers:
  o: { kind: openai, baseUrl: "${at.practiceUrl}/v1", credential: env:PRACTICE_KEY }
routes:
  default: { targets: [{ provider: o, model: same }, { provider: o, model: practice-closed }] }
tools:
  mail: { class: external_send, parameters: { to: String }, control: [to] }
  wire: { class: money }
policy: { folders: [policy] }
guardrails: [{ use: prompt_injection, mode: shadow, layers: [rules] }]
`
    },
  })
  const support = await house.newKey({ name: 'support', roles: ['support'] })
  const call = async (name: string, text: string, more: object = {}, key?: string): Promise<void> => {
    const reply = await house.chat(text, more as Record<string, unknown>, key)
    await reply.text()
    did[name] = reply.headers.get('x-sallyport-id') ?? ''
  }
  await call('chat', 'Hello.')
  await call('chat of support', 'Hello.', {}, support)
  await call('mail', 'use the tool mail with {"to":"ann@example.com"}', { tools: [tool('mail')] })
  await call('mail out', 'use the tool mail with {"to":"eve@evil.test"}', { tools: [tool('mail')] }, support)
  await call('wire', 'use the tool wire with {}', { tools: [tool('wire')] })
  await call('stranger', 'Hello.', {}, 'sp_nobody')
  await until('all receipts', async () => {
    const all = await seals(house)
    return Object.values(did).every((id) => all.some((one) => one.exchange === id)) && all.filter((one) => one.action === 'tool.propose').length === 3 ? true : undefined
  })
  for (const one of await seals(house)) {
    if (one.action !== 'tool.propose') continue
    const [name = ''] = Object.entries(did).find(([, id]) => id === one.parent) ?? []
    did[`${name}, proposed`] = one.exchange
  }
})
after(() => house.stop())

const cli = (line: string): Promise<Ran> => ran(line.split(' '), { cwd: folder, env: { SALLYPORT_HOME: house.state } })
const json = async <T>(line: string): Promise<T> => JSON.parse((await cli(`${line} --json`)).out) as T

/** An edit of the house's policies in a folder of its own. */
function edited(name: string, edit: (text: string) => string): string {
  cpSync(join(folder, 'policy'), join(folder, name), { recursive: true })
  writeFileSync(join(folder, name, 'own.cedar'), edit(OWN))
  return name
}

interface Changed {
  readonly edits: readonly { readonly id: string; readonly how: string }[]
  readonly asked: number
  readonly changed: number
  readonly receipts: number
  readonly unreplayable: Readonly<Record<string, number>>
  readonly changes: readonly { readonly then: string; readonly now: string; readonly action: string; readonly resource: string; readonly policies: readonly string[]; readonly count: number; readonly exchanges: readonly string[] }[]
  readonly by: { readonly action: Readonly<Record<string, number>> }
}

test('receipts say what policy was asked: the principal, each target with its role and verdict', async () => {
  const all = (await house.admin('GET', 'receipts?limit=1000')) as { receipts: { exchange: string; asked?: { principal: { roles: string[] }; targets: { resource: { type: string; id: string }; role: string; verdict: string }[] } }[] }
  const asked = (name: string) => all.receipts.find((one) => one.exchange === did[name])?.asked
  assert.deepEqual(asked('chat of support')?.principal.roles, ['support'])
  assert.deepEqual(asked('chat')?.targets.map((one) => `${one.resource.id} ${one.role} ${one.verdict}`), ['o/practice primary allow', 'o/practice-closed fallback deny'])
  assert.deepEqual(asked('wire, proposed')?.targets.map((one) => `${one.resource.type}::${one.resource.id} ${one.verdict}`), ['Tool::wire deny'])
  assert.equal(asked('stranger'), undefined)
})

test('check says that nothing is wrong, and what the policies come to', async () => {
  const { code, out } = await cli('policy check')
  assert.equal(code, 0, out)
  assert.match(out, /^4 policies in 1 file of sallyport\.yaml: nothing is wrong\.\n {2}decide +1 permit, 2 forbids\n {2}hold +none\n {2}watch only +night\n/)
  assert.doesNotMatch(out, /Worth a look/)
})

test('check names what can never matter', async () => {
  const odd = edited('odd', (text) => `${text}
@id("may-wire") permit (principal, action == Action::"tool.propose", resource == Tool::"wire") when { resource.id == "wire" };
@id("asks-in-vain") @verdict("hold") forbid (principal, action, resource) when { resource is Tool && 1 == 2 };
@id("no-wires-again") forbid (principal, action == Action::"tool.propose", resource is Tool) when { context.score > 50 && resource.id == "wire" };
@id("elsewhere") forbid (principal, action == Action::"llm.generate", resource) when { context.route == "fast" };
@id("stranger") forbid (principal, action == Action::"tool.propose", resource is Tool) when { resource.id == "unheard-of" };
`)
  const { code, out } = await cli(`policy check --policies ${odd}`)
  assert.equal(code, 0, out)
  assert.match(out, /Worth a look:\n/)
  assert.match(out, /odd\/own\.cedar:16 may-wire can never permit anything: no-wires \(.*own\.cedar:4\) forbids all of it\./)
  assert.match(out, /own\.cedar:17 asks-in-vain .*impossible/)
  assert.match(out, /own\.cedar:18 no-wires-again adds nothing to no-wires/)
  assert.match(out, /own\.cedar:19 elsewhere names the route "fast"/)
  assert.match(out, /own\.cedar:20 stranger names the tool "unheard-of"/)
  const alone = edited('alone', () => '@id("vain") @verdict("hold") forbid (principal, action == Action::"mcp.call", resource);')
  assert.match((await cli(`policy check --policies ${alone}`)).out, /vain never comes up: nothing of what it concerns is permitted/)
})

test('check reports every problem with its file and line', async () => {
  const broken = edited('broken', (text) => `${text}\npermit (principal, action, resource);\n@id("typo") permit (principal, action, resource) when { context.scor > 1 };\n`)
  const { code, out } = await cli(`policy check --policies ${broken}`)
  assert.equal(code, 1)
  assert.match(out, /broken\/own\.cedar:16:\d+ .*no @id/)
  const { ok, problems } = await json<{ ok: boolean; problems: { line: number }[] }>(`policy check --policies ${broken}`)
  assert.deepEqual([ok, problems[0]?.line], [false, 16])
  assert.equal((await cli('policy check --config nowhere.yaml')).code, 1)
})

test('explain names the policies that decided about a receipt, with their text and what they read', async () => {
  const { code, out } = await cli(`policy explain ${did['wire, proposed'] ?? ''}`)
  assert.equal(code, 0, out)
  assert.match(out, /tool\.propose Tool::wire by default\/key:/)
  assert.match(out, /Then, in epoch \S+: refused \(denied\), by no-wires \(policy\/own\.cedar:4\)/)
  assert.match(out, /\n {2}deny by no-wires\n {2}callers read: No wires\.\n {2}no-wires \(policy\/own\.cedar:4\)\n {4}\| @id\("no-wires"\)/)
  assert.match(out, /resource\.id = "wire"/)
  assert.match(out, /applies too, and does not decide: all \(policy\/own\.cedar:2\)/)
  assert.match(out, /That is what was said then\./)
})

test('explain tells every target apart, what followed, and why others did not decide', async () => {
  const { out } = await cli(`policy explain ${did['wire'] ?? ''}`)
  assert.match(out, /fallback Model::o\/practice-closed deny/)
  assert.match(out, /about Model::o\/practice:\n {2}allow by all/)
  assert.match(out, /about Model::o\/practice-closed:\n {2}deny by closed-model/)
  assert.match(out, /closed-model \(forbid\) did not apply: when \{ resource\.model == "practice-closed" \} is false; resource\.model = "practice"/)
  assert.match(out, new RegExp(`What followed from it.*\\n {2}${did['wire, proposed'] ?? ''} tool\\.propose Tool::wire deny by no-wires`))
})

test('explain names the difference when other policies would say something else', async () => {
  const lax = edited('lax', (text) => text.replace(/@id\("no-wires"\)[^;]*;/, '@id("wires-wait") @verdict("hold") @approvers("finance") forbid (principal, action == Action::"tool.propose", resource is Tool) when { resource.id == "wire" };'))
  const { out } = await cli(`policy explain ${did['wire, proposed'] ?? ''} --policies ${lax}`)
  assert.match(out, /no longer among the policies: no-wires/)
  assert.match(out, /hold by wires-wait, released by finance/)
  assert.match(out, /This is different: policy said deny then, and says hold now\./)
  const said = await json<{ then: { verdict: string; policies: string[] }; now: { then: string; same: boolean; decision: { verdict: string; approvers: string }; deciding: { id: string; line: number; text: string }[] }[] }>(`policy explain ${did['wire, proposed'] ?? ''} --policies ${lax}`)
  assert.deepEqual(said.then.policies, ['no-wires'])
  assert.deepEqual([said.now[0]?.then, said.now[0]?.decision.verdict, said.now[0]?.same, said.now[0]?.deciding[0]?.id], ['deny', 'hold', false, 'wires-wait'])
})

test('explain says that policy was not asked where it was not, and that there is no such receipt', async () => {
  const { code, out } = await cli(`policy explain ${did['stranger'] ?? ''}`)
  assert.equal(code, 0)
  assert.match(out, /Policy was not asked/)
  const none = await cli('policy explain 00000000-0000-7000-8000-000000000000')
  assert.equal(none.code, 1)
  assert.match(none.err, /has no receipt/)
  assert.equal((await cli('policy explain')).code, 2)
  assert.equal((await cli(`policy explain ${did['wire'] ?? ''} --tenant other`)).code, 1)
})

test('explain answers a question that was written down', async () => {
  writeFileSync(join(folder, 'question.yaml'), 'principal: { roles: [support] }\naction: tool.propose\nresource: { type: Tool, id: mail }\ncontext: { parameters: { to: ann@example.com } }\n')
  const { code, out } = await cli('policy explain --question question.yaml')
  assert.equal(code, 0, out)
  assert.match(out, /^tool\.propose Tool::mail by default\/key:example \(support\)\n {2}allow by all\n/)
  writeFileSync(join(folder, 'question.json'), '{"action":"tool.propose","resource":{"type":"Tool","id":"mail"},"context":{"parameters":{"from":"x"}}}')
  const wrong = await cli('policy explain --question question.json')
  assert.equal(wrong.code, 3)
  assert.match(wrong.err, /question\.json:1:\d+ context\.parameters\.from: is nothing that policies can read here/)
})

test('diff lists exactly what an edit changes: added, removed and changed policies, and each receipt', async () => {
  const strict = edited('strict', (text) => `${text.replace('resource.id == "wire"', 'resource.id == "wire" && context.score > 90')}
@id("mail-home") forbid (principal, action == Action::"tool.propose", resource is Tool)
when { resource.id == "mail" && context.parameters has to && !(context.parameters.to like "*@example.com") };
@id("support-asks") @verdict("hold") forbid (principal, action == Action::"llm.generate", resource is Model)
when { principal.roles.contains("support") && resource.model == "practice" };
`)
  const found = await json<Changed>(`policy diff policy ${strict}`)
  assert.deepEqual(found.edits.map((one) => `${one.how} ${one.id}`), ['changed no-wires', 'added mail-home', 'added support-asks'])
  assert.deepEqual(
    found.changes.map((one) => [`${one.then} → ${one.now}`, one.action, one.resource, one.policies.join(), [...one.exchanges].sort()]).sort(),
    [
      ['allow → deny', 'tool.propose', 'Tool::mail', 'mail-home', [did['mail out, proposed']]],
      ['allow → hold', 'llm.generate', 'Model::o/practice', 'support-asks', [did['chat of support'], did['mail out']].sort()],
      ['deny → allow', 'tool.propose', 'Tool::wire', 'all', [did['wire, proposed']]],
    ],
  )
  assert.deepEqual([found.changed, found.by.action], [4, { 'llm.generate': 2, 'tool.propose': 2 }])
  const { code, out } = await cli(`policy diff policy ${strict}`)
  assert.equal(code, 1)
  assert.match(out, /^~ no-wires \(own\.cedar:4\) changed\n\+ mail-home \(own\.cedar:\d+\) added\n/)
  assert.match(out, new RegExp(`Newly permitted:\\ndeny → allow {2}1× {2}tool\\.propose Tool::wire {2}by default/key:\\w+ {2}all \\(strict/own\\.cedar:2\\)\\n {4}${did['wire, proposed'] ?? ''}\\n`))
  assert.match(out, /Newly held:\nallow → hold {2}2× /)
  assert.match(out, /Newly forbidden:\nallow → deny {2}1× /)
  assert.match(out, /4 of \d+ decisions of \d+ receipts; not asked again: \d+ that no policy had been asked about change\.\n$/)
})

test('what changes no text and no decision is no difference; comments and white space are none', async () => {
  const same = edited('same', (text) => `// another comment\n${text.replaceAll('\n', '\n ')}`)
  const { code, out } = await cli(`policy diff policy ${same}`)
  assert.equal(code, 0, out)
  assert.match(out, /^No decision changes: \d+ decisions of \d+ receipts/)
})

test('replay compares what was said then, from the state folder and from an exported log alike', async () => {
  const lax = edited('lax', (text) => text.replace('@id("no-wires")', '@id("no-wires") @verdict("hold")'))
  const live = await json<Changed>(`policy replay --policies ${lax}`)
  assert.deepEqual(live.changes.map((one) => [one.then, one.now, one.exchanges]), [['deny', 'hold', [did['wire, proposed']]]])
  writeFileSync(join(folder, 'log.jsonl'), `${(await cli('audit export')).out}not a record\n{"record":{"kind":"receipt"}}\n`)
  const file = await json<Changed & { malformed: number }>(`policy replay --policies ${lax} --receipts log.jsonl`)
  assert.deepEqual([file.changes, file.asked, file.receipts, file.malformed], [live.changes, live.asked, live.receipts, 2])
  const { code, out } = await cli(`policy replay --policies ${lax} --receipts log.jsonl`)
  assert.equal(code, 1)
  assert.match(out, /^deny → hold {2}1× {2}tool\.propose Tool::wire/)
  assert.match(out, /2 lines of the file are no records change\.\n$/)
  const same = await cli('policy replay --policies policy')
  assert.equal(same.code, 0, same.out)
  assert.match(same.out, /^Nothing changes: /)
})

test('old receipts that do not say what was asked are counted and left out', async () => {
  const lines = (await cli('audit export')).out.trimEnd().split('\n').map((line) => JSON.parse(line) as { index: number; record: Record<string, unknown> })
  const old = lines.filter(({ record }) => record['kind'] === 'receipt').map(({ index, record: { asked: _, ...record } }) => JSON.stringify({ index, record }))
  const large = lines.filter(({ record }) => record['exchange'] === did['chat'] && record['kind'] === 'receipt').map(({ index, record }) => JSON.stringify({ index, record: { ...record, trimmed: true } }))
  writeFileSync(join(folder, 'old.jsonl'), [...old, ...large, ''].join('\n'))
  const found = await json<Changed>('policy replay --policies policy --receipts old.jsonl')
  assert.equal(found.asked, 0)
  assert.equal(found.unreplayable['shortened'], 1)
  assert.equal((found.unreplayable['not recorded'] ?? 0) + (found.unreplayable['not asked'] ?? 0), old.length)
  assert.ok((found.unreplayable['not recorded'] ?? 0) >= 8)
})

test('replay can be narrowed by time, tenant and number', async () => {
  const asked = async (options: string): Promise<number> => (await json<Changed>(`policy replay --policies policy ${options}`)).receipts
  const all = await asked('--since 1d')
  assert.ok(all >= 9)
  assert.deepEqual([await asked('--until 1d'), await asked('--since 2999-01-01'), await asked('--limit 3'), await asked('--tenant nobody'), await asked('--tenant default')], [0, 0, 3, 0, all])
  const { code, err } = await cli('policy replay --policies policy --since yesterday')
  assert.equal(code, 2)
  assert.match(err, /a date such as/)
  assert.equal((await cli('policy replay')).code, 2)
  assert.equal((await cli('policy diff policy')).code, 2)
  const missing = await cli('policy diff policy nowhere')
  assert.equal(missing.code, 3)
  assert.match(missing.err, /nowhere there is no such file or folder/)
})

test('transcripts are asked as receipts are; without an answer the policies in force give it', async () => {
  writeFileSync(join(folder, 'talk.yaml'), 'questions:\n  - name: a wire\n    action: tool.propose\n    resource: { type: Tool, id: wire }\n  - name: a mail\n    action: tool.propose\n    resource: { type: Tool, id: mail }\n    then: hold\n')
  const found = await json<Changed>('policy replay --policies shipped --transcript talk.yaml')
  assert.deepEqual(found.changes.map((one) => [one.then, one.now, one.exchanges]).sort(), [['deny', 'allow', ['a wire']], ['hold', 'allow', ['a mail']]])
  writeFileSync(join(folder, 'talk.yaml'), 'questions:\n  - action: tool.propose\n    resource: { type: Tool }\n')
  const wrong = await cli('policy diff shipped policy --transcript talk.yaml')
  assert.equal(wrong.code, 3)
  assert.match(wrong.err, /talk\.yaml:3:\d+ questions\[0\]\.resource\.id: is missing/)
})

test('an edit of the live folder is explained against what was decided before it', async () => {
  const file = join(folder, 'policy', 'own.cedar')
  const before = readFileSync(file, 'utf8')
  writeFileSync(file, before.replace('resource.id == "wire"', 'resource.id == "wired"'))
  try {
    assert.match((await cli(`policy explain ${did['wire, proposed'] ?? ''}`)).out, /This is different: policy said deny then, and says allow now\./)
  } finally {
    writeFileSync(file, before)
  }
})
