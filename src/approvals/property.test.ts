import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Released, Unreleased } from '../contract/approval.ts'
import { admin, bot, opened, reviewer, type Harness } from './opened.fixture.ts'
import type { Choice, Reviewer } from './desk.ts'

/** What may happen, in any order. `who` 2 is among those who ask. */
type Step =
  | { readonly do: 'hold'; readonly action: number; readonly caller: number }
  | { readonly do: 'decide'; readonly which: number; readonly who: number; readonly kind: 'once' | 'twice' | 'task' | 'deny'; readonly twoAtOnce: boolean }
  | { readonly do: 'abort'; readonly all: boolean; readonly which: number }
  | { readonly do: 'advance'; readonly ms: number }
  | { readonly do: 'restart' }

const index = fc.nat({ max: 5 })
/** So that things meet. */
const mostlyFirst = fc.constantFrom(0, 0, 0, 0, 1)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('hold' as const), action: mostlyFirst, caller: mostlyFirst }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('decide' as const), which: index, who: fc.nat({ max: 2 }), kind: fc.constantFrom('once' as const, 'once' as const, 'twice' as const, 'deny' as const, 'task' as const), twoAtOnce: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('abort' as const), all: fc.boolean(), which: index }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.constantFrom(1, 20_000, 60_000, 600_000, 3_600_000) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
)

const reviewers: readonly Reviewer[] = [reviewer('anna'), reviewer('carl'), reviewer('mallory', { identity: 'user:bob' })]
const callers = [{}, { workload: 'spiffe://sallyport.internal/other' }]
const choices: Readonly<Record<string, Choice>> = { once: { kind: 'once' }, twice: { kind: 'once', calls: 2 }, task: { kind: 'task', forMs: 1_000_000 }, deny: { kind: 'deny' } }

interface Given {
  /** Calls that it may still release; `task` = all until then. */
  left: number
  readonly kind: string
  readonly until: number
  readonly key: string
}

/** Lets what was posted to the store come back. */
async function quiet(house: Harness): Promise<void> {
  for (let n = 0; n < 3; n++) {
    await house.store.pending()
    await new Promise((resolve) => setImmediate(resolve))
  }
}

async function play(house: Harness, steps: readonly Step[]): Promise<void> {
  const consents = new Map<string, Given>()
  const refused = new Set<string>()
  const ends: Promise<void>[] = []
  const calls: ReturnType<Harness['hold']>[] = []
  // Keyed as the model sees it: what is asked, and by whom.
  const keys = new Map<string, string>()

  const check = (said: Released | Unreleased, key: string): void => {
    if ('refusal' in said) return
    const given = consents.get(said.approval)
    assert.ok(given, `released by ${said.approval}, to which nobody consented`)
    assert.ok(!refused.has(said.approval), 'released after a denial or its deadline')
    assert.equal(given.key, key, 'released by a consent to something else')
    assert.ok(!said.by.includes('mallory'), 'released by its requester')
    assert.ok(house.clock.wall() < given.until, 'released by a consent that is over')
    if (given.kind !== 'task') assert.ok(--given.left >= 0, 'released twice for one consent')
  }

  for (const one of steps) {
    switch (one.do) {
      case 'hold': {
        const caller = callers[one.caller] ?? {}
        const call = house.hold({ fingerprint: `f${one.action}`, resource: `r${one.action}`, principal: { ...bot, ...caller } })
        const key = `${one.action}/${one.caller}`
        keys.set(call.exchange, key)
        calls.push(call)
        ends.push(call.end.then((said) => check(said, key)))
        break
      }
      case 'decide': {
        const open = house.desk.list(admin)
        const approval = open[one.which % Math.max(1, open.length)]
        if (approval === undefined) break
        const people = one.twoAtOnce ? [reviewers[one.who], reviewers[(one.who + 1) % 3]] : [reviewers[one.who]]
        const key = keys.get(approval.exchange)
        assert.ok(key !== undefined)
        let won = 0
        await Promise.all(people.map(async (by) => {
          assert.ok(by)
          const choice = choices[one.kind] as Choice
          try {
            await house.desk.get(by, approval.id)
            // Before the answer: the released call may hear of it first.
            const until = one.kind === 'task' ? house.clock.wall() + 1_000_000 : house.clock.wall() + 600_000
            if (one.kind !== 'deny' && by.name !== 'mallory' && !consents.has(approval.id)) consents.set(approval.id, { kind: one.kind, left: one.kind === 'twice' ? 2 : 1, until, key })
            await house.desk.decide(by, approval.id, approval.hash, choice)
            won++
            assert.notEqual(by.name, 'mallory', 'decided by its requester')
            assert.ok(house.clock.wall() < approval.expires, 'decided after its deadline')
            if (one.kind === 'deny') refused.add(approval.id)
          } catch (error) {
            if (error instanceof assert.AssertionError) throw error
          }
        }))
        assert.ok(won <= 1, 'two decisions about one approval')
        if (won === 0) consents.delete(approval.id)
        break
      }
      case 'abort':
        for (const call of one.all ? calls : calls.slice(-1 - one.which).slice(0, 1)) call.abort()
        break
      case 'advance': {
        await quiet(house)
        const waiting = new Set(house.desk.list(admin).map((open) => open.id))
        house.clock.advance(one.ms)
        const left = new Set(house.desk.list(admin).map((open) => open.id))
        for (const id of waiting) if (!left.has(id)) refused.add(id)
        break
      }
      case 'restart':
        await quiet(house)
        await house.restart()
        break
    }
    await quiet(house)
  }
  for (const call of calls) call.abort()
  await Promise.all(ends)
  assert.deepEqual(house.defects, [])
  for (const { act } of house.records) assert.match(act, /^approval\.(approve|deny|refused)$/)
}

test('whatever happens in whatever order: one release for one consent, none after a denial or a deadline, none by the requester', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60, size: 'max' }), async (steps) => {
      const over: (() => Promise<void> | void)[] = []
      const house = await opened({ after: (work) => void over.push(work as () => Promise<void>) })
      try {
        await play(house, steps)
      } finally {
        for (const one of over) await one()
      }
    }),
    { numRuns: 40 },
  )
})
