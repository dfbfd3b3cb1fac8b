import { calcPrice } from '@pydantic/genai-prices'
import type { Price } from '../../../contract/exchange.ts'
import type { ProviderKind } from '../providers/provider.ts'

/**
 * What practice calls cost, so that budgets can be tried out: 1 USD per million tokens in, 4 out, a tenth for cached
 * input. Nobody is billed for it.
 */
export const PRACTICE_PRICE: Price = Object.freeze({ input: 1_000_000, output: 4_000_000, cachedInput: 100_000, cacheWrite: 1_000_000 })

/**
 * Micro-USD per million tokens from the bundled table, for a call of about `input` tokens; undefined where the table
 * does not know the model. Where a price depends on the time of day the dearest counts, and where it rises with the
 * length of the input the step for `input` does: a budget never gains from rounding.
 */
export function bundledPrice(kind: ProviderKind, pricedAs: string | undefined, model: string, input = 0): Price | undefined {
  if (kind === 'practice') return PRACTICE_PRICE
  if (pricedAs === undefined) return undefined
  const found = calcPrice({ input_tokens: 1, output_tokens: 1 }, model, { providerId: pricedAs })
  if (found === null || found.provider.id !== pricedAs) return undefined
  const { prices } = found.model
  const options = Array.isArray(prices) ? timely(prices, found.model_price) : [prices]
  const rates = options.map((one) => ratesOf(one as Rates, input)).filter((one) => one !== undefined)
  const [first, ...more] = rates
  return first === undefined ? undefined : more.reduce(dearer, first)
}

type Rates = Readonly<Record<string, number | { readonly base: number; readonly tiers: readonly { readonly start: number; readonly price: number }[] } | undefined>>

/** The prices of today's period: all those that differ by time of day, or else the one that counts now. */
function timely(prices: readonly { readonly constraint?: { readonly type: string }; readonly prices: unknown }[], now: unknown): readonly unknown[] {
  return prices.some((one) => one.constraint?.type === 'time_of_date') ? prices.map((one) => one.prices) : [now]
}

function ratesOf(rates: Rates, input: number): Price | undefined {
  const micro = (key: string): number | undefined => {
    const rate = rates[key]
    if (rate === undefined) return undefined
    if (typeof rate === 'number') return Math.round(rate * 1_000_000)
    const step = rate.tiers.filter((tier) => input > tier.start).reduce((best, tier) => Math.max(best, tier.price), rate.base)
    return Math.round(step * 1_000_000)
  }
  const plain = micro('input_mtok')
  if (plain === undefined) return undefined
  return Object.freeze({
    input: plain,
    // Embeddings have none: nothing comes out of them that could be charged.
    output: micro('output_mtok') ?? 0,
    cachedInput: micro('cache_read_mtok') ?? plain,
    cacheWrite: micro('cache_write_mtok') ?? plain,
  })
}

function dearer(a: Price, b: Price): Price {
  return {
    input: Math.max(a.input, b.input),
    output: Math.max(a.output, b.output),
    cachedInput: Math.max(a.cachedInput, b.cachedInput),
    cacheWrite: Math.max(a.cacheWrite, b.cacheWrite),
  }
}
