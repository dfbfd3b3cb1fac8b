import assert from 'node:assert/strict'
import { test } from 'node:test'
import { turns } from './turns.ts'
import type { Work } from './work.ts'

/** Pieces of a millisecond each, by a clock of its own. */
function bench(): { readonly clock: () => number; readonly work: (name: string, pieces: number, fails?: boolean) => Work; readonly log: string[] } {
  let now = 0
  const log: string[] = []
  return {
    clock: () => now,
    log,
    *work(name, pieces, fails = false) {
      for (let i = 0; i < pieces; i++) {
        now += 1
        log.push(name)
        yield
      }
      if (fails) throw new Error(name)
    },
  }
}

test('what is short is done at once', () => {
  const { clock, work, log } = bench()
  assert.equal(turns(clock).begin(work('a', 2)), undefined)
  assert.deepEqual(log, ['a', 'a'])
})

test('what is long shares: one slice of one in each turn of the loop', async () => {
  const { clock, work, log } = bench()
  const all = turns(clock)
  const first = all.begin(work('a', 10))
  const second = all.queue(work('b', 6))
  assert.equal(log.join(''), 'aaa')
  const seen: number[] = []
  const watch = (): void => {
    seen.push(log.length)
    if (log.length < 16) setImmediate(watch)
  }
  setImmediate(watch)
  await Promise.all([first, second])
  assert.equal(log.join(''), 'aaaaaabbbaaabbba')
  for (let i = 1; i < seen.length; i++) assert.ok((seen[i] as number) - (seen[i - 1] as number) <= 3)
})

test('what breaks is told to whom it belongs, and the others go on', async () => {
  const { clock, work, log } = bench()
  const all = turns(clock)
  const [bad, good] = [all.queue(work('a', 5, true)), all.queue(work('b', 9))]
  await assert.rejects(bad, /a/)
  await good
  assert.equal(log.filter((one) => one === 'b').length, 9)
  await all.queue(work('c', 1))
  assert.throws(() => turns(clock).begin(work('d', 1, true)), /d/)
})
