import type { Asked } from '../contract/exchange.ts'
import type { Mode } from '../contract/finding.ts'
import type { Origin } from '../contract/segment.ts'
import type { Guardrail, Layer, Phase } from './guardrail.ts'
import { forDecoded } from './rules/decoded.ts'
import { compile, forJson, scanner } from './rules/scanner.ts'
import type { Compiled, Scanner } from './rules/scanner.ts'
import type { Entry, GuardSettings } from './settings.ts'
import type { Tools } from './tools.ts'

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
  /** All rules for complete texts, which are also read with their disguises off. */
  readonly whole?: Scanner
  /** The same, apart: a stream withholds text for enforced rules only. */
  readonly enforced?: Scanner
  readonly shadow?: Scanner
  /** Layers that take time. */
  readonly looks: readonly Active[]
}

const ALL: ReadonlySet<Layer> = new Set<Layer>(['normalise', 'rules', 'fast', 'deep', 'judge'])
const defaults = new Map<Guardrail, ReadonlySet<Layer>>()

/** The layers that look: those of the entry, else those that the guardrail uses by itself. */
export function layersOf({ entry, guardrail }: Active): ReadonlySet<Layer> {
  if (entry.layers !== undefined) return entry.layers
  if (guardrail.layers === undefined) return ALL
  let own = defaults.get(guardrail)
  if (own === undefined) defaults.set(guardrail, (own = new Set(guardrail.layers)))
  return own
}

// Whether anything that takes time is left to do.
function looks(active: Active): boolean {
  const layers = layersOf(active)
  // What needs no classifier and no judge is a rule that looks at the whole text.
  const asRule = active.guardrail.needs === undefined && layers.has('rules')
  return active.guardrail.look !== undefined && looksMode(active.entry) !== 'off' && (asRule || layers.has('fast') || layers.has('deep') || layers.has('judge'))
}

/** The mode of an entry's slow layers. */
export function looksMode(entry: Entry): Mode {
  return entry.looks ?? entry.mode
}

function live(active: Active): boolean {
  return (active.guardrail.matchers !== undefined && active.entry.mode !== 'off') || looks(active) || (active.guardrail.marks === true && active.entry.mode === 'enforce')
}

/** How urgently the settings need a tool: `enforced` where calls would be refused without it, `shadow` where nobody would notice. */
export function needFor(tool: keyof Tools, { entries }: GuardSettings, members: readonly Guardrail[]): 'enforced' | 'shadow' | undefined {
  const needing = entries.filter((entry) => members.some((guardrail) => guardrail.id === entry.use && guardrail.needs === tool && looks({ entry, guardrail })))
  const modes = needing.map((entry) => (entry.onError === 'open' && looksMode(entry) === 'enforce' ? 'shadow' : looksMode(entry)))
  return modes.includes('enforce') ? 'enforced' : modes.includes('shadow') ? 'shadow' : undefined
}

export type PlanOf = (origin: Origin) => Plan | undefined

/** How the origins' plans are found for one exchange and phase. */
export interface Profiles {
  of(asked: Asked, phase: Phase): PlanOf
  /** A scanner for complete texts with one guardrail's rules alone, for when the common pass fails. */
  alone(guardrail: string): Scanner | undefined
}

const nobody: PlanOf = () => undefined

function applies(entry: Entry, asked: Asked, phase: Phase): boolean {
  if (entry.phase !== 'both' && entry.phase !== phase) return false
  const { route } = asked.reading
  if (entry.routes !== undefined && !entry.routes.includes(route)) return false
  const { routes, workloads, cohorts } = entry.except
  if (routes.includes(route)) return false
  const { workload, cohort } = asked.principal
  if (entry.workloads !== undefined && !entry.workloads.includes(workload)) return false
  if (entry.cohorts !== undefined && (cohort === undefined || !entry.cohorts.includes(cohort))) return false
  return !workloads.includes(workload) && (cohort === undefined || !cohorts.includes(cohort))
}

/** Compiled rules by the guardrails that they are of: to be shared only where the members are the same. */
export type Tables = Map<string, Compiled>

/** Prepares everything that depends on settings alone; scanners are built once for each set of guardrails. */
export function profiles(settings: GuardSettings, members: readonly Guardrail[], tables: Tables = new Map()): Profiles {
  const byId = new Map(members.map((member) => [member.id, member]))
  const actives = settings.entries.flatMap((entry): Active[] => {
    const guardrail = byId.get(entry.use)
    if (guardrail === undefined) throw new Error(`guardrails: there is no "${entry.use}"`)
    return [{ entry, guardrail }]
  })
  const scannerFor = (chosen: readonly Active[], origin?: Origin): Scanner | undefined => {
    const ruled = chosen.filter(({ guardrail }) => guardrail.matchers !== undefined)
    if (ruled.length === 0) return undefined
    const id = ruled.map(({ guardrail }) => guardrail.id).sort().join('+')
    let table = tables.get(id)
    if (table === undefined) tables.set(id, (table = compile(ruled.flatMap(({ guardrail }) => guardrail.matchers ?? []))))
    const made = scanner(origin === undefined ? id : `${id}@${origin}`, table, origin)
    // Arguments travel as JSON text, and escapes in it are as good as the letters.
    return origin === 'tool_call' ? forJson(made) : made
  }
  const planFor = (chosen: readonly Active[], origin: Origin): Plan | undefined => {
    const byGuardrail = new Map<string, Active>()
    for (const active of chosen) if (active.entry.on.includes(origin)) byGuardrail.set(active.guardrail.id, active)
    const chosenHere = [...byGuardrail.values()].filter(live)
    if (chosenHere.length === 0) return undefined
    const ruled = chosenHere.filter((active) => active.entry.mode !== 'off' && layersOf(active).has('rules'))
    const rules = scannerFor(ruled, origin)
    // A flag takes nothing out of the text, so that no text waits for it.
    const holds = ({ entry }: Active): boolean => entry.mode === 'enforce' && entry.action !== 'flag'
    const enforced = scannerFor(ruled.filter(holds), origin)
    const shadow = scannerFor(ruled.filter((active) => !holds(active)), origin)
    return {
      byGuardrail: new Map(chosenHere.map((active) => [active.guardrail.id, active])),
      ...(rules && { rules, whole: forDecoded(rules) }),
      ...(enforced && { enforced }),
      ...(shadow && { shadow }),
      looks: chosenHere.filter(looks),
    }
  }
  // One list of plans for each set of entries that apply together, whatever route or principal led to it.
  const plans = new Map<string, Map<Origin, Plan | undefined>>()
  return {
    of(asked, phase) {
      // A judge is not judged: we alone read its answer, strictly, and what it was asked was masked on the way.
      if (asked.exchange.gateway === 'judge' || asked.exchange.gateway === 'classifier') return nobody
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
      const made = active === undefined ? undefined : scannerFor([active])
      return made && forDecoded(made)
    },
  }
}
