import type { Epoch } from './contract/epoch.ts'
import type { Asked } from './contract/exchange.ts'
import type { ReplyGuard } from './contract/guard.ts'
import { refuse, Refused, type Refusal } from './contract/verdict.ts'
import { object, type TreeObject } from './formats/tree.ts'
import { treeEvent } from './gateways/mcp/methods/leaves.ts'

/** What the guardrails say of definitions, one by one. */
export interface Looks {
  /** Looks as the guard of an answer does; gives what keeps the definition from passing, by guardrail and category. */
  look(server: string, hash: string, definition: TreeObject): Promise<string | undefined>
  /** What was found in it when it was last looked at. */
  found(hash: string): string | undefined
}

/** Verdicts that are remembered. */
const MOST = 20_000
const never = new AbortController().signal

/** Verdicts are of the epoch: another has other guardrails. */
export function makeLooks(epoch: () => Pick<Epoch, 'serial' | 'guard' | 'route'>): Looks {
  const looked = new Map<string, { readonly serial: number; readonly found: string | undefined }>()
  return {
    async look(server, hash, definition) {
      const { serial, guard, route } = epoch()
      const before = looked.get(hash)
      if (before?.serial === serial) return before.found
      const watch = guard.reply(askedOf(server), { mode: route(`mcp:${server}`).output, onDenied: 'fail', signal: never, decide: () => ({ allow: false, refusal: refuse('call_denied') }) })
      const refusal = await refusalOf(watch, definition)
      const findings = new Set(watch.findings().filter(({ mode }) => mode === 'enforce').map(({ guardrail, category }) => `${guardrail}/${category}`))
      const found = refusal === undefined ? undefined : findings.size === 0 ? refusal.refuse : [...findings].join(', ')
      looked.delete(hash)
      if (looked.size >= MOST) looked.delete(looked.keys().next().value as string)
      looked.set(hash, { serial, found })
      return found
    },
    found: (hash) => looked.get(hash)?.found,
  }
}

async function refusalOf(watch: ReplyGuard, definition: TreeObject): Promise<Refusal | undefined> {
  try {
    return (await watch.push(treeEvent(object({ result: definition }), 'tool_definition'))).refusal ?? (await watch.end()).refusal
  } catch (error) {
    // Too many texts, or something to take out of a name: it cannot pass, and others of its list can.
    if (error instanceof Refused) return error.refusal
    throw error
  }
}

/** What nobody asked for: shadow findings of it concern nobody. */
function askedOf(server: string): Asked {
  const route = `mcp:${server}`
  return {
    exchange: { id: 'pins', gateway: 'scan', startedAt: 0, epoch: '' },
    principal: { tenant: 'default', workload: 'sallyport', chain: [], roles: [], proof: { kind: 'local', id: '' }, scope: { rights: [] } },
    reading: {
      action: 'mcp.list', resource: { type: 'Endpoint', id: route, attributes: {} }, route, direction: 'inbound', effect: 'none',
      overlapsIntent: false, stream: false, segments: [], effects: [], parameters: {}, subordinates: [], estimate: { input: 0, choices: 0 },
      apply() {
        return this
      },
      fingerprint: () => '',
    },
  }
}
