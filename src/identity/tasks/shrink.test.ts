import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { withinScope } from '../../contract/principal.ts'
import type { ScopeName } from '../../contract/token.ts'
import { covers, endOf, LONGEST_SECONDS, meet, shareOf, type Holding, type Share } from './shrink.ts'

// Few letters, so that patterns meet each other.
const name = fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 4 })
const pattern = fc.oneof(name, name.map((one) => `${one}*`), fc.constant('*'))
const patterns = fc.option(fc.array(pattern, { maxLength: 4 }), { nil: undefined })
const words = fc.option(fc.subarray(['one', 'two', 'three']), { nil: undefined })
const absent = <T extends object>(record: T): T => Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as T
const holding = fc
  .record({ audience: fc.option(fc.constantFrom('llm', 'guard'), { nil: undefined }), routes: patterns, models: patterns, tools: patterns, roles: words, rights: words, expires: fc.option(fc.integer({ min: 0, max: 1_000_000 }), { nil: undefined }) })
  .map((one) => absent(one) as Holding)
const holdings = fc.array(holding, { minLength: 1, maxLength: 4 })
const asked = fc.record({ audience: fc.constantFrom('llm', 'guard'), scope: fc.array(fc.record({ kind: fc.constantFrom('tool', 'model', 'route'), name: pattern }) as fc.Arbitrary<ScopeName>, { minLength: 1, maxLength: 4 }) })
const lists = ['routes', 'models', 'tools'] as const

test('one pattern covers another exactly where everything that the one matches, the other does', () => {
  fc.assert(fc.property(pattern, pattern, name, (outer, inner, any) => {
    if (covers(outer, inner)) assert.ok(!withinScope([inner], any) || withinScope([outer], any))
  }))
  for (const [outer, inner, yes] of [['*', 'a*', true], ['a*', 'a', true], ['a*', 'a*', true], ['a*', 'ab*', true], ['ab*', 'a*', false], ['a', 'a*', false], ['a', 'ab', false], ['a*', '*', false]] as const) assert.equal(covers(outer, inner), yes, `${outer} ${inner}`)
})

test('what two lists have in common is what both match, whole', () => {
  fc.assert(fc.property(patterns, patterns, name, (a, b, any) => {
    assert.equal(withinScope(meet(a, b), any), withinScope(a, any) && withinScope(b, any))
  }))
})

test('nobody is given more than each of the credentials holds', () => {
  fc.assert(fc.property(holdings, asked, name, (all, request, any) => {
    const share = shareOf(request, all)
    if ('excess' in share) return
    for (const one of all) {
      assert.ok(one.audience === undefined || one.audience === share.audience)
      for (const list of lists) assert.ok(!withinScope(share[list], any) || withinScope(one[list], any), list)
      for (const list of ['roles', 'rights'] as const) for (const own of share[list]) assert.ok(one[list] === undefined || one[list].includes(own))
    }
  }))
})

test('what is given is what was asked for: nothing is cut down, and a refusal names the excess', () => {
  fc.assert(fc.property(holdings, asked, (all, request) => {
    const share = shareOf(request, all)
    if ('excess' in share) {
      if (share.excess === 'audience') assert.ok(all.some(({ audience }) => audience !== undefined && audience !== request.audience))
      else assert.ok(request.scope.some(({ kind, name: one }) => share.name === `${kind}:${one}`))
      return
    }
    for (const { kind, name: one } of request.scope) assert.ok(share[`${kind}s`]?.includes(one))
  }))
})

test('each exchange of a chain gives at most what the one before gave', () => {
  fc.assert(fc.property(holdings, fc.array(asked, { minLength: 1, maxLength: 5 }), name, (first, requests, any) => {
    let held: Share | undefined
    for (const request of requests) {
      const share = shareOf(request, held === undefined ? first : [held, ...first.slice(1)])
      if ('excess' in share) return
      for (const list of lists) assert.ok(held === undefined || !withinScope(share[list], any) || withinScope(held[list], any))
      held = share
    }
  }))
})

test('a wildcard is only taken from where it stands', () => {
  const model = (text: string) => ({ audience: 'llm', scope: [{ kind: 'model', name: text }] }) as const
  assert.ok('excess' in shareOf(model('*'), [{}]))
  assert.ok('excess' in shareOf(model('gpt*'), [{}]))
  assert.ok('excess' in shareOf(model('gpt-5*'), [{ models: ['gpt*'] }]))
  assert.ok(!('excess' in shareOf(model('gpt*'), [{ models: ['gpt*'] }])))
  assert.ok('excess' in shareOf(model('gpt*'), [{ models: ['gpt*'] }, { models: ['gpt-5'] }]))
  assert.ok(!('excess' in shareOf(model('gpt-5'), [{ models: ['gpt*'] }, { models: ['gpt-5'] }])))
})

test('naming a model or a route leaves the other as limited as it was; tools and what nobody named are none', () => {
  const held: Holding = { routes: ['one', 'two*'], models: ['m*'] }
  assert.deepEqual(shareOf({ audience: 'llm', scope: [{ kind: 'model', name: 'm1' }] }, [held, { routes: ['two-b', 'three'] }]), { audience: 'llm', routes: ['two-b'], models: ['m1'], tools: [], roles: [], rights: [] })
  assert.deepEqual(shareOf({ audience: 'llm', scope: [{ kind: 'route', name: 'one' }] }, [held]), { audience: 'llm', routes: ['one'], models: ['m*'], tools: [], roles: [], rights: [] })
  assert.deepEqual(shareOf({ audience: 'llm', scope: [{ kind: 'model', name: 'm1' }] }, [{}]), { audience: 'llm', models: ['m1'], tools: [], roles: [], rights: [] })
  assert.deepEqual(shareOf({ audience: 'mcp:files', scope: [{ kind: 'tool', name: 'read' }] }, [held]), { audience: 'mcp:files', routes: [], models: [], tools: ['read'], roles: [], rights: [] })
})

test('a token ends no later than five minutes from now, than asked and than what it was made from', () => {
  fc.assert(fc.property(holdings, fc.integer({ min: 0, max: 1_000_000 }), fc.option(fc.integer({ min: 1, max: 10_000 }), { nil: undefined }), (all, now, lifetime) => {
    const end = endOf(now, lifetime, all)
    assert.ok(end <= now + LONGEST_SECONDS * 1000)
    assert.ok(lifetime === undefined || end <= now + lifetime * 1000)
    for (const { expires } of all) assert.ok(expires === undefined || end <= expires)
  }))
})
