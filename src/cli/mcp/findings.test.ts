import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UNKNOWN_TOOL } from '../../contract/tool.ts'
import { parseJson } from '../../formats/json.ts'
import type { TreeObject } from '../../formats/tree.ts'
import type { Item } from '../../gateways/mcp/servers/items.ts'
import { printed } from '../../gateways/mcp/pins/hash.ts'
import { argumentSchema } from '../../gateways/mcp/schema.ts'
import { differences } from './difference.ts'
import { findingsOf } from './findings.ts'

function tool(name: string, more: Readonly<Record<string, unknown>> = {}): Item {
  const definition = parseJson(JSON.stringify({ name, inputSchema: { type: 'object' }, ...more }), { depth: 32 }) as TreeObject
  return { kind: 'tools', name, definition, print: printed('tools', name, definition), schema: () => argumentSchema(new Map()) }
}

test('what is said about a tool by configuration settles what it is taken for', () => {
  const items = [tool('delete_all', { annotations: { destructiveHint: false } }), tool('get_status', { annotations: { readOnlyHint: true } })]
  const of = (facts: typeof UNKNOWN_TOOL): readonly string[] => findingsOf([{ server: 'a', items, unusable: [] }], () => facts).map(({ item, finding }) => `${item} ${finding}`)
  assert.deepEqual(of(UNKNOWN_TOOL), ['tools/delete_all annotation', 'tools/delete_all class'])
  assert.deepEqual(of({ ...UNKNOWN_TOOL, class: 'read' }), [])
})

test('a program that is held to no version, and names in other scripts', () => {
  const unusable = [{ kind: 'tools', name: 'get_st\u0430tus', why: 'not in visible ASCII' }, { kind: 'tools', name: '\u5929\u6c17', why: 'not in visible ASCII' }]
  const found = findingsOf([{ server: 'a', items: [tool('get_status')], unusable, facts: { name: 'some-server', floating: true } }], () => UNKNOWN_TOOL)
  assert.deepEqual(found.map(({ finding }) => finding), ['floating', 'look_alike', 'unusable'])
})

test('definitions differ where their innermost values do', () => {
  assert.deepEqual(differences({ a: 1, b: { c: [1, 2] } }, { a: 1, b: { c: [1, 3, 4] }, d: 'x' }), [{ path: 'b.c[1]', before: 2, after: 3 }, { path: 'b.c[2]', before: undefined, after: 4 }, { path: 'd', before: undefined, after: 'x' }])
  assert.deepEqual(differences(undefined, { a: 1 }), [{ path: 'a', before: undefined, after: 1 }])
  assert.deepEqual(differences({ a: { b: 1 } }, { a: 'b' }), [{ path: 'a', before: { b: 1 }, after: 'b' }])
  assert.deepEqual(differences({ a: 1 }, { a: 1 }), [])
})
