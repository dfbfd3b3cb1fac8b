import { z } from 'zod'
import type { Posture } from '../contract/epoch.ts'
import type { GuardAction, Mode } from '../contract/finding.ts'
import type { Origin } from '../contract/segment.ts'
import type { Guardrail, Layer, Level, Phase } from './guardrail.ts'
import { guardrails, kinds } from './list.ts'
import { KindError } from './kinds/error.ts'
import type { Place } from '../contract/place.ts'

const ORIGINS = ['system', 'user', 'assistant', 'reasoning', 'tool_call', 'tool_result', 'tool_definition', 'document', 'command', 'body'] as const satisfies readonly Origin[]

export const duration = z
  .union([z.number().int().positive(), z.string().regex(/^[1-9]\d{0,8}(?:ms|s|m)$/)])
  .transform((written) => {
    if (typeof written === 'number') return written
    const unit = written.endsWith('ms') ? 1 : written.endsWith('s') ? 1000 : 60_000
    return Number.parseInt(written, 10) * unit
  })

const LAYERS = ['rules', 'fast', 'deep', 'judge'] as const satisfies readonly Layer[]

const own = Object.assign({}, ...kinds.map((kind) => kind.keys)) as Readonly<Record<string, z.ZodType>>

const common = {
    use: z.enum([...guardrails.map((guardrail) => guardrail.id), ...kinds.map((kind) => kind.use)]).describe('The guardrail. What is not written below keeps the default of this guardrail under the chosen posture.'),
    name: z.string().regex(/^[a-z][a-z0-9_]{0,63}$/).optional().describe(`Name of a guardrail of your own (${kinds.map((kind) => kind.use).join(', ')}): required there, and nowhere else.`),
    on: z.array(z.enum(ORIGINS)).min(1).optional().describe('Origins of text that it looks at.'),
    mode: z.enum(['off', 'shadow', 'enforce']).optional().describe('shadow: findings are recorded and nothing is delayed or refused; enforce: the action is taken.'),
    action: z.enum(['deny', 'redact', 'rewrite', 'flag', 'hold']).optional().describe('What a finding at or above the threshold leads to.'),
    threshold: z.number().min(0).max(1).optional().describe('Findings below this score are recorded and decide nothing. Stands in place of a level.'),
    level: z.union([z.literal(1), z.literal(2), z.literal(3), z.literal(4)]).optional().describe('How readily classifiers flag: 1 flags about one ordinary text in 10,000, 2 (the default) one in 1,000, 3 one in 100, 4 one in 20. Thresholds behind it are calibrated for each kind of text.'),
    layers: z.array(z.enum(LAYERS)).min(1).optional().describe('Only these layers look: rules, fast (linear classifier), deep (encoder), judge (a model).'),
    on_inconclusive: z.enum(['deny', 'hold', 'flag']).optional().describe('What happens when a part could not be looked at (budget of the deep classifier spent, judge capped). deny is the default on untrusted text (tool results, documents, tool definitions, bodies), flag elsewhere.'),
    parallel: z.boolean().optional().describe('Slow layers run while the upstream call is under way, and the answer is held until they are sure. Never for secrets, personal data, or calls with an effect.'),
    reversible: z.boolean().optional().describe('With the action redact: the same value has the same placeholder for the whole conversation (`[EMAIL_1_k3f9zt]`), and where the answer has it, the caller gets the value that it sent. Not for secrets.'),
    on_error: z.enum(['closed', 'open']).optional().describe('What happens when the guardrail fails or does not answer in time. closed (the default) refuses; open passes and records the finding as inconclusive.'),
    timeout: duration.optional().describe('How long it may take, in milliseconds or as "250ms", "2s". Rules need none.'),
    phase: z.enum(['request', 'reply', 'both']).optional().describe('Whether it looks at what is sent, at what comes back, or both.'),
    routes: z.array(z.string().min(1)).min(1).optional().describe('Only on these routes.'),
    workloads: z.array(z.string().min(1)).min(1).optional().describe('Only for these workloads.'),
    cohorts: z.array(z.string().min(1)).min(1).optional().describe('Only for principals of these cohorts.'),
    except: z
      .strictObject({
        routes: z.array(z.string().min(1)).optional().describe('Not on these routes.'),
        workloads: z.array(z.string().min(1)).optional().describe('Not for these workloads.'),
        cohorts: z.array(z.string().min(1)).optional().describe('Not for principals of these cohorts.'),
      })
      .optional()
      .describe('Where this entry does not apply.'),
}

