import assert from 'node:assert/strict'
import { test } from 'node:test'
import { weigh } from './weigh.ts'

const sight = { kind: 'tools', hash: 'h', firstUse: true, met: false } as const

test('first sight pins where settings say so, and only once', () => {
  assert.deepEqual(weigh({}, sight), { kind: 'pin' })
  assert.deepEqual(weigh({}, { ...sight, met: true }), { kind: 'quarantine', why: 'new', noted: false })
  assert.deepEqual(weigh({}, { ...sight, kind: 'resources', met: true }), { kind: 'pin' })
  assert.deepEqual(weigh({}, { ...sight, firstUse: false }), { kind: 'quarantine', why: 'new', noted: false })
  assert.deepEqual(weigh({}, { ...sight, suspect: 'look_alike' }), { kind: 'quarantine', why: 'look_alike', noted: false })
})

test('what changed waits, until it is back', () => {
  assert.deepEqual(weigh({ pinned: 'h' }, sight), { kind: 'same' })
  assert.deepEqual(weigh({ pinned: 'g' }, { ...sight, met: true }), { kind: 'quarantine', why: 'changed', noted: false })
  assert.deepEqual(weigh({ pinned: 'g', seen: 'h', why: 'changed' }, { ...sight, met: true }), { kind: 'quarantine', why: 'changed', noted: true })
  assert.deepEqual(weigh({ pinned: 'h', seen: 'g', why: 'changed' }, { ...sight, met: true }), { kind: 'returned' })
  assert.deepEqual(weigh({ seen: 'h', why: 'new' }, sight), { kind: 'quarantine', why: 'new', noted: true })
})

test('suspicion that comes later is noted, and one that goes is not forgotten', () => {
  assert.deepEqual(weigh({ seen: 'h', why: 'new' }, { ...sight, suspect: 'poisoned' }), { kind: 'quarantine', why: 'poisoned', noted: false })
  assert.deepEqual(weigh({ seen: 'h', why: 'poisoned' }, sight), { kind: 'quarantine', why: 'poisoned', noted: true })
})
