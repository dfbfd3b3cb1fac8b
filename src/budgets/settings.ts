import * as z from 'zod'
import { DURATION, durationMs } from '../formats/units.ts'

export type Per = 'key' | 'route' | 'agent' | 'cohort' | 'tenant'
export type Dimension = 'requests' | 'tokens' | 'cost'

const WINDOWS = { '1m': 60_000, '1h': 3_600_000, '1d': 86_400_000, '30d': 2_592_000_000 } as const
const MOST = 1_000_000_000_000
const RATE = /^([1-9]\d{0,8})\/(.{1,16})$/
const COST = /^(\d{1,9})(?:\.(\d{1,6}))? USD$/
const pattern = z.string().min(1).max(256)
const patterns = z.union([pattern, z.array(pattern).min(1).max(64)])

const rate = z.string().refine((text) => {
  const period = RATE.exec(text)?.[2]
  return period !== undefined && DURATION.test(period) && durationMs(period) > 0
}, 'a count and a period, for example "60/1m"')

/** One entry of `budgets:` as people write it. */
const budget = z
  .strictObject({
    per: z.enum(['key', 'route', 'agent', 'cohort', 'tenant']).describe('Each of these has this budget to itself. Always within a tenant: two tenants never share one.'),
    match: z
      .strictObject({
        tenant: patterns.optional(),
        key: patterns.optional().describe('Workload, for example "key:1a2b…".'),
        route: patterns.optional(),
        model: patterns.optional().describe("The model's own name; one permitted target is enough."),
        agent: patterns.optional(),
        cohort: patterns.optional(),
        role: patterns.optional(),
      })
      .optional()
      .describe('Counts only calls that all of these fit; a trailing * matches a prefix.'),
    window: z.enum(['1m', '1h', '1d', '30d']).optional().describe('Period of requests, tokens and cost, aligned to UTC.'),
    requests: z.number().int().min(1).max(MOST).optional().describe('Most requests in a window.'),
    tokens: z.number().int().min(1).max(MOST).optional().describe('Most tokens, input and output, in a window.'),
    cost: z.string().regex(COST, 'an amount in dollars, for example "20 USD"').optional().describe('Most money in a window, for example "20 USD". Models of unknown price are then refused.'),
    rate: rate.optional().describe('Most requests in any period, evenly spread, for example "60/1m".'),
    burst: z.number().int().min(1).max(1_000_000).optional().describe('How many requests of the rate may come at once. Default: all of one period.'),
    concurrency: z.number().int().min(1).max(1_000_000).optional().describe('Most requests at the same time.'),
    share: z.number().min(0).max(0.5).optional().describe('Part of a shared limit that is kept for each key, so that no other can drain it; at most half is kept in all. Default 0.1.'),
    hard: z.boolean().optional().describe('Calls without streaming must fit at their longest possible answer, even where that refuses what would most likely fit. Default false.'),
    alert: z.number().gt(0).max(1).optional().describe('Part of a limit at which an alert is raised, once a window. Default 0.8.'),
    burn: z.number().gt(1).max(20).optional().describe('How many times faster than the average (and than the limit allows evenly) the last twentieth of a window may be before an alert is raised. Default 4.'),
  })
  .superRefine((written, context) => {
    const windowed = written.requests !== undefined || written.tokens !== undefined || written.cost !== undefined
    const wrong = (path: string, message: string): void => context.addIssue({ code: 'custom', path: [path], message })
    if (!windowed && written.rate === undefined && written.concurrency === undefined) wrong('per', 'limits nothing: give requests, tokens, cost, rate or concurrency')
    if (windowed && written.window === undefined) wrong('window', 'is needed beside requests, tokens and cost')
    if (!windowed && written.window !== undefined) wrong('window', 'stands beside no requests, tokens or cost')
    if (written.burst !== undefined && written.rate === undefined) wrong('burst', 'stands beside no rate')
    if (written.share !== undefined && written.per === 'key') wrong('share', 'means nothing per key: only shared limits are shared out')
  })

export const budgetsSettings = z.array(budget).max(256).describe('Limits on requests, tokens, cost and concurrency. Every one that fits a call must have room for it.')
export type BudgetsSettings = z.infer<typeof budgetsSettings>

export interface SettledBudget {
  readonly per: Per
  readonly match: Readonly<Partial<Record<'tenant' | 'key' | 'route' | 'model' | 'agent' | 'cohort' | 'role', readonly string[]>>>
  /** Milliseconds; absent where nothing is counted by window. */
  readonly window?: { readonly name: string; readonly ms: number }
  /** Cost in micro-USD. */
  readonly limits: Readonly<Partial<Record<Dimension, number>>>
  /** `interval`: milliseconds between two requests of an even stream. */
  readonly rate?: { readonly interval: number; readonly burst: number }
  readonly concurrency?: number
  readonly share: number
  readonly hard: boolean
  readonly alert: number
  readonly burn: number
}

export function settleBudgets(written: BudgetsSettings | undefined): readonly SettledBudget[] {
  return Object.freeze((written ?? []).map(settleBudget))
}

function settleBudget(written: BudgetsSettings[number]): SettledBudget {
  const match = Object.fromEntries(Object.entries(written.match ?? {}).flatMap(([key, value]) => (value === undefined ? [] : [[key, Object.freeze(typeof value === 'string' ? [value] : [...value])]])))
  const { requests, tokens, cost } = written
  return Object.freeze({
    per: written.per,
    match: Object.freeze(match),
    ...(written.window !== undefined && { window: { name: written.window, ms: WINDOWS[written.window] } }),
    limits: Object.freeze({ ...(requests !== undefined && { requests }), ...(tokens !== undefined && { tokens }), ...(cost !== undefined && { cost: microDollars(cost) }) }),
    ...(written.rate !== undefined && { rate: settleRate(written.rate, written.burst) }),
    ...(written.concurrency !== undefined && { concurrency: written.concurrency }),
    share: written.per === 'key' ? 0 : (written.share ?? 0.1),
    hard: written.hard ?? false,
    alert: written.alert ?? 0.8,
    burn: written.burn ?? 4,
  })
}

function settleRate(text: string, burst: number | undefined): { readonly interval: number; readonly burst: number } {
  const [, count = '1', period = ''] = RATE.exec(text) ?? []
  return { interval: durationMs(period) / Number(count), burst: burst ?? Number(count) }
}

/** Whole micro-USD, exact: never through floating point. */
function microDollars(text: string): number {
  const [, whole = '0', part = ''] = COST.exec(text) ?? []
  return Number(whole) * 1_000_000 + Number(part.padEnd(6, '0'))
}
