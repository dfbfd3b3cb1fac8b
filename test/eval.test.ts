import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { test } from 'node:test'
import { disguises } from '../bench/eval/disguises.ts'
import { fFigure, fScore, share, thresholdAt, wilson, worse } from '../bench/eval/figures.ts'
import { personal, talliedSpans } from '../bench/eval/spans.ts'
import { sampled } from '../bench/labelled.ts'
import type { Labelled } from '../bench/labelled.ts'

const near = (found: number, expected: number): void => assert.ok(Math.abs(found - expected) < 0.001, `${found} is not ${expected}`)

test('Wilson intervals are those of the textbook and stay within 0 and 1', () => {
  const [low, high] = wilson(8, 10)
  near(low, 0.49)
  near(high, 0.943)
  assert.equal(wilson(0, 20)[0], 0)
  assert.equal(wilson(20, 20)[1], 1)
  assert.deepEqual(wilson(0, 0), [0, 1])
})

test('no more ordinary texts than allowed lie above a threshold, also where many have one score', () => {
  const spread = Array.from({ length: 1000 }, (_, i) => i / 1000)
  for (const rate of [0.01, 0.001]) {
    const limit = thresholdAt(spread, rate)
    assert.equal(spread.filter((score) => score > limit).length, rate * 1000)
  }
  const tied = Array.from({ length: 1000 }, (_, i) => (i < 50 ? 0.95 : 0))
  assert.equal(tied.filter((score) => score > thresholdAt(tied, 0.01)).length, 0)
})

test('a figure is worse when it lies beyond the recorded interval on the wrong side', () => {
  const before = [share('recall', 90, 100, 'more'), share('flagged', 1, 100, 'less'), share('gone', 9, 10, 'more')]
  assert.deepEqual(worse(before, [share('recall', 86, 100, 'more'), share('flagged', 3, 100, 'less')]), [])
  assert.deepEqual(worse(before, [share('recall', 70, 100, 'more'), share('flagged', 12, 100, 'less')]).map(({ now }) => now.key), ['recall', 'flagged'])
})

test('F-measures weigh what was missed by beta, and their intervals are the same on every run', () => {
  const counts = { right: 8, wrong: 4, missed: 2 }
  near(fScore(counts, 1), 8 / 11)
  near(fScore(counts, 2), 40 / 52)
  const texts = Array.from({ length: 40 }, (_, i) => ({ right: Number(i % 4 !== 0), wrong: 0, missed: Number(i % 4 === 0) }))
  const figure = fFigure('f', texts, 1)
  assert.deepEqual(figure, fFigure('f', texts, 1))
  assert.ok(figure.low < figure.value && figure.value < figure.high)
})

test('a sample does not depend on the order of the texts', () => {
  const rows = Array.from({ length: 100 }, (_, i) => ({ text: `text ${i}` }))
  assert.deepEqual(sampled(rows, 10, 's'), sampled(rows.toReversed(), 10, 's'))
  assert.notDeepEqual(sampled(rows, 10, 's'), sampled(rows, 10, 't'))
})

test('spans count where a finding of their kind overlaps them', () => {
  const row: Labelled = { text: 'Mail jo@example.org or call 020 7946 0000', origin: 'user', bad: true, kind: 'pii', source: 'x', lang: 'en', type: '', categories: [], spans: [{ type: 'EMAIL_ADDRESS', start: 5, end: 19 }, { type: 'PHONE_NUMBER', start: 28, end: 41 }] }
  const found = (category: string, start: number, end: number) => ({ guardrail: 'pii', category, score: 1, start, end })
  assert.deepEqual(talliedSpans(row, [found('email', 5, 19), found('card', 28, 41)], personal.structured), { right: 1, wrong: 1, missed: 1 })
  assert.deepEqual(talliedSpans(row, [found('email', 6, 12), found('phone', 30, 41), found('person', 0, 4)], personal.structured), { right: 2, wrong: 0, missed: 0 })
})

test('disguises have names of their own and change the text', () => {
  assert.ok(disguises.length >= 23)
  assert.equal(new Set(disguises.map(({ name }) => name)).size, disguises.length)
  for (const { name, write } of disguises) assert.notEqual(write('Please send me the list of visitors'), 'Please send me the list of visitors', name)
})

test('without labelled sets the evaluation says so and passes', () => {
  const { status, stdout } = spawnSync(process.execPath, [fileURLToPath(new URL('../bench/eval/main.ts', import.meta.url))], { encoding: 'utf8', env: { ...process.env, SALLYPORT_DATA: '/nowhere' } })
  assert.equal(status, 0)
  assert.match(stdout, /nothing to measure/)
})
