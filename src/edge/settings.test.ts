import assert from 'node:assert/strict'
import test from 'node:test'
import type * as z from 'zod'
import { listenSchema, settleListen } from './settings.ts'

function problem(written: unknown): string {
  const read = listenSchema.safeParse(written)
  return read.success ? '' : `${read.error.issues[0]?.path.join('.')}: ${read.error.issues[0]?.message}`
}

const settled = (written: z.infer<typeof listenSchema>): ReturnType<typeof settleListen> => settleListen(listenSchema.parse(written))

test('TLS and the unix socket are off unless written', () => {
  const { secure, local } = settled({})
  assert.deepEqual([secure, local], [undefined, undefined])
  assert.equal(settled({ local: false }).local, undefined)
  assert.deepEqual(settled({ local: true }).local, { open: 'owner' })
  assert.deepEqual(settled({ local: '/run/gate.sock', local_mode: 'group' }).local, { path: '/run/gate.sock', open: 'group' })
  assert.deepEqual(settled({ secure: '[::1]:8443' }).secure, { host: '::1', port: 8443 })
})

test('no two listeners have one address, written or by default', () => {
  assert.match(problem({ data: 'h:1', admin: 'H:1' }), /^admin: must not be the data port/)
  assert.match(problem({ data: '127.0.0.1:8081' }), /^admin: must not be the data port/)
  assert.match(problem({ secure: '127.0.0.1:8081' }), /^secure: must not be the admin port/)
  assert.match(problem({ secure: 'h:1', admin: 'h:1' }), /^secure: must not be the admin port/)
  assert.match(problem({ secure: '127.0.0.1:8080' }), /^secure: must not be the data port/)
  assert.match(problem({ secure: 'h:1', data: 'h:1' }), /^secure: must not be the data port/)
  for (const fine of [{ data: 'h:0', admin: 'h:0', secure: 'h:0' }, { data: 'h:1', admin: 'h:2', secure: 'h:3' }]) assert.equal(problem(fine), '')
})

test('a path is absolute, short and without spaces, and a mode needs a socket', () => {
  for (const local of ['gate.sock', '/a b', '/a\nb', '', '/', '\0gate', `/${'x'.repeat(96)}`]) assert.match(problem({ local }), /^local: /, JSON.stringify(local))
  assert.equal(problem({ local: `/${'x'.repeat(95)}` }), '')
  assert.match(problem({ local_mode: 'group' }), /^local_mode: says nothing without listen.local/)
  assert.match(problem({ local: false, local_mode: 'group' }), /^local_mode: /)
  assert.match(problem({ local: true, local_mode: 'all' }), /^local_mode: /)
})
