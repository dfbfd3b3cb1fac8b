import type { Clock } from '../contract/clock.ts'
import type { HistoryEnds, HistoryFact, HistoryFacts } from '../contract/history.ts'
import type { Question } from '../contract/policy.ts'
import type { Principal } from '../contract/principal.ts'
import type { Sessions } from '../store/interfaces.ts'
import { add, atMost, isOver, total, widthOf, type Window } from './history_window.ts'
import { readTenants, readWindows, writeTenants, writeWindows } from './history_rows.ts'

/**
 * What was done, in sliding windows, for policies that ask about it. An action counts from the moment it is reserved:
 * of ten that begin at once under a limit of three, three pass. Counters outlive epochs; a fact whose definition
 * changes starts afresh.
 */
export interface History extends HistoryEnds {
  /** The facts of one configuration. */
  under(facts: readonly HistoryFact[]): HistoryFacts
  /** Writes what is not written yet. */
  save(): Promise<void>
}

interface Counter {
  readonly window: Window
  readonly width: number
  readonly tenant: string
  /** What is under way; exact, however large, because it is also taken off again. */
  pending: bigint
}

interface Reserved {
  readonly counter: Counter
  readonly amount: number
  readonly keep: boolean
}

export interface HistoryDeps {
  readonly clock: Clock
  /** Where counters survive a restart; absent = they start afresh. What was counted less than `SAVE_MS` before a crash is lost. */
  readonly sessions?: Sessions
  readonly onStoreError: (error: unknown) => void
}

const MOST_COUNTERS = 200_000
/** So that no tenant takes the memory of all. */
const MOST_OF_TENANT = 20_000
const MOST_UNDER_WAY = 100_000
const SAVE_MS = 5_000
const SWEEP_MS = 10_000

/** Reads what was saved, then counts. */
export async function openHistory({ clock, sessions, onStoreError }: HistoryDeps): Promise<History> {
  const tenants = new Map<string, Map<string, Counter>>()
  const underWay = new Map<string, readonly Reserved[]>()
  const dirty = new Set<string>()
  let counters = 0
  let swept = Number.NEGATIVE_INFINITY
  let saving = false

  const counterAt = (tenant: string, key: string): Counter | undefined => tenants.get(tenant)?.get(key)

  function sweep(): void {
    if (clock.monotonic() - swept < SWEEP_MS) return
    swept = clock.monotonic()
    const now = clock.wall()
    for (const [tenant, byKey] of tenants) {
      for (const [key, { window, width, pending }] of byKey) if (pending === 0n && isOver(window, now, width)) byKey.delete(key)
      if (byKey.size === 0) tenants.delete(tenant)
    }
    counters = [...tenants.values()].reduce((sum, { size }) => sum + size, 0)
  }

  function make(tenant: string, key: string, width: number, window: Window = { parts: [], amounts: [] }): Counter | undefined {
    const full = (): boolean => counters >= MOST_COUNTERS || (tenants.get(tenant)?.size ?? 0) >= MOST_OF_TENANT
    if (full()) sweep()
    if (full()) return undefined
    let byKey = tenants.get(tenant)
    if (byKey === undefined) tenants.set(tenant, (byKey = new Map()))
    const counter = { window, width, tenant, pending: 0n }
    byKey.set(key, counter)
    counters += 1
    return counter
  }

  function end(exchange: string, done: boolean): void {
    const reserved = underWay.get(exchange)
    if (reserved === undefined) return
    underWay.delete(exchange)
    const now = clock.wall()
    for (const { counter, amount, keep } of reserved) {
      counter.pending -= BigInt(amount)
      if (!done && !keep) continue
      add(counter.window, now, counter.width, amount)
      changed(counter.tenant)
    }
  }

  function changed(tenant: string): void {
    if (sessions === undefined) return
    dirty.add(tenant)
    if (saving) return
    saving = true
    clock.timer(SAVE_MS, () => void save())
  }

  async function save(): Promise<void> {
    saving = false
    if (sessions === undefined || dirty.size === 0) return
    sweep()
    const changes = [...dirty]
    dirty.clear()
    try {
      await writeTenants(sessions, [...tenants.keys()], clock.wall())
      for (const tenant of changes) await writeWindows(sessions, tenant, [...(tenants.get(tenant) ?? [])].map(([key, { window, width }]) => ({ key, width, window })), clock.wall())
    } catch (error) {
      for (const tenant of changes) dirty.add(tenant)
      onStoreError(error)
    }
  }

  if (sessions !== undefined) {
    for (const tenant of await readTenants(sessions)) {
      for (const { key, width, window } of await readWindows(sessions, tenant)) make(tenant, key, width, window)
    }
  }

  return {
    under(facts) {
      const known = facts.map((fact) => ({ fact, name: nameOf(fact), width: widthOf(fact.within) }))
      return {
        read(principal, exchange) {
          if (known.length === 0) return undefined
          const now = clock.wall()
          const own = underWay.get(exchange)
          const values: Record<string, number | boolean> = {}
          for (const { fact, name, width } of known) {
            const counter = counterAt(principal.tenant, keyOf(fact, name, principal))
            const mine = counter === undefined ? undefined : own?.find((one) => one.counter === counter)
            const value = counter === undefined ? 0 : atMost(total(counter.window, now, width) + Number(counter.pending - BigInt(mine?.amount ?? 0)))
            values[fact.name] = fact.kind === 'once' ? value > 0 : value
          }
          return values
        },
        reserve(question, exchange) {
          const concerned = known.filter(({ fact }) => concerns(fact, question))
          const before = underWay.get(exchange)
          if (concerned.length > 0 && before === undefined && underWay.size >= MOST_UNDER_WAY) return false
          const giveBack = (all: readonly Reserved[]): void => {
            for (const { counter, amount } of all) counter.pending -= BigInt(amount)
          }
          giveBack(before ?? [])
          underWay.delete(exchange)
          const reserved: Reserved[] = []
          for (const { fact, name, width } of concerned) {
            const key = keyOf(fact, name, question.principal)
            const counter = counterAt(question.principal.tenant, key) ?? make(question.principal.tenant, key, width)
            if (counter === undefined) {
              giveBack(reserved)
              return false
            }
            const amount = amountOf(fact, question)
            // At once, so that making room for the next one does not take this one away.
            counter.pending += BigInt(amount)
            reserved.push({ counter, amount, keep: fact.verdict === 'any' })
          }
          if (reserved.length > 0) underWay.set(exchange, reserved)
          return true
        },
      }
    },
    commit: (exchange) => end(exchange, true),
    release: (exchange) => end(exchange, false),
    save,
  }
}

