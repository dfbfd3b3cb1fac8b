import type { Asked } from '../contract/exchange.ts'
import type { Finding } from '../contract/finding.ts'
import type { Guard } from '../contract/guard.ts'
import type { Origin } from '../contract/segment.ts'
import type { VerdictKind } from '../contract/verdict.ts'

export interface Scanned {
  readonly verdict: VerdictKind
  readonly findings: readonly Finding[]
  /** Microseconds of guard work. */
  readonly micros: number
}

const REPLIES: ReadonlySet<Origin> = new Set(['assistant', 'reasoning', 'tool_call'])

function askedOn(route: string): Asked {
  return {
    exchange: { id: 'scan', gateway: 'scan', startedAt: 0, epoch: '' },
    principal: { tenant: 'default', workload: 'scan', chain: [], roles: [], proof: { kind: 'local', id: '' }, scope: { rights: [] } },
    reading: {
      action: 'guard.evaluate', resource: { type: 'Route', id: route, attributes: {} }, route, direction: 'inbound', effect: 'none',
      overlapsIntent: false, stream: false, segments: [], effects: [], parameters: {}, subordinates: [], estimate: { input: 0, choices: 0 },
      apply() {
        return this
      },
      fingerprint: () => '',
    },
  }
}

const never = new AbortController().signal

/**
 * Looks at one text outside any exchange, as `sallyport scan` does. What a model would say (assistant, reasoning,
 * tool_call) is judged as a reply, everything else as a request. Rejects only where the guard itself is broken.
 */
export async function scanText(guard: Guard, { text, origin, route = 'default' }: { readonly text: string; readonly origin: Origin; readonly route?: string }): Promise<Scanned> {
  const asked = askedOn(route)
  const looking = guard.inspect(asked, [{ origin, text, path: [], group: '0' }], REPLIES.has(origin) ? 'reply' : 'request', never)
  const { verdict, findings, micros } = looking instanceof Promise ? await looking : looking
  return { verdict, findings, micros }
}
