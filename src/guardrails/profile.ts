import type { Asked } from '../contract/exchange.ts'
import type { Origin } from '../contract/segment.ts'
import type { Guardrail, Phase } from './guardrail.ts'
import { forJson, scanner } from './rules/scanner.ts'
import type { Scanner } from './rules/scanner.ts'
import type { Entry, GuardSettings } from './settings.ts'

/** An entry and the guardrail it uses. */
export interface Active {
  readonly entry: Entry
  readonly guardrail: Guardrail
}

/** What looks at texts of one origin in one phase. Off entries are not in it. */
export interface Plan {
  readonly byGuardrail: ReadonlyMap<string, Active>
  /** All rules, enforced and shadow, in one pass; absent where no rule looks at this origin. */
  readonly rules?: Scanner
  /** The same, apart: a stream withholds text for enforced rules only. */
  readonly enforced?: Scanner
  readonly shadow?: Scanner
  /** Layers that take time. */
  readonly looks: readonly Active[]
}

export type PlanOf = (origin: Origin) => Plan | undefined

/** How the origins' plans are found for one exchange and phase. */
export interface Profiles {
  of(asked: Asked, phase: Phase): PlanOf
  /** A scanner with one guardrail's rules alone, for when the common pass fails. */
  alone(guardrail: string): Scanner | undefined
}

function applies(entry: Entry, asked: Asked, phase: Phase): boolean {
  if (entry.phase !== 'both' && entry.phase !== phase) return false
  const { route } = asked.reading
  if (entry.routes !== undefined && !entry.routes.includes(route)) return false
  const { routes, workloads, cohorts } = entry.except
  if (routes.includes(route)) return false
  const { workload, cohort } = asked.principal
  return !workloads.includes(workload) && (cohort === undefined || !cohorts.includes(cohort))
}

/** Prepares everything that depends on settings alone; scanners are built once for each set of guardrails. */
export function profiles(settings: GuardSettings, members: readonly Guardrail[]): Profiles {
  const byId = new Map(members.map((member) => [member.id, member]))
  const actives = settings.entries.flatMap((entry): Active[] => {
    const guardrail = byId.get(entry.use)
    if (guardrail === undefined) throw new Error(`guardrails: there is no "${entry.use}"`)
    return [{ entry, guardrail }]
  })
  const scanners = new Map<string, Scanner>()
  const compiled = (chosen: readonly Active[], json: boolean): Scanner | undefined => {
    const ruled = chosen.filter(({ guardrail }) => guardrail.matchers !== undefined)
    if (ruled.length === 0) return undefined
    const id = ruled.map(({ guardrail }) => guardrail.id).sort().join('+')
    let made = scanners.get(id)
    if (made === undefined) scanners.set(id, (made = scanner(id, ruled.flatMap(({ guardrail }) => guardrail.matchers ?? []))))
    return json ? forJson(made) : made
  }
  const planFor = (chosen: readonly Active[], origin: Origin): Plan | undefined => {
    const byGuardrail = new Map<string, Active>()
    for (const active of chosen) if (active.entry.on.includes(origin)) byGuardrail.set(active.guardrail.id, active)
    const live = [...byGuardrail.values()].filter(({ entry }) => entry.mode !== 'off')
    if (live.length === 0) return undefined
    // Arguments travel as JSON text, and escapes in it are as good as the letters.
    const json = origin === 'tool_call'
    const rules = compiled(live, json)
    const enforced = compiled(live.filter(({ entry }) => entry.mode === 'enforce'), json)
    const shadow = compiled(live.filter(({ entry }) => entry.mode === 'shadow'), json)
    return {
      byGuardrail: new Map(live.map((active) => [active.guardrail.id, active])),
      ...(rules && { rules }),
      ...(enforced && { enforced }),
      ...(shadow && { shadow }),
      looks: live.filter(({ guardrail }) => guardrail.look !== undefined),
    }
  }
  // One list of plans for each set of entries that apply together, whatever route or principal led to it.
  const plans = new Map<string, Map<Origin, Plan | undefined>>()
  return {
    of(asked, phase) {
      let key = ''
      for (const { entry } of actives) key += applies(entry, asked, phase) ? '1' : '0'
      let known = plans.get(key)
      if (known === undefined) plans.set(key, (known = new Map()))
      const origins = known
      return (origin) => {
        if (origins.has(origin)) return origins.get(origin)
        const made = planFor(actives.filter((_, i) => key[i] === '1'), origin)
        origins.set(origin, made)
        return made
      }
    },
    alone(guardrail) {
      const active = actives.find((one) => one.guardrail.id === guardrail)
      return active === undefined ? undefined : compiled([active], false)
    },
  }
}
