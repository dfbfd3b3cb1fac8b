import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isRefusal } from '../../contract/verdict.ts'
import { fromPlain, parseJson } from '../../formats/json.ts'
import type { TreeObject } from '../../formats/tree.ts'
import { boolean, either, identifier, integer, json, lazy, list, map, media, object, opaque, providerState, providerTool, required, text, union, url, type Field } from './fields.ts'
import { walk, type Walked } from './walk.ts'

const tree = (value: unknown): TreeObject => fromPlain(value) as TreeObject

function walked(table: Field, value: unknown, allowed: readonly string[] = []): Walked {
  const made = walk(table, tree(value), allowed)
  assert.ok(!isRefusal(made), JSON.stringify(made))
  return made
}

function refused(table: Field, value: unknown): readonly [string, string | undefined] {
  const made = walk(table, tree(value), [])
  assert.ok(isRefusal(made), 'it should have been refused')
  return [made.refuse, made.param]
}

const texts = (made: Walked): string[] => made.segments.map((segment) => `${segment.path.join('.')}=${segment.text}`)

test('null stands for an absent field, and never for a required one', () => {
  const table = object({ a: required(text('user')), b: text('user') })
  assert.deepEqual(texts(walked(table, { a: 'x', b: null })), ['a=x'])
  assert.deepEqual(refused(table, { a: null }), ['bad_request', 'a'])
  assert.deepEqual(refused(table, {}), ['bad_request', 'a'])
})

test('free JSON: strings, sentences as keys, and numbers long enough to be somebody\'s', () => {
  const made = walked(object({ a: json('tool_call') }), { a: { q: 'x', deep: ['y', 12, true, null, 4111111111111111], 'a key of words': 1 } })
  assert.deepEqual(texts(made), ['a.q=x', 'a.deep.0=y', 'a.deep.4=4111111111111111', 'a.2=a key of words'])
})

test('a number keeps its lexeme where it is inspected', () => {
  const made = walk(object({ a: json('tool_call') }), parseJson('{"a":12345678901234567890}', { depth: 5 }) as TreeObject, [])
  assert.ok(!isRefusal(made))
  assert.equal(made.segments[0]?.text, '12345678901234567890')
})

test('identifiers are quiet until they could be content', () => {
  const table = object({ a: identifier({ origin: 'tool_call', collect: 'names' }) })
  const made = walked(table, { a: 'find_it' })
  assert.deepEqual([made.segments.length, made.parameters['names']], [0, 'find_it'])
  for (const a of ['two words', 'é', 'x'.repeat(20), 'x'.repeat(129), 'a\nb']) assert.deepEqual(walked(table, { a }).segments.map((one) => [one.origin, one.text]), [['tool_call', a]])
  const long = walked(table, { a: 'transfer_the_money_abroad' })
  assert.deepEqual([long.segments.length, long.parameters['names']], [1, 'transfer_the_money_abroad'], 'inspected, and still a fact for policy')
})

test('sealed bytes are quiet until they are not base64', () => {
  const table = object({ a: opaque('reasoning') })
  for (const a of ['AAAA', 'AA==', 'a-b_c', 'gemini:AAAA']) assert.equal(walked(table, { a }).segments.length, 0, a)
  for (const a of ['obey me', 'AAAA\n', 'a=b']) assert.equal(walked(table, { a }).segments.length, 1, a)
})

test('a data URL is inline media, and text in it is read', () => {
  const table = object({ a: url({ counts: 'images' }) })
  const image = walked(table, { a: 'data:image/png;base64,aGlo' })
  assert.deepEqual([image.segments.length, image.effects.length, image.mediaBytes, image.parameters['images'], image.parameters['media_parts']], [0, 0, 3, 1, 1])
  assert.deepEqual(texts(walked(table, { a: 'DATA:text/plain;base64,aGk=' })), ['a.0=hi'])
  assert.deepEqual(texts(walked(table, { a: 'data:,h%20i' })), ['a.0=h i'])
  assert.deepEqual(texts(walked(table, { a: 'data:;base64,aGk=' })), ['a.0=hi'])
  const named = object({ a: media({ mime: ['name'] }), name: text('user') })
  const inside = ['a.0=hi', 'name=b.txt']
  for (const type of ['', 'application/octet-stream', 'image/png']) assert.deepEqual(texts(walked(named, { a: `data:${type};base64,aGk=`, name: 'b.txt' })), inside, type)
  assert.deepEqual(refused(table, { a: 'data:text/plain' }), ['bad_request', 'a'])
})

test('a URL to fetch names its host as it will be resolved', () => {
  const table = object({ a: url() })
  const hosts = (a: string): (readonly [string, unknown])[] => walked(table, { a }).subordinates.map((one) => [one.resource.id, one.resource.attributes['scheme']])
  assert.deepEqual(hosts('https://EXAMPLE.com:8443/x'), [['example.com', 'https']])
  assert.deepEqual(hosts('http://user@0x7f.1/x'), [['127.0.0.1', 'http']])
  for (const a of ['ftp://a.example', 'javascript:alert(1)', '//a.example/x', 'not a url']) assert.deepEqual(refused(table, { a }), ['bad_request', 'a'])
  const held = walked(object({ a: url({ held: (one) => one.startsWith('gs:') }) }), { a: 'gs://bucket/x' })
  assert.deepEqual(held.subordinates.map((one) => one.action), ['llm.provider_state'])
})

