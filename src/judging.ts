import type { Clock } from './contract/clock.ts'
import type { Asked, Exchange } from './contract/exchange.ts'
import type { Pass } from './contract/gateway.ts'
import type { Principal } from './contract/principal.ts'
import type { Plan } from './gateways/llm/plan.ts'
import { questionErrand } from './gateways/llm/question.ts'
import type { JudgeSettings } from './guardrails/judge/settings.ts'
import { Capped, type Judge } from './guardrails/tools.ts'

/** Calls of a principal and day that may be judged whatever the share says. */
const FREE = 20
/** Micro-USD that a judgement counts as while nobody knows what it cost. */
const UNKNOWN_COST = 10_000
const MOST_PRINCIPALS = 10_000
const DAY = 86_400_000
/** Longest text that is sent to a judge, and longest answer that is read, in UTF-16 units. */
const LONGEST_TEXT = 32_000
const LONGEST_ANSWER = 4_000
const MOST_TOKENS = 1_000

interface Account {
  calls: number
  judged: number
  capped: number
  /** Micro-USD, with what judgements under way are taken to cost. */
  spent: number
}

/** What judging comes to, for status: since the start of the UTC day, all principals together. */
export interface JudgedToday {
  readonly calls: number
  readonly judged: number
  readonly capped: number
  readonly usd: number
}

/** Who was judged how often and for how much today. Outlives epochs; lost at a restart. */
export class JudgeBook {
  readonly #clock: Clock
  readonly #accounts = new Map<string, Account>()
  #day = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  #of({ tenant, workload, chain }: Principal): Account {
    const day = Math.floor(this.#clock.wall() / DAY)
    if (day !== this.#day) {
      this.#day = day
      this.#accounts.clear()
    }
    const key = `${tenant.length}:${tenant}|${workload}|${chain.join('|')}`
    let account = this.#accounts.get(key)
    if (account === undefined) {
      if (this.#accounts.size >= MOST_PRINCIPALS) this.#accounts.delete(this.#accounts.keys().next().value as string)
      this.#accounts.set(key, (account = { calls: 0, judged: 0, capped: 0, spent: 0 }))
    }
    return account
  }

  called(principal: Principal): void {
    this.#of(principal).calls++
  }

  /** Takes one judgement from the principal's share. Gives what settles its cost. @throws {Capped} */
  take(principal: Principal, { share, spend }: JudgeSettings): (cost: number | undefined) => void {
    const account = this.#of(principal)
    const spent = account.spent + UNKNOWN_COST > spend
    if (spent || account.judged >= FREE + share * account.calls) {
      account.capped++
      throw new Capped(spent ? 'the judge has cost what it may today' : 'the judge has seen its share of calls today')
    }
    account.judged++
    account.spent += UNKNOWN_COST
    return (cost) => {
      if (cost !== undefined) account.spent += cost - UNKNOWN_COST
    }
  }

  today(): JudgedToday {
    const current = Math.floor(this.#clock.wall() / DAY) === this.#day ? [...this.#accounts.values()] : []
    const sum = (of: (account: Account) => number): number => current.reduce((total, account) => total + of(account), 0)
    return { calls: sum(({ calls }) => calls), judged: sum(({ judged }) => judged), capped: sum(({ capped }) => capped), usd: sum(({ spent }) => spent) / 1_000_000 }
  }
}

export interface JudgeParts {
  readonly settings: JudgeSettings
  readonly plan: Plan
  readonly pass: Pass
  readonly clock: Clock
  readonly book: JudgeBook
}

/**
 * The judge of one epoch: each question goes down the one path as a child of the exchange that it is about, so that
 * policy decides about its target, budgets pay it, and a receipt says so.
 */
export function makeJudge({ settings, plan, pass, clock, book }: JudgeParts): Judge {
  const sequences = new WeakMap<Exchange, number>()
  return {
    async ask({ instructions, content, asked }, signal) {
      if (instructions.length + content.length > LONGEST_TEXT) throw new Capped('the text is too long for the judge')
      const settle = book.take(asked.principal, settings)
      const stop = new AbortController()
      const cancel = clock.timer(settings.timeout, () => stop.abort())
      const sequence = sequences.get(asked.exchange) ?? 0
      sequences.set(asked.exchange, sequence + 1)
      const { errand, answered } = questionErrand({
        plan, route: settings.route, principal: asked.principal, parent: { exchange: asked.exchange, sequence },
        system: instructions, user: content, maxTokens: MOST_TOKENS, longest: LONGEST_ANSWER, signal: AbortSignal.any([signal, stop.signal]),
      })
      try {
        const { refusal } = await pass(errand)
        const { text } = answered()
        if (refusal !== undefined) throw new Error(`the judge did not answer: ${refusal.refuse}`)
        if (text === undefined) throw new Error('the judge gave no answer, or too long a one')
        return text
      } finally {
        cancel()
        settle(answered().cost)
      }
    },
  }
}

/** True for calls from outside: what follows from them is no call of its own. */
export function isCall({ exchange }: Asked): boolean {
  return exchange.parent === undefined && exchange.gateway !== 'judge'
}
