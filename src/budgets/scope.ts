import { createHash } from 'node:crypto'
import type { Asked, Candidate } from '../contract/exchange.ts'
import { withinScope } from '../contract/principal.ts'
import type { Dimension, SettledBudget } from './settings.ts'

/** Budgets that count the same calls, as one: the tightest limit of each kind holds. */
export interface Rule {
  readonly per: SettledBudget['per']
  readonly match: SettledBudget['match']
  /** Part of every key: tells scopes of the same name but other calls apart. */
  readonly label: string
  readonly window: SettledBudget['window']
  readonly limits: SettledBudget['limits']
  readonly rates: readonly NonNullable<SettledBudget['rate']>[]
  readonly concurrency: number | undefined
  readonly share: number
  readonly hard: boolean
  readonly alert: number
  readonly burn: number
}

export function rulesOf(budgets: readonly SettledBudget[]): readonly Rule[] {
  const rules = new Map<string, Rule>()
  for (const budget of budgets) {
    const label = labelOf(budget.match)
    const plain = { per: budget.per, match: budget.match, label, share: budget.share, hard: budget.hard, alert: budget.alert, burn: budget.burn }
    if (budget.window !== undefined) merge(rules, `${budget.per}${label}|${budget.window.name}`, { ...plain, window: budget.window, limits: budget.limits, rates: [], concurrency: undefined })
    if (budget.rate !== undefined || budget.concurrency !== undefined) {
      merge(rules, `${budget.per}${label}|`, { ...plain, window: undefined, limits: {}, rates: budget.rate === undefined ? [] : [budget.rate], concurrency: budget.concurrency })
    }
  }
  return [...rules.values()]
}

function merge(rules: Map<string, Rule>, id: string, rule: Rule): void {
  const other = rules.get(id)
  if (other === undefined) {
    rules.set(id, rule)
    return
  }
  const limits: Partial<Record<Dimension, number>> = { ...other.limits }
  for (const [dimension, limit] of Object.entries(rule.limits) as [Dimension, number][]) limits[dimension] = Math.min(limit, limits[dimension] ?? limit)
  const concurrency = Math.min(rule.concurrency ?? Number.POSITIVE_INFINITY, other.concurrency ?? Number.POSITIVE_INFINITY)
  const known = other.rates.some((one) => rule.rates.every((two) => one.interval === two.interval && one.burst === two.burst))
  rules.set(id, {
    ...other,
    limits,
    rates: known ? other.rates : [...other.rates, ...rule.rates],
    concurrency: concurrency === Number.POSITIVE_INFINITY ? undefined : concurrency,
    share: Math.max(rule.share, other.share),
    hard: rule.hard || other.hard,
    alert: Math.min(rule.alert, other.alert),
    burn: Math.min(rule.burn, other.burn),
  })
}

function labelOf(match: SettledBudget['match']): string {
  const entries = Object.entries(match).sort(([a], [b]) => (a < b ? -1 : 1))
  if (entries.length === 0) return ''
  const sorted = entries.map(([key, patterns]) => [key, patterns.toSorted()])
  return `?${createHash('sha256').update(JSON.stringify(sorted)).digest('hex').slice(0, 16)}`
}

/** Whose budget a call counts against under this rule; undefined when the rule does not concern it. */
export function valueOf(rule: Rule, { principal, reading }: Asked, candidates: readonly Candidate[]): string | undefined {
  const { match } = rule
  if (match.tenant !== undefined && !withinScope(match.tenant, principal.tenant)) return undefined
  if (match.key !== undefined && !withinScope(match.key, principal.workload)) return undefined
  if (match.route !== undefined && !withinScope(match.route, reading.route)) return undefined
  if (match.agent !== undefined && (principal.agent === undefined || !withinScope(match.agent, principal.agent))) return undefined
  if (match.cohort !== undefined && (principal.cohort === undefined || !withinScope(match.cohort, principal.cohort))) return undefined
  if (match.role !== undefined && !principal.roles.some((role) => withinScope(match.role, role))) return undefined
  if (match.model !== undefined && !candidates.some((one) => withinScope(match.model, one.model))) return undefined
  switch (rule.per) {
    case 'key':
      return principal.workload
    case 'route':
      return reading.route
    case 'agent':
      return principal.agent
    case 'cohort':
      return principal.cohort
    case 'tenant':
      return principal.tenant
  }
}

/** `tenant|scope`, each part written so that none can reach into the next. */
export function scopeKey(rule: Rule, tenant: string, value: string): string {
  return `${escaped(tenant)}|${rule.per}=${escaped(value)}${rule.label}`
}

export function memberKey(scope: string, workload: string): string {
  return `${scope}~${escaped(workload)}`
}

function escaped(text: string): string {
  return /[%|~?]/.test(text) ? text.replace(/[%|~?]/g, (one) => `%${one.charCodeAt(0).toString(16)}`) : text
}
