import assert from 'node:assert/strict'
import { readFileSync, readdirSync } from 'node:fs'
import { test } from 'node:test'
import type { Origin } from '../contract/segment.ts'
import { guardWith } from './guard.fixture.ts'
import { scanText } from './scan.ts'
import { settleGuardrails } from './settings.ts'

interface Case {
  readonly id: string
  readonly origin: Origin
  /** Pieces are joined: a secret in one piece would look like a leak to whoever scans this repository. */
  readonly text: string | readonly string[]
  readonly expect: { readonly verdict: string; readonly categories: readonly string[] }
}

const folder = new URL('../../cases/guardrails/', import.meta.url)
const guard = guardWith([], { posture: 'strict' })
const thresholds = new Map(settleGuardrails([], 'strict').entries.map(({ use, threshold }) => [use, threshold]))

for (const file of readdirSync(folder).filter((name) => name.endsWith('.jsonl'))) {
  for (const line of readFileSync(new URL(file, folder), 'utf8').split('\n').filter((one) => one !== '')) {
    const { id, origin, text, expect } = JSON.parse(line) as Case
    test(`${file}: ${id}`, async () => {
      const whole = typeof text === 'string' ? text : text.join('')
      const { verdict, findings } = await scanText(guard, { text: whole, origin })
      const sure = findings.filter(({ guardrail, score }) => typeof score === 'number' && score >= (thresholds.get(guardrail) ?? 0))
      assert.deepEqual({ verdict, categories: [...new Set(sure.map(({ category }) => category))].sort() }, { verdict: expect.verdict, categories: [...expect.categories].sort() })
    })
  }
}
