import { parentPort } from 'node:worker_threads'
import { openModels } from '../../src/guardrails/classifiers/models.ts'
import { makeGuard } from '../../src/guardrails/engine.ts'
import type { Guard } from '../../src/contract/guard.ts'
import type { Layer } from '../../src/guardrails/guardrail.ts'
import { guardrails } from '../../src/guardrails/list.ts'
import { forScan, scanText } from '../../src/guardrails/scan.ts'
import { settleGuardrails } from '../../src/guardrails/settings.ts'
import { clock } from '../prose.ts'
import { SCORED } from './scorer.ts'
import type { Answer, Ask, Score } from './scorer.ts'

const port = parentPort
if (port === null) throw new Error('this file is a worker')

// Nothing may be left out because this machine was slow.
const TIMEOUT = 3_600_000
// What is compared with ordinary traffic, and nothing else; or personal data and secrets, names in free text included.
const attacks = settleGuardrails(guardrails.filter(({ id }) => !SCORED.some((one) => one === id)).map(({ id }) => ({ use: id, mode: 'off' as const })), 'strict')
const data = settleGuardrails(guardrails.map(({ id }) => (id === 'pii' ? { use: id, layers: ['rules' as const, 'deep' as const] } : { use: id, mode: id === 'secrets' ? ('enforce' as const) : ('off' as const) })), 'strict')
const models = openModels(undefined, 1)
const guards = new Map<string, Guard>()

function guardOf(about: Ask['about'], layers: readonly Layer[]): Guard {
  const key = `${about}|${layers.join()}`
  let guard = guards.get(key)
  if (guard === undefined) {
    const settings = forScan(about === 'data' ? data : attacks, new Set(layers))
    const patient = { ...settings, entries: settings.entries.map((entry) => ({ ...entry, timeout: TIMEOUT })) }
    guards.set(key, (guard = makeGuard(patient, { clock, cacheBytes: 1 << 16, tools: { models } })))
  }
  return guard
}

async function scored({ about, layers, items }: Ask): Promise<readonly Score[]> {
  const guard = guardOf(about, layers)
  return Promise.all(items.map(async ({ text, origin }) => {
    const { findings, scores, micros } = await scanText(guard, { text, origin })
    return {
      scores, micros,
      inconclusive: findings.filter(({ score }) => score === 'inconclusive').map(({ guardrail, rule }) => `${guardrail}: ${rule}`),
      found: findings.flatMap(({ guardrail, category, score, start, end }) => (typeof score === 'number' ? [{ guardrail, category, score, start, end }] : [])),
    }
  }))
}

port.on('message', (ask: Ask) => {
  scored(ask).then(
    (scores) => port.postMessage({ id: ask.id, scores } satisfies Answer),
    (error: unknown) => port.postMessage({ id: ask.id, error: error instanceof Error ? (error.stack ?? error.message) : 'failed' } satisfies Answer),
  )
})
