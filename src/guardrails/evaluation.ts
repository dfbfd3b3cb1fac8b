import type { Asked } from '../contract/exchange.ts'
import type { Guard } from '../contract/guard.ts'
import { looksMode } from './profile.ts'
import type { GuardSettings } from './settings.ts'

/**
 * Settings for texts that somebody asks about (`POST /guard`): nothing is let through or stopped by the answer, so
 * everything that is not off says what it would do if it were enforced. A slow layer that is only watched and cannot
 * look says so and decides nothing.
 */
export function forEvaluation(settings: GuardSettings): GuardSettings {
  return {
    ...settings,
    entries: settings.entries.map((entry) => {
      const looks = looksMode(entry)
      return { ...entry, mode: entry.mode === 'off' ? 'off' : 'enforce', looks: looks === 'off' ? 'off' : 'enforce', onError: looks === 'enforce' ? entry.onError : 'open' }
    }),
  }
}

/** Guardrails that an evaluation may ask for: those that are not off. */
export function evaluated({ entries }: GuardSettings): ReadonlySet<string> {
  return new Set(entries.filter((entry) => entry.mode !== 'off' || looksMode(entry) !== 'off').map(({ use }) => use))
}

/** One guard for both: exchanges that ask about a text get the evaluating one, all others the guarding one. */
export function withEvaluation(guarding: Guard, evaluating: Guard): Guard {
  const of = ({ reading }: Asked): Guard => (reading.action === 'guard.evaluate' ? evaluating : guarding)
  return {
    inspect: (asked, segments, phase, signal) => of(asked).inspect(asked, segments, phase, signal),
    reply: (asked, options) => guarding.reply(asked, options),
  }
}
