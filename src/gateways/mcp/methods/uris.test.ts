import assert from 'node:assert/strict'
import { test } from 'node:test'
import { covers, schemeOf } from './uris.ts'

test('a template covers what can come of it, and no path that goes up', () => {
  const table: readonly (readonly [template: string, uri: string, covered: boolean])[] = [
    ['test://t/{id}/data', 'test://t/12/data', true],
    ['test://t/{id}/data', 'test://t/1/2/data', false],
    ['test://t/{id}/data', 'test://t/12/data/more', false],
    ['file:///docs/{name}', 'file:///docs/a.txt', true],
    ['file:///docs/{name}', 'file:///docs/..', false],
    ['file:///docs/{name}', 'file:///docs/a%2fb', false],
    ['file:///docs/{+path}', 'file:///docs/a/b.txt', true],
    ['file:///docs/{+path}', 'file:///docs/a/../../secret', false],
    ['file:///docs/{+path}', 'file:///docs/a/%2E%2e/secret', false],
    ['db://{table}{?limit,offset}', 'db://users?limit=3&offset=4', true],
    ['db://{table}{?limit,offset}', 'db://users', true],
    ['x://{a}-{b}-{c}', 'x://1-2-3-4', true],
    ['x://{a', 'x://1', false],
    [`x://${'{a}'.repeat(100)}`, 'x://1', false],
    [`x://${'{+a}-'.repeat(60)}`, `x://${'-'.repeat(2000)}!`, false],
  ]
  for (const [template, uri, covered] of table) assert.equal(covers(template, uri), covered, `${template} ${uri}`)
  assert.deepEqual([schemeOf('HTTPS://x'), schemeOf('no scheme')], ['https', ''])
})