/** Equal definitions share their counters over epochs. */
function nameOf({ name, kind, of, resource, parameter, verdict, within, per }: HistoryFact): string {
  return JSON.stringify([name, kind, of, resource ?? null, parameter ?? null, verdict, within, per])
}

function keyOf({ per }: HistoryFact, name: string, { workload, task }: Principal): string {
  if (per === 'tenant') return name
  return per === 'task' && task !== undefined ? `${name}\ntask ${task}` : `${name}\nworkload ${workload}`
}

function concerns({ of, resource }: HistoryFact, question: Question): boolean {
  if (!of.includes(question.action)) return false
  if (resource === undefined) return true
  const { type, id, attributes } = question.resource
  if (resource.type !== undefined && resource.type !== type) return false
  if (resource.id !== undefined && !(resource.id.endsWith('*') ? id.startsWith(resource.id.slice(0, -1)) : id === resource.id)) return false
  return Object.entries(resource.attributes).every(([name, wanted]) => {
    const found = Object.hasOwn(attributes, name) ? attributes[name] : undefined
    return Array.isArray(found) ? found.includes(wanted) : found === wanted
  })
}

/**
 * What a sum grows by. Less than nothing takes nothing off, and what cannot be added up counts as more than any limit:
 * an amount that is hidden must not be one that is free.
 */
function amountOf({ kind, parameter }: HistoryFact, { context }: Question): number {
  if (kind !== 'sum') return 1
  const parameters = context['parameters']
  if (typeof parameters !== 'object' || parameter === undefined || !Object.hasOwn(parameters, parameter)) return 0
  const amount = (parameters as Readonly<Record<string, unknown>>)[parameter]
  return typeof amount === 'number' && !Number.isNaN(amount) ? atMost(Math.max(0, Math.ceil(amount))) : Number.MAX_SAFE_INTEGER
}
