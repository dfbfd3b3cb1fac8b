import type { Asked, Candidate } from '../contract/exchange.ts'
import type { Amount } from './cell.ts'
import type { Learned } from './learned.ts'

/**
 * What a call may cost, as a line over its output tokens. Money is in millionths of a micro-USD until the very end,
 * so that nothing is lost to floating point.
 */
export interface Estimate {
  /** Tokens and money that are spent whatever the answer is. */
  readonly tokens: number
  readonly money: number
  /** What each further output token costs. Mirrors answer too, so theirs come on top. */
  readonly perToken: number
  readonly perMoney: number
  /** Output over all choices: the least worth starting for, what is usual, and the most there can be. */
  readonly least: number
  readonly likely: number
  readonly longest: number | undefined
  /** False where a target's price is unknown. */
  readonly priced: boolean
  readonly learn: { readonly key: string; readonly choices: number }
}

/** Asking for less than this is asking for an answer that is cut in its first sentence. */
const LEAST = 64
/** Taken for the usual answer until enough of them were seen. */
const UNSEEN = 4096
/** The usual answer with room to grow: 19 of 20 stayed within the first factor. */
const GROWTH = 1.5

export function estimate(asked: Asked, dearest: Candidate, candidates: readonly Candidate[], learned: Learned): Estimate {
  const { reading, principal } = asked
  const choices = Math.max(1, reading.estimate.choices)
  const learn = { key: `${principal.tenant}\n${dearest.model}\n${reading.route}`, choices }
  if (reading.action === 'llm.count' || reading.action === 'llm.list' || reading.action === 'guard.evaluate') return { tokens: 0, money: 0, perToken: 0, perMoney: 0, least: 0, likely: 0, longest: 0, priced: true, learn }

  let mirrors = 0
  let input = 0
  let output = 0
  let mirrorInput = 0
  let mirrorOutput = 0
  let limit: number | undefined = 0
  let priced = true
  for (const { role, price, outputLimit } of candidates.includes(dearest) ? candidates : [dearest, ...candidates]) {
    limit = limit === undefined || outputLimit === undefined ? undefined : Math.max(limit, outputLimit)
    if (price === undefined) priced = false
    // A prompt may be written to the provider's cache, which some charge more for.
    const dear = price === undefined ? 0 : Math.max(price.input, price.cacheWrite)
    if (role === 'mirror') {
      mirrors += 1
      mirrorInput += dear
      mirrorOutput += price?.output ?? 0
    } else {
      input = Math.max(input, dear)
      output = Math.max(output, price?.output ?? 0)
    }
  }
  const longest = reading.action === 'llm.embed' ? 0 : smaller(reading.estimate.output, limit)
  const usual = learned.usual(learn.key)
  const likely = Math.min(longest ?? Number.POSITIVE_INFINITY, usual === undefined ? UNSEEN : Math.ceil(usual * GROWTH))
  return {
    tokens: reading.estimate.input * (1 + mirrors),
    money: reading.estimate.input * (input + mirrorInput),
    perToken: 1 + mirrors,
    perMoney: output + mirrorOutput,
    least: Math.min(likely, LEAST) * choices,
    likely: likely * choices,
    longest: longest === undefined ? undefined : longest * choices,
    priced,
    learn,
  }
}

/** Cost is rounded up, as the provider's bill will be. */
export function amountOf(of: Estimate, output: number): Amount {
  return { requests: 1, tokens: of.tokens + of.perToken * output, cost: Math.ceil((of.money + of.perMoney * output) / 1_000_000) }
}

function smaller(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined ? b : b === undefined ? a : Math.min(a, b)
}
