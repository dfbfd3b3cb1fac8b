import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Clock } from '../contract/clock.ts'
import type { Intent, Receipt } from '../contract/receipt.ts'

/** Records and a clock for tests: nothing in them depends on when or where they run. */

export function intentOf(exchange: string, more: Partial<Intent> = {}): Intent {
  return {
    kind: 'intent',
    exchange,
    gateway: 'llm',
    tenant: 'default',
    workload: 'key:k1',
    chain: [],
    subject: 'default/key:k1',
    action: 'llm.generate',
    resource: 'Model::practice',
    route: 'default',
    epoch: 'e1',
    at: 1_000,
    candidates: ['practice/practice'],
    ...more,
  }
}

export function receiptOf(exchange: string, more: Partial<Receipt> = {}): Receipt {
  const { kind: _, candidates: __, ...common } = intentOf(exchange)
  return {
    ...common,
    kind: 'receipt',
    at: 2_000,
    verdict: 'allow',
    outcome: 'answered',
    status: 200,
    proof: 'api_key:k1',
    policies: ['generate-for-keys'],
    shadow: [],
    context: { labels: { untrusted: false, sensitivity: 0 }, effects: ['read'], hour: 12 },
    findings: [{ guardrail: 'pii', category: 'email', score: 0.95, layer: 'rules', mode: 'shadow', action: 'redact', origin: 'user', rule: 'email' }],
    edits: 0,
    attempts: [{ candidate: 'practice/practice', role: 'primary', model: 'practice', outcome: 'answered', status: 200, usage: { input: 12, output: 30, cachedInput: 0, cacheWrite: 0, reasoning: 0 }, cost: 42, startedAt: 1_001, firstByte: 3, took: 40 }],
    usage: { input: 12, output: 30, cachedInput: 0, cacheWrite: 0, reasoning: 0 },
    cost: 42,
    model: 'practice',
    took: 44,
    guardMicros: 120,
    reused: 0,
    ...more,
  }
}

export interface ManualClock extends Clock {
  /** Moves time on and runs what became due, in order. */
  advance(ms: number): void
}

export function manualClock(start = 1_000_000): ManualClock {
  let now = start
  let timers: { readonly at: number; readonly fire: () => void }[] = []
  return {
    wall: () => now,
    monotonic: () => now,
    timer(ms, fire) {
      const timer = { at: now + ms, fire }
      timers.push(timer)
      return () => {
        timers = timers.filter((one) => one !== timer)
      }
    },
    advance(ms) {
      const end = now + ms
      for (;;) {
        const [due] = timers.filter((one) => one.at <= end).toSorted((a, b) => a.at - b.at)
        if (due === undefined) break
        timers = timers.filter((one) => one !== due)
        now = Math.max(now, due.at)
        due.fire()
      }
      now = end
    },
  }
}

/** A folder for one test, gone after it. */
export function folderFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-audit-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}
