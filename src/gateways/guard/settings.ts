import * as z from 'zod'
import { DURATION, durationMs } from '../../formats/units.ts'

const duration = z.string().regex(DURATION, 'expected a duration such as 500ms, 10s, 5m or 1h')

/** `evaluate:` as people write it. */
export const evaluateSchema = z
  .strictObject({
    near_misses: z.int().min(0).max(1000).optional().describe('How many texts just below a threshold one credential may ask about within the window, before it gets no evaluations for a while. 0 = any number. Default: 30.'),
    window: duration.optional().describe('The time within which near misses are counted. Default: 10m.'),
    band: z.number().gt(0).lt(1).optional().describe('What counts as just below: this share of the threshold. Default: 0.2, so that 0.8 is a near miss where 0.9 would be found.'),
    rest: duration.optional().describe('How long such a credential gets no evaluations. Default: 10m.'),
  })
  .describe('`POST /guard`: asking the guardrails about a text.')

export type EvaluateSettings = z.infer<typeof evaluateSchema>

export interface SettledEvaluate {
  /** 0 = near misses are not counted. */
  readonly nearMisses: number
  /** Milliseconds. */
  readonly window: number
  readonly rest: number
  /** 0–1, of the threshold. */
  readonly band: number
}

export function settleEvaluate(written: EvaluateSettings = {}): SettledEvaluate {
  return Object.freeze({
    nearMisses: written.near_misses ?? 30,
    window: durationMs(written.window ?? '10m'),
    rest: durationMs(written.rest ?? '10m'),
    band: written.band ?? 0.2,
  })
}
