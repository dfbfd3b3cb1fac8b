import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromPlain } from '../../formats/json.ts'
import type { TreeObject } from '../../formats/tree.ts'
import { argumentSchema } from './schema.ts'

const tree = (value: unknown): TreeObject => fromPlain(value) as TreeObject
const said = (schema: unknown, args: unknown, strict = false): string => {
  const wrong = argumentSchema(tree(schema)).check(tree(args), strict)
  return wrong === undefined ? 'fits' : `${wrong.path}${wrong.unknown === true ? '?' : ''}`
}
const object = (properties: unknown, more = {}): unknown => ({ type: 'object', properties, ...more })

test('arguments are told apart from what is none', () => {
  const table: readonly (readonly [schema: unknown, args: unknown, said: string])[] = [
    [{ type: 'object' }, { a: 1 }, 'fits'],
    [{}, { a: 1 }, 'fits'],
    [object({ a: { type: 'string' } }), { a: 1 }, 'a'],
    [object({ a: { type: ['string', 'null'] } }), { a: null }, 'fits'],
    [object({ a: { type: 'integer' } }), { a: 1.5 }, 'a'],
    [object({ a: { type: 'number' } }), { a: 1.5 }, 'fits'],
    [object({ a: {} }, { required: ['a'] }), {}, 'a'],
    [object({ a: {} }, { additionalProperties: false }), { b: 1 }, 'b?'],
    [object({ a: {} }, { additionalProperties: { type: 'string' } }), { b: 1 }, 'b'],
    [object({ a: { enum: ['x', 1] } }), { a: 'y' }, 'a'],
    [object({ a: { enum: ['x', 1] } }), { a: 1 }, 'fits'],
    [object({ a: { const: { b: [1] } } }), { a: { b: [1] } }, 'fits'],
    [object({ a: { minimum: 1, exclusiveMaximum: 5 } }), { a: 5 }, 'a'],
    [object({ a: { multipleOf: 0.1 } }), { a: 0.3 }, 'fits'],
    [object({ a: { multipleOf: 2 } }), { a: 3 }, 'a'],
    [object({ a: { minLength: 2, maxLength: 3 } }), { a: '😀😀' }, 'fits'],
    [object({ a: { maxLength: 1 } }), { a: 'ab' }, 'a'],
    [object({ a: { pattern: '^[a-z]+$' } }), { a: 'A' }, 'a'],
    [object({ a: { type: 'array', items: { type: 'string' }, maxItems: 2 } }), { a: ['x', 1] }, 'a.1'],
    [object({ a: { items: { type: 'string' }, maxItems: 1 } }), { a: ['x', 'y'] }, 'a'],
    [object({ a: { uniqueItems: true } }), { a: [1, 2, 1] }, 'a'],
    [object({ a: { prefixItems: [{ type: 'string' }], items: { type: 'number' } } }), { a: ['x', 'y'] }, 'a.1'],
    [object({}, { patternProperties: { '^x-': { type: 'string' } } }), { 'x-a': 1 }, 'x-a'],
    [object({}, { propertyNames: { maxLength: 2 } }), { abc: 1 }, 'abc'],
    [object({ a: { anyOf: [{ type: 'string' }, { type: 'number' }] } }), { a: true }, 'a'],
    [object({ a: { oneOf: [{ minimum: 1 }, { minimum: 2 }] } }), { a: 3 }, 'a'],
    [object({ a: { not: { const: 1 } } }), { a: 1 }, 'a'],
    [{ allOf: [object({ a: {} }, { required: ['a'] })] }, {}, 'a'],
    [{ if: object({ kind: { const: 'x' } }, { required: ['kind'] }), then: { required: ['x'] }, else: { required: ['y'] } }, { kind: 'x' }, 'x'],
    [object({ a: { $ref: '#/$defs/text' } }, { $defs: { text: { type: 'string' } } }), { a: 1 }, 'a'],
    [object({ a: { $ref: '#' }, n: { type: 'number' } }), { a: { a: { n: 'x' } } }, 'a.a.n'],
    [object({ a: false }), { a: 1 }, 'a'],
  ]
  for (const [schema, args, expected] of table) assert.equal(said(schema, args), expected, JSON.stringify([schema, args]))
})

test('names that the schema does not have are refused where settings say so', () => {
  assert.equal(said({ type: 'object' }, { a: 1 }, true), 'a?')
  assert.equal(said(object({ a: {} }), { a: 1, b: 1 }, true), 'b?')
  assert.equal(said(object({ a: object({ b: {} }) }), { a: { b: 1, c: 1 } }, true), 'a.c?')
  assert.equal(said(object({ a: { type: 'object' } }), { a: { whatever: 1 } }, true), 'fits')
  assert.equal(said(object({ a: {} }, { additionalProperties: { type: 'number' } }), { b: 1 }, true), 'fits')
  assert.equal(said({ allOf: [object({ a: {} }), object({ b: {} })] }, { a: 1, b: 1 }, true), 'fits')
})

test('a schema that leads outside, nowhere or on for ever is told, and costs nothing', () => {
  let deep: unknown = {}
  for (let count = 0; count < 100; count++) deep = { properties: { a: deep } }
  const wide = { properties: Object.fromEntries(Array.from({ length: 20_000 }, (_, index) => [`p${index}`, {}])) }
  for (const schema of [object({ a: { $ref: 'http://127.0.0.1/x.json' } }), object({ a: { $ref: 'file:///etc/passwd' } }), object({ a: { $ref: '#/$defs/none' } }), object({ a: { $id: 'http://x.example/', $ref: '#' } }), object({ a: { pattern: '(' } }), object({ a: { pattern: '(a)\\1' } }), deep, wide, { properties: { a: 1 } }]) {
    assert.notEqual(argumentSchema(tree(schema)).unusable, undefined, JSON.stringify(schema).slice(0, 80))
    assert.equal(said(schema, {}), '')
  }
  assert.equal(said({ $ref: '#' }, { a: 1 }), '')
  assert.equal(said({ anyOf: Array(8).fill({ anyOf: Array(8).fill({ $ref: '#' }) }) }, { a: 1 }), '')
  assert.equal(said(object({ a: { pattern: '^(a+)+$' } }), { a: `${'a'.repeat(50_000)}b` }), 'a')
})
