import { burnOf, type Cell } from './cell.ts'
import type { Rule } from './scope.ts'
import type { Dimension, Per } from './settings.ts'

/** Something that an operator should hear of: at most once per scope, dimension and window. */
export interface BudgetAlert {
  readonly kind: 'threshold' | 'burn'
  readonly tenant: string
  readonly per: Per
  readonly value: string
  readonly window: string
  readonly dimension: Dimension
  /** Settled, not set aside; cost in micro-USD. */
  readonly used: number
  readonly limit: number
  /** How many times too fast; with `burn`. */
  readonly factor?: number
}

export function raise(rule: Rule, cell: Cell, of: { readonly tenant: string; readonly value: string }, now: number, onAlert: (alert: BudgetAlert) => void): void {
  for (const dimension in rule.limits) {
    const name = dimension as Dimension
    const limit = rule.limits[name] as number
    const used = cell.used[name] - cell.aside[name]
    const facts = { tenant: of.tenant, per: rule.per, value: of.value, window: rule.window?.name ?? '', dimension: name, used, limit }
    if (used >= limit * rule.alert && !cell.raised.has(`threshold ${name}`)) {
      cell.raised.add(`threshold ${name}`)
      onAlert({ kind: 'threshold', ...facts })
    }
    if (cell.raised.has(`burn ${name}`)) continue
    const factor = burnOf(cell, name, limit, now)
    if (factor < rule.burn) continue
    cell.raised.add(`burn ${name}`)
    onAlert({ kind: 'burn', ...facts, factor: Math.round(factor * 10) / 10 })
  }
}