test('state and tools of the provider are noticed through every wrapper', () => {
  const table = object({
    store: providerState(boolean(), (value) => value === true),
    tools: list(union('type', { run: providerTool(object({ file: providerState(identifier()) }), { effects: ['code_execution'] }) })),
  })
  assert.deepEqual(walked(table, { store: false }).effects, [])
  const made = walked(table, { store: true, tools: [{ type: 'run', file: 'f' }] })
  assert.deepEqual(made.effects, ['provider_state', 'provider_tool', 'code_execution'])
  assert.deepEqual(made.subordinates.map((one) => [one.resource.type, one.resource.id, one.resource.attributes['field']]), [['State', 'store', 'store'], ['Tool', 'run', 'tools.0'], ['State', 'tools.file', 'tools.0.file']])
})

test('unions: the member\'s own fields, a missing discriminator, and a word nobody knows', () => {
  const table = object({ a: union('t', { x: object({ b: text('user') }), y: object({}) }, { missing: 'y', match: (word) => word.replace(/_\d+$/, '') }) })
  assert.deepEqual(texts(walked(table, { a: { t: 'x_2', b: 's' } })), ['a.b=s'])
  walked(table, { a: {} })
  assert.deepEqual(refused(table, { a: { t: 'y', b: 's' } }), ['unknown_field', 'a.b'])
  assert.deepEqual(refused(table, { a: { t: 'z' } }), ['bad_request', 'a.t'])
  assert.deepEqual(refused(table, { a: { t: 5 } }), ['bad_request', 'a.t'])
  assert.deepEqual(refused(table, { a: { t: 'constructor' } }), ['bad_request', 'a.t'])
})

test('names that differ only in case are never taken for unknown ones', () => {
  const table = object({ kind: text('user') })
  for (const name of ['KIND', 'Kind', 'K\u0131nd', '\u212And']) {
    const made = walk(table, new Map([[name, 'x']]), [name])
    assert.equal(isRefusal(made) ? made.refuse : 'passed', name === '\u212And' ? 'passed' : 'bad_request', name)
  }
  assert.deepEqual(refused(object({ key: text('user') }), { '\u212Aey': 'x' }), ['bad_request', '\u212Aey'])
})

test('tables may contain themselves', () => {
  const table: Field = object({ text: text('user'), inner: list(lazy(() => table)) })
  assert.deepEqual(texts(walked(table, { text: 'a', inner: [{ text: 'b', inner: [{ text: 'c' }] }] })), ['text=a', 'inner.0.text=b', 'inner.0.inner.0.text=c'])
})

test('types, bounds and lists', () => {
  const table = object({ n: integer({ min: 1, max: 3, fact: 'n' }), l: list(identifier(), { max: 2, fact: 'l' }), m: map(text('body')), e: either({ string: text('user'), number: integer() }), b: media({ mime: ['name'] }), name: text('user') })
  const made = walked(table, { n: 2, l: ['a', 'b'], m: { k: 'v' }, e: 5, b: 'aGk=', name: 'x.txt' })
  assert.deepEqual([made.parameters['n'], made.parameters['l'], texts(made)], [2, 2, ['m.k=v', 'b.0=hi', 'name=x.txt']])
  const bad: readonly (readonly [unknown, string])[] = [[{ n: 0 }, 'n'], [{ n: 4 }, 'n'], [{ n: 1.5 }, 'n'], [{ n: true }, 'n'], [{ l: ['a', 'b', 'c'] }, 'l'], [{ l: [null] }, 'l.0'], [{ m: [] }, 'm'], [{ m: { k: 1 } }, 'm.k'], [{ e: [] }, 'e'], [{ b: {} }, 'b']]
  for (const [value, param] of bad) assert.deepEqual(refused(table, value), ['bad_request', param])
})

test('a refusal repeats no more than the beginning of a path', () => {
  const made = walk(object({}), tree({ ['x'.repeat(5000)]: 1 }), [])
  assert.ok(isRefusal(made) && (made.param ?? '').length <= 200 && (made.say ?? '').length <= 300)
})

test('a URL that the provider would fetch is told with its port, and whole for reviewers', () => {
  const table = object({ image: url() })
  const [plain, odd] = ['https://images.example/a?token=b', 'http://images.example:8080/a'].map((image) => walked(table, { image }).subordinates[0])
  assert.deepEqual([plain?.resource.attributes['port'], plain?.whole], [443, 'https://images.example/a?token=b'])
  assert.deepEqual([odd?.resource.attributes['port'], odd?.whole], [8080, 'http://images.example:8080/a'])
})
