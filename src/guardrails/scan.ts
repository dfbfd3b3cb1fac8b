import type { Asked } from '../contract/exchange.ts'
import type { Finding } from '../contract/finding.ts'
import type { Guard } from '../contract/guard.ts'
import type { Layer } from './guardrail.ts'
import type { GuardSettings } from './settings.ts'
import type { Origin } from '../contract/segment.ts'
import type { VerdictKind } from '../contract/verdict.ts'

export interface Scanned {
  readonly verdict: VerdictKind
  /** Something was found that is to be recorded and nothing more. */
  readonly flagged: boolean
  readonly findings: readonly Finding[]
  /** The highest score of each guardrail that looked. */
  readonly scores: Readonly<Record<string, number>>
  /** Microseconds of guard work. */
  readonly micros: number
}

const REPLIES: ReadonlySet<Origin> = new Set(['assistant', 'reasoning', 'tool_call'])

function askedOn(route: string, task: string): Asked {
  return {
    exchange: { id: 'scan', gateway: 'scan', startedAt: 0, epoch: '' },
    principal: { tenant: 'default', workload: 'scan', chain: [], roles: [], proof: { kind: 'local', id: '' }, scope: { rights: [] } },
    reading: {
      action: 'guard.evaluate', resource: { type: 'Route', id: route, attributes: {} }, route, direction: 'inbound', effect: 'none',
      overlapsIntent: false, stream: false, segments: task === '' ? [] : [{ origin: 'user', text: task, path: [], group: 'task' }], effects: [], parameters: {}, subordinates: [], estimate: { input: 0, choices: 0 },
      apply() {
        return this
      },
      fingerprint: () => '',
    },
  }
}

// Milliseconds.
const SCAN_TIMEOUT = 120_000

/**
 * Settings under which everything that is not off takes part in the verdict, so that it says what enforcing would do,
 * and only the given layers look.
 */
export function forScan(settings: GuardSettings, layers: ReadonlySet<Layer>): GuardSettings {
  return {
    ...settings,
    entries: settings.entries.map((entry) => ({
      ...entry,
      mode: entry.mode === 'off' ? 'off' : 'enforce',
      looks: (entry.looks ?? entry.mode) === 'off' ? 'off' : 'enforce',
      layers: new Set([...layers].filter((layer) => entry.layers === undefined || entry.layers.has(layer))),
      onError: 'open',
      // Texts wait for each other here, and nobody waits for one of them.
      timeout: Math.max(entry.timeout, SCAN_TIMEOUT),
      onInconclusive: entry.onInconclusive ?? 'flag',
    })),
  }
}

const never = new AbortController().signal

/**
 * Looks at one text outside any exchange, as `sallyport scan` does. What a model would say (assistant, reasoning,
 * tool_call) is judged as a reply, everything else as a request. Rejects only where the guard itself is broken.
 */
export async function scanText(guard: Guard, { text, origin, task = '', route = 'default' }: { readonly text: string; readonly origin: Origin; readonly task?: string; readonly route?: string }): Promise<Scanned> {
  const asked = askedOn(route, task)
  const looking = guard.inspect(asked, [{ origin, text, path: [], group: '0' }], REPLIES.has(origin) ? 'reply' : 'request', never)
  const { verdict, findings, scores = {}, flagged = false, micros } = looking instanceof Promise ? await looking : looking
  return { verdict, flagged, findings, scores, micros }
}
