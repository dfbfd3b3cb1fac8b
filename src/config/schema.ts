import * as z from 'zod'
import type { Posture } from '../contract/epoch.ts'
import { limitsSchema, listenSchema, settleLimits, settleListen, type Limits, type Listen } from '../edge/settings.ts'
import { policySettings, settlePolicy, type SettledPolicy } from '../policy/settings.ts'
import { settleTelemetry, telemetrySchema, type Telemetry } from '../telemetry/settings.ts'

const postures = ['observe', 'guard', 'strict'] as const satisfies readonly Posture[]

/** The whole of `sallyport.yaml`. Each part belongs to the folder that reads it. */
export const schema = z.strictObject({
  posture: z
    .enum(postures)
    .optional()
    .describe('observe: everything is only watched; guard: identity, budgets, secrets and high-precision rules are enforced, the rest is watched; strict: everything is enforced. Default: guard.'),
  listen: listenSchema.optional().describe('Where Sallyport listens.'),
  limits: limitsSchema.optional().describe('Bounds on what is read and held.'),
  policy: policySettings.optional(),
  telemetry: telemetrySchema.optional().describe('Log and metrics.'),
})

export type WrittenSettings = z.infer<typeof schema>

/** Settings as code reads them: every default filled in, every unit converted, nothing to change. */
export interface Settings {
  readonly posture: Posture
  readonly listen: Listen
  readonly limits: Limits
  readonly policy: SettledPolicy
  readonly telemetry: Telemetry
}

export function settle(written: WrittenSettings): Settings {
  return Object.freeze({
    posture: written.posture ?? 'guard',
    listen: settleListen(written.listen ?? {}),
    limits: settleLimits(written.limits ?? {}),
    policy: settlePolicy(written.policy),
    telemetry: settleTelemetry(written.telemetry ?? {}),
  })
}
