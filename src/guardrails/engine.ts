import type { Clock } from '../contract/clock.ts'
import type { Asked } from '../contract/exchange.ts'
import type { Finding } from '../contract/finding.ts'
import type { Guard } from '../contract/guard.ts'
import { SegmentCache, Talks } from './cache.ts'
import type { Guardrail } from './guardrail.ts'
import { inspector } from './inspect.ts'
import { guardrails } from './list.ts'
import { profiles, type Tables } from './profile.ts'
import { Sessions, reversing } from './placeholders.ts'
import type { GuardSettings } from './settings.ts'
import { spotlight } from './spotlight.ts'
import { spotlighting } from './spotlighting.ts'
import { replyGuard } from './stream/reply.ts'
import type { Tools } from './tools.ts'

export interface GuardParts {
  readonly clock: Clock
  /** Called after the verdict with what slow shadow guardrails saw. */
  readonly onShadow?: (asked: Asked, findings: readonly Finding[]) => void
  /** Memory for results of texts seen before, in bytes; half for single texts, half for conversations. */
  readonly cacheBytes: number
  /** The members; tests bring their own. */
  readonly guardrails?: readonly Guardrail[]
  /** Where compiled rules are kept, so that guards of the same members compile them once. */
  readonly tables?: Tables
  /** What slow layers work with. */
  readonly tools?: Tools
}

/** Builds the guard of one epoch. Throws where settings name a guardrail that does not exist. */
export function makeGuard(settings: GuardSettings, parts: GuardParts): Guard {
  const prepared = profiles(settings, parts.guardrails ?? [...guardrails, ...(settings.made ?? [])], parts.tables)
  const shared = {
    clock: parts.clock,
    sessions: new Sessions(parts.clock, parts.cacheBytes / 8),
    profiles: prepared,
    tools: parts.tools ?? {},
    cache: new SegmentCache(parts.cacheBytes / 2),
    talks: new Talks(parts.cacheBytes / 2),
    ...(parts.onShadow && { onShadow: parts.onShadow }),
  }
  const looking = inspector(shared)
  const kept = settings.entries.some(({ reversible }) => reversible === true) ? reversing(looking, shared.sessions) : looking
  const inspect = settings.entries.some(({ use, mode }) => use === spotlight.id && mode === 'enforce') ? spotlighting(kept, prepared) : kept
  return {
    inspect,
    reply: (asked, options) => replyGuard(shared, inspect, asked, options),
  }
}
