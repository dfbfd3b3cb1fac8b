import { refuse, Refused } from '../../../contract/verdict.ts'
import type { AskOptions, Link } from './link.ts'
import { statusOf } from './posts.ts'

/** With these a server of the transport HTTP+SSE answers what it does not know (2026-07-28, backward compatibility). */
const UNKNOWN: ReadonlySet<number> = new Set([400, 404, 405])

/** A server by streamable HTTP, or by the transport before it where that is what it turns out to have. */
export function eitherLink(newer: Link, older: () => Link): Link {
  let chosen = newer
  let choice: Promise<void> | undefined
  let settled = false
  const listeners = new Map<object, { readonly listener: Parameters<Link['heard']>[0]; end: () => void }>()

  /** Which of the two it is shows when it is first met, whoever asks; a server that cannot be met is asked again. */
  function choose(options: AskOptions): Promise<void> {
    choice ??= decide(options).then(
      () => void (settled = true),
      (error: unknown) => {
        choice = undefined
        throw error
      },
    )
    return choice
  }

  async function decide(options: AskOptions): Promise<void> {
    try {
      await newer.introduction(options)
    } catch (error) {
      const status = statusOf(error)
      if (status === undefined || !UNKNOWN.has(status)) throw error
      const other = older()
      try {
        await other.introduction(options)
      } catch (second) {
        await other.close()
        throw second instanceof Refused ? second : new Refused(refuse('upstream_error', { say: 'The server cannot be reached.' }))
      }
      chosen = other
      for (const one of listeners.values()) {
        one.end()
        one.end = other.heard(one.listener)
      }
      await newer.close()
    }
  }

  return {
    async introduction(options) {
      if (!settled) await choose(options)
      return chosen.introduction(options)
    },
    async request(method, params, options) {
      if (!settled) await choose(options)
      return chosen.request(method, params, options)
    },
    changes: () => chosen.changes(),
    heard(listener) {
      const key = {}
      listeners.set(key, { listener, end: chosen.heard(listener) })
      return () => {
        listeners.get(key)?.end()
        listeners.delete(key)
      }
    },
    close: () => chosen.close(),
  }
}
