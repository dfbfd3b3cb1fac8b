import { NO_USAGE } from '../contract/exchange.ts'
import type { Intent, Receipt } from '../contract/receipt.ts'

/** The receipt of an exchange that the process did not live to end. Nothing is known of it but its intent. */
export function interruptedReceipt(intent: Intent, now: number): Receipt {
  const { kind: _, candidates: __, at, ...common } = intent
  return {
    ...common,
    kind: 'receipt',
    at: now,
    verdict: 'deny',
    outcome: 'interrupted',
    code: 'unfinished',
    proof: 'none',
    policies: [],
    shadow: [],
    context: {},
    findings: [],
    edits: 0,
    attempts: [],
    usage: NO_USAGE,
    took: Math.max(0, now - at),
    guardMicros: 0,
    reused: 0,
  }
}
