import { z } from 'zod'
import type { Posture } from '../contract/epoch.ts'
import type { GuardAction, Mode } from '../contract/finding.ts'
import type { Origin } from '../contract/segment.ts'
import type { Guardrail, Phase } from './guardrail.ts'
import { guardrails } from './list.ts'

const ORIGINS = ['system', 'user', 'assistant', 'reasoning', 'tool_call', 'tool_result', 'tool_definition', 'document', 'command', 'body'] as const satisfies readonly Origin[]

const duration = z
  .union([z.number().int().positive(), z.string().regex(/^[1-9]\d{0,8}(?:ms|s|m)$/)])
  .transform((written) => {
    if (typeof written === 'number') return written
    const unit = written.endsWith('ms') ? 1 : written.endsWith('s') ? 1000 : 60_000
    return Number.parseInt(written, 10) * unit
  })

const entry = z
  .strictObject({
    use: z.enum(guardrails.map((guardrail) => guardrail.id)).describe('The guardrail. What is not written below keeps the default of this guardrail under the chosen posture.'),
    on: z.array(z.enum(ORIGINS)).min(1).optional().describe('Origins of text that it looks at.'),
    mode: z.enum(['off', 'shadow', 'enforce']).optional().describe('shadow: findings are recorded and nothing is delayed or refused; enforce: the action is taken.'),
    action: z.enum(['deny', 'redact', 'rewrite', 'flag', 'hold']).optional().describe('What a finding at or above the threshold leads to.'),
    threshold: z.number().min(0).max(1).optional().describe('Findings below this score are recorded and decide nothing.'),
    on_error: z.enum(['closed', 'open']).optional().describe('What happens when the guardrail fails or does not answer in time. closed (the default) refuses; open passes and records the finding as inconclusive.'),
    timeout: duration.optional().describe('How long it may take, in milliseconds or as "250ms", "2s". Rules need none.'),
    phase: z.enum(['request', 'reply', 'both']).optional().describe('Whether it looks at what is sent, at what comes back, or both.'),
    routes: z.array(z.string().min(1)).min(1).optional().describe('Only on these routes.'),
    except: z
      .strictObject({
        routes: z.array(z.string().min(1)).optional().describe('Not on these routes.'),
        workloads: z.array(z.string().min(1)).optional().describe('Not for these workloads.'),
        cohorts: z.array(z.string().min(1)).optional().describe('Not for principals of these cohorts.'),
      })
      .optional()
      .describe('Where this entry does not apply.'),
  })
  .describe('One guardrail. When several entries name the same guardrail, the last one that applies to a call counts.')

/** What people write under `guardrails:`. */
export const guardrailsSchema = z.array(entry).default([]).describe('Guardrails: entries here replace the defaults of the guardrails they name.')

export type WrittenGuardrails = z.input<typeof guardrailsSchema>

/** One settled entry; everything is decided, nothing optional is left but where it applies. */
export interface Entry {
  readonly use: string
  readonly on: readonly Origin[]
  readonly mode: Mode
  readonly action: GuardAction
  readonly threshold: number
  readonly onError: 'closed' | 'open'
  /** Milliseconds. */
  readonly timeout: number
  readonly phase: Phase | 'both'
  readonly routes?: readonly string[]
  readonly except: { readonly routes: readonly string[]; readonly workloads: readonly string[]; readonly cohorts: readonly string[] }
}

export interface GuardSettings {
  readonly entries: readonly Entry[]
}

const TIMEOUT = 5000

function defaults(guardrail: Guardrail, posture: Posture): Entry {
  return {
    use: guardrail.id,
    on: guardrail.on,
    mode: guardrail.postures[posture],
    action: guardrail.action,
    threshold: guardrail.threshold,
    onError: 'closed',
    timeout: TIMEOUT,
    phase: guardrail.phase,
    except: { routes: [], workloads: [], cohorts: [] },
  }
}

/**
 * Settles the written list: each entry is completed with its guardrail's defaults under the posture; guardrails that
 * nobody names apply with their defaults. `observe` puts even written entries into shadow: it promises to refuse nothing.
 */
export function settleGuardrails(written: WrittenGuardrails, posture: Posture, members: readonly Guardrail[] = guardrails): GuardSettings {
  const parsed = guardrailsSchema.parse(written)
  const entries = members.flatMap((guardrail): Entry[] => {
    const base = defaults(guardrail, posture)
    const named = parsed.filter((one) => one.use === guardrail.id)
    if (named.length === 0) return [base]
    return named.map((one) => {
      const mode = one.mode ?? base.mode
      return Object.freeze({
        use: one.use,
        on: one.on ?? base.on,
        mode: posture === 'observe' && mode === 'enforce' ? 'shadow' : mode,
        action: one.action ?? base.action,
        threshold: one.threshold ?? base.threshold,
        onError: one.on_error ?? base.onError,
        timeout: one.timeout ?? base.timeout,
        phase: one.phase ?? base.phase,
        ...(one.routes && { routes: one.routes }),
        except: { routes: one.except?.routes ?? [], workloads: one.except?.workloads ?? [], cohorts: one.except?.cohorts ?? [] },
      })
    })
  })
  return Object.freeze({ entries: Object.freeze(entries) })
}
