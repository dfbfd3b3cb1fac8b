import type { Clock } from '../contract/clock.ts'
import type { Asked } from '../contract/exchange.ts'
import type { Inspection } from '../contract/guard.ts'
import type { Leaf, Proposal, ReplyEvent } from '../contract/reply.ts'
import type { Origin, Segment } from '../contract/segment.ts'
import { makeGuard } from './engine.ts'
import type { GuardParts } from './engine.ts'
import { settleGuardrails } from './settings.ts'
import type { Models, Output, Spot } from './tools.ts'
import type { WrittenGuardrails } from './settings.ts'

/** Real time, and timers that never keep a test alive. */
export const clock: Clock = {
  wall: () => Date.now(),
  monotonic: () => performance.now(),
  timer(ms, fire) {
    const timer = setTimeout(fire, ms)
    return () => clearTimeout(timer)
  },
}

export const signal = new AbortController().signal

export function asked(more: { readonly tenant?: string; readonly workload?: string; readonly route?: string; readonly cohort?: string } = {}): Asked {
  const { tenant = 'default', workload = 'key:1', route = 'default', cohort } = more
  return {
    exchange: { id: '0', gateway: 'test', startedAt: 0, epoch: '' },
    principal: { tenant, workload, chain: [], roles: [], ...(cohort !== undefined && { cohort }), proof: { kind: 'none', id: '' }, scope: { rights: [] } },
    reading: {
      action: 'llm.generate', resource: { type: 'Route', id: route, attributes: {} }, route, direction: 'outbound', effect: 'dial', overlapsIntent: true,
      stream: true, segments: [], effects: [], parameters: {}, subordinates: [], estimate: { input: 0, choices: 1 }, fingerprint: () => '',
      apply() {
        return this
      },
    },
  }
}

const OUTPUTS: readonly Output[] = ['injection', 'jailbreak', 'harmful', 'toxicity', 'hate', 'harassment', 'threat', 'sexual', 'violence', 'self_harm', 'profanity']

/**
 * Classifiers of a test's own making: `scoreOf` says what each output makes of a text, 0.5 is the threshold at every
 * level. They find no entities, and every sentence embeds to the same point.
 */
export function modelsWith(scoreOf: (text: string, output: Output) => number): Models {
  return {
    score(text, _channel, depth, allowance) {
      const layer = depth === 'fast' ? 'fast' : 'deep'
      const spots = Object.fromEntries(OUTPUTS.map((output): [string, Spot] => [output, { score: scoreOf(text, output), start: 0, end: text.length, layer }])) as Record<Output, Spot>
      const skipped = depth !== 'fast' && allowance.windows < 1 ? 1 : 0
      if (depth !== 'fast' && skipped === 0) allowance.windows--
      return Promise.resolve({ spots, skipped })
    },
    threshold: () => 0.5,
    entities: () => Promise.resolve({ entities: [], skipped: 0 }),
    embed: (texts) => Promise.resolve(texts.map(() => Float32Array.from({ length: 384 }, (_, i) => (i === 0 ? 1 : 0)))),
    custom: () => Promise.resolve({}),
  }
}

export function guardWith(written: WrittenGuardrails, more: Partial<GuardParts> & { readonly posture?: 'observe' | 'guard' | 'strict' } = {}) {
  const { posture = 'guard', ...parts } = more
  const settled = settleGuardrails(written, posture)
  // Rules answer at once; slow layers look where a test brings tools for them.
  const settings = more.tools === undefined ? { ...settled, entries: settled.entries.map((entry) => ({ ...entry, looks: 'off' as const })) } : settled
  return makeGuard(settings, { clock, cacheBytes: 1 << 20, ...parts })
}

export function segment(text: string, origin: Origin = 'user', group = 'm0', index = 0): Segment {
  return { origin, text, path: ['messages', index, 'content'], group }
}

/** For guards that answer at once. */
export function now(inspection: Inspection | Promise<Inspection>): Inspection {
  if (inspection instanceof Promise) throw new Error('the guard did not answer at once')
  return inspection
}

interface Fields {
  readonly kind?: ReplyEvent['kind']
  readonly leaves?: readonly Leaf[]
  readonly closes?: readonly string[]
  readonly opensCall?: boolean
  readonly proposals?: readonly Proposal[]
}

/** A reply event without a wire behind it. */
export function event(fields: Fields): ReplyEvent {
  const { kind = 'content', leaves = [], closes = [], opensCall = false, proposals = [] } = fields
  return {
    kind, leaves, closes, opensCall, proposals,
    rewrite: (texts) => event({ ...fields, leaves: leaves.map((leaf, i) => ({ ...leaf, text: texts[i] ?? '' })) }),
    drop(channels) {
      const kept = leaves.filter((leaf) => !channels.has(leaf.channel))
      const asked = proposals.filter((proposal) => !channels.has(proposal.channel))
      if (kept.length === 0 && asked.length === 0 && kind === 'content' && (leaves.length > 0 || opensCall)) return undefined
      return event({ ...fields, leaves: kept, proposals: asked, closes: closes.filter((channel) => !channels.has(channel)) })
    },
  }
}

export function delta(text: string, channel = '0/text', origin: Origin = 'assistant'): ReplyEvent {
  return event({ leaves: [{ channel, origin, text, whole: false }] })
}

export function whole(text: string, channel = '0/text', origin: Origin = 'assistant'): ReplyEvent {
  return event({ leaves: [{ channel, origin, text, whole: true }] })
}

export function end(closes: readonly string[] = []): ReplyEvent {
  return event({ kind: 'end', closes })
}

export function textIn(events: readonly ReplyEvent[], channel = '0/text'): string {
  return events.flatMap(({ leaves }) => leaves.filter((leaf) => leaf.channel === channel)).map(({ text }) => text).join('')
}
