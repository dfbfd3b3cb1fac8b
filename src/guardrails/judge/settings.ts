import { z } from 'zod'
import { duration } from '../settings.ts'

/** What people write under `judge:`. */
export const judgeSchema = z
  .strictObject({
    route: z.string().min(1).max(64).describe('Route whose targets judge. Best one of another model family than the routes it guards: a model overlooks what its own kind says. Each target is authorised by policy (context.role is "judge") and paid from the caller\'s budgets.'),
    share: z.number().min(0).max(1).default(0.05).describe('Most of a principal\'s calls of a day that may be judged, as a share; the first 20 are always free to be. Beyond it what should have been judged is inconclusive. Write 1 where a rubric must see every answer.'),
    usd_per_day: z.number().min(0).max(1_000_000).default(1).describe('Most that judging one principal\'s calls may cost in a UTC day. A judgement without a known price counts as one cent.'),
    timeout: duration.optional().describe('How long one judgement may take. Default 10s. The timeout of the guardrail that asks holds besides.'),
  })
  .describe('The judge: a model that grades what rules and classifiers cannot decide. Without it nothing is judged.')

export interface JudgeSettings {
  readonly route: string
  /** 0–1. */
  readonly share: number
  /** Micro-USD for each principal and UTC day. */
  readonly spend: number
  /** Milliseconds. */
  readonly timeout: number
}

const TIMEOUT = 10_000

export function settleJudge(written: z.input<typeof judgeSchema>): JudgeSettings {
  const { route, share, usd_per_day: dollars, timeout = TIMEOUT } = judgeSchema.parse(written)
  return Object.freeze({ route, share, spend: Math.round(dollars * 1_000_000), timeout })
}
