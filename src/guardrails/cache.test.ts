import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SegmentCache, Talks } from './cache.ts'
import type { Looked } from './cache.ts'
import { segment } from './guard.fixture.ts'

const looked = (text: string): Looked => ({ text, origin: 'user', group: 'm0', detector: 'x', spans: [], joint: [] })

test('keys tell tenants, detectors and origins apart, for short and for long texts', () => {
  const cache = new SegmentCache(1 << 20)
  for (const text of ['a'.repeat(300), 'a'.repeat(50_000)]) {
    const keys = [cache.key('t', 'd', 'user', text), cache.key('u', 'd', 'user', text), cache.key('t', 'e', 'user', text), cache.key('t', 'd', 'document', text), cache.key('t', 'd', 'user', `${text}b`)]
    assert.equal(new Set(keys).size, keys.length)
    assert.equal(cache.key('t', 'd', 'user', text), keys[0])
  }
  assert.notEqual(cache.key('a', 'b|user', 'user', 'a'.repeat(300)), cache.key('a|b', 'user', 'user', 'a'.repeat(300)))
})

test('the least recently used goes first, and memory stays within its bound', () => {
  const cache = new SegmentCache(20_000)
  for (let i = 0; i < 50; i++) {
    cache.set(`${i}${'x'.repeat(500)}`, { spans: [] })
    if (i > 0) cache.get(`0${'x'.repeat(500)}`)
  }
  assert.ok(cache.bytes <= 20_000)
  assert.notEqual(cache.get(`0${'x'.repeat(500)}`), undefined)
  assert.equal(cache.get(`1${'x'.repeat(500)}`), undefined)
})

test('conversations of one principal are told apart, and bounded', () => {
  const talks = new Talks(1 << 20)
  for (let i = 0; i < 20; i++) talks.remember('p', [], [looked('system'), looked(`talk ${i}`)])
  const resumed = talks.recall('p', [segment('system'), segment('talk 19'), segment('more')])
  assert.equal(resumed.length, 2)
  assert.equal(talks.recall('p', [segment('system'), segment('talk 0')]).length, 1)
  assert.equal(talks.recall('q', [segment('system')]).length, 0)
})

test('many principals together stay within the bound', () => {
  const talks = new Talks(100_000)
  for (let i = 0; i < 200; i++) talks.remember(`p${i}`, [], [looked('x'.repeat(1000)), looked(`${i}`)])
  assert.ok(talks.bytes <= 100_000)
  assert.equal(talks.recall('p0', [segment('x'.repeat(1000))]).length, 0)
  assert.equal(talks.recall('p199', [segment('x'.repeat(1000))]).length, 1)
})