const entry = z
  .strictObject({ ...own, ...common })
  .superRefine((written, ctx) => {
    const kind = kinds.find(({ use }) => use === written.use)
    const refuse = (key: string, message: string): void => ctx.addIssue({ code: 'custom', path: [key], message })
    if (written.reversible === true && written.use === 'secrets') refuse('reversible', 'a secret that was taken out does not come back')
    if (written.reversible === true && written.action !== undefined && written.action !== 'redact') refuse('reversible', `"${written.action}" cannot be undone; only redact can`)
    if (kind === undefined && written.name !== undefined) refuse('name', `"${written.use}" is built in and takes no name`)
    if (kind !== undefined && written.name === undefined) return refuse('name', `a guardrail of the kind "${written.use}" needs a name`)
    if (kind !== undefined && guardrails.some(({ id }) => id === written.name)) refuse('name', `"${written.name}" is the name of a built-in guardrail`)
    for (const key of Object.keys(own)) {
      if ((written as Record<string, unknown>)[key] !== undefined && !(key in (kind?.keys ?? {}))) refuse(key, `"${written.use}" takes no "${key}"`)
    }
    if (written.parallel === true && (written.action === 'redact' || written.action === 'rewrite')) refuse('parallel', `what was sent cannot be changed any more: not with "action: ${written.action}"`)
    if (written.parallel === true && (written as Record<string, unknown>)['fail_open'] === true) refuse('parallel', 'a model cannot be told anything once it answers: not with "fail_open"')
    if (kind === undefined) {
      if (written.parallel === true && (written.use === 'secrets' || written.use === 'pii')) refuse('parallel', `"${written.use}" must be sure before anything is sent`)
      return
    }
    try {
      kind.make(written.name as string, written as Readonly<Record<string, unknown>>)
    } catch (error) {
      if (!(error instanceof z.ZodError)) throw error
      for (const issue of error.issues) ctx.addIssue({ code: 'custom', path: [...issue.path], message: issue.message })
    }
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
  /** The mode of the slow layers, where it differs from `mode`. */
  readonly looks?: Mode
  /** What an operator wrote, as opposed to a guardrail's own threshold. */
  readonly written?: number
  readonly level?: Level
  readonly layers?: ReadonlySet<Layer>
  readonly onInconclusive?: 'deny' | 'hold' | 'flag'
  readonly parallel?: boolean
  /** What is redacted comes back in the answer, for the caller who sent it. */
  readonly reversible?: true
  readonly onError: 'closed' | 'open'
  /** Milliseconds. */
  readonly timeout: number
  readonly phase: Phase | 'both'
  readonly routes?: readonly string[]
  readonly workloads?: readonly string[]
  readonly cohorts?: readonly string[]
  readonly except: { readonly routes: readonly string[]; readonly workloads: readonly string[]; readonly cohorts: readonly string[] }
}

export interface GuardSettings {
  readonly entries: readonly Entry[]
  /** Guardrails that these settings made, besides the built-in ones. */
  readonly made?: readonly Guardrail[]
}

const TIMEOUT = 5000

function defaults(guardrail: Guardrail, posture: Posture): Entry {
  return {
    use: guardrail.id,
    on: guardrail.on,
    mode: guardrail.postures[posture],
    looks: (guardrail.lookPostures ?? guardrail.postures)[posture],
    action: guardrail.action,
    threshold: guardrail.threshold,
    onError: 'closed',
    timeout: guardrail.timeout ?? TIMEOUT,
    phase: guardrail.phase,
    except: { routes: [], workloads: [], cohorts: [] },
  }
}

/**
 * Settles the written list: each entry is completed with its guardrail's defaults under the posture; guardrails that
 * nobody names apply with their defaults. Files and variables that entries name are read where `place` says where; a
 * KindError tells what is wrong with them. `observe` puts even written entries into shadow: it promises to refuse nothing.
 */
export function settleGuardrails(written: WrittenGuardrails, posture: Posture, members: readonly Guardrail[] = guardrails, place?: Place): GuardSettings {
  const parsed = guardrailsSchema.parse(written)
  const made = new Map<string, Guardrail>()
  for (const [index, one] of parsed.entries()) {
    const kind = kinds.find(({ use }) => use === one.use)
    if (kind === undefined || one.name === undefined) continue
    try {
      made.set(one.name, kind.make(one.name, one as Readonly<Record<string, unknown>>, place))
    } catch (error) {
      if (!(error instanceof KindError)) throw error
      throw new KindError(String(error.path[0] ?? ''), error.message, ['guardrails', index])
    }
  }
  const quiet = (mode: Mode): Mode => (posture === 'observe' && mode === 'enforce' ? 'shadow' : mode)
  const entries = [...members, ...made.values()].flatMap((guardrail): Entry[] => {
    const base = defaults(guardrail, posture)
    const named = parsed.filter((one) => (one.name ?? one.use) === guardrail.id)
    if (named.length === 0) return [base]
    return named.map((one) =>
      Object.freeze({
        use: guardrail.id,
        on: one.on ?? base.on,
        mode: quiet(one.mode ?? base.mode),
        looks: quiet(one.mode ?? base.looks ?? base.mode),
        action: one.action ?? base.action,
        threshold: one.threshold ?? base.threshold,
        ...(one.threshold !== undefined && { written: one.threshold }),
        ...(one.level !== undefined && { level: one.level }),
        ...(one.layers !== undefined && { layers: new Set(one.layers) }),
        ...(one.on_inconclusive !== undefined && { onInconclusive: one.on_inconclusive }),
        ...(one.reversible === true && { reversible: true as const }),
        ...(one.parallel !== undefined && { parallel: one.parallel }),
        onError: one.on_error ?? base.onError,
        timeout: one.timeout ?? base.timeout,
        phase: one.phase ?? base.phase,
        ...(one.routes && { routes: one.routes }),
        ...(one.workloads && { workloads: one.workloads }),
        ...(one.cohorts && { cohorts: one.cohorts }),
        except: { routes: one.except?.routes ?? [], workloads: one.except?.workloads ?? [], cohorts: one.except?.cohorts ?? [] },
      }),
    )
  })
  return Object.freeze({ entries: Object.freeze(entries), ...(made.size > 0 && { made: Object.freeze([...made.values()]) }) })
}
