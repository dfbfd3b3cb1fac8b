import { refuse, Refused } from '../../../contract/verdict.ts'
import { NEVER, OUT_OF_USE, within, type AskOptions, type Link } from './link.ts'
import { statusOf } from './posts.ts'

/** With these a server of the transport HTTP+SSE answers what it does not know (2026-07-28, backward compatibility). */
const UNKNOWN: ReadonlySet<number> = new Set([400, 404, 405])

/**
 * A server by streamable HTTP, or by the transport before it where that is what it turns out to have. One that has that
 * no longer is looked at anew.
 */
export function eitherLink(newer: () => Link, older: () => Link): Link {
  let chosen = newer()
  let choice: Promise<void> | undefined
  let settled = false
  let isOlder = false
  let closed = false
  /** Changes of ways that are behind us. */
  let before = 0
  const listeners = new Map<object, { readonly listener: Parameters<Link['heard']>[0]; end: () => void }>()

  /** Which of the two it is shows when it is first met, whoever asks and leaves; a server that cannot be met is asked again. */
  function choose({ timeoutMs, signal }: AskOptions): Promise<void> {
    choice ??= decide({ timeoutMs, signal: NEVER }).then(
      () => void (settled = true),
      (error: unknown) => {
        choice = undefined
        throw error
      },
    )
    return within(choice, signal)
  }

  async function decide(options: AskOptions): Promise<void> {
    try {
      await chosen.introduction(options)
    } catch (error) {
      const status = statusOf(error)
      if (status === undefined || !UNKNOWN.has(status) || closed) throw error
      const other = older()
      try {
        await other.introduction(options)
        if (closed) throw new Refused(OUT_OF_USE)
      } catch (second) {
        await other.close()
        throw second instanceof Refused ? second : new Refused(refuse('upstream_error', { say: 'The server cannot be reached.' }))
      }
      await change(other, true)
    }
  }

  async function change(to: Link, toOlder: boolean): Promise<void> {
    const from = chosen
    before += from.changes() + 1
    chosen = to
    isOlder = toOlder
    for (const one of listeners.values()) {
      one.end()
      one.end = to.heard(one.listener)
    }
    await from.close()
  }

  async function by<T>(options: AskOptions, ask: (link: Link) => Promise<T>): Promise<T> {
    if (!settled) await choose(options)
    const used = chosen
    try {
      return await ask(used)
    } catch (error) {
      const status = statusOf(error)
      if (isOlder && used === chosen && !closed && status !== undefined && UNKNOWN.has(status)) {
        settled = false
        choice = undefined
        await change(newer(), false)
      }
      throw error
    }
  }

  return {
    introduction: (options) => by(options, (link) => link.introduction(options)),
    request: (method, params, options) => by(options, (link) => link.request(method, params, options)),
    changes: () => before + chosen.changes(),
    heard(listener) {
      const key = {}
      listeners.set(key, { listener, end: chosen.heard(listener) })
      return () => {
        listeners.get(key)?.end()
        listeners.delete(key)
      }
    },
    close() {
      closed = true
      return chosen.close()
    },
  }
}
