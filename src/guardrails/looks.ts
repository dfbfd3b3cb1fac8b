import type { Clock } from '../contract/clock.ts'
import type { Glance, Sight } from './guardrail.ts'
import type { Active } from './profile.ts'
import type { Tools } from './tools.ts'

/** What a slow layer saw, or why it could not say. */
export type Seen = Sight | { readonly failed: string }

const NOTHING: Sight = { spans: [] }

/** Runs one slow layer over one text, bounded by the entry's timeout and the caller's signal. Never rejects. */
export async function lookOnce(active: Active, text: string, glance: Glance, tools: Tools, clock: Clock, signal: AbortSignal): Promise<Seen> {
  const look = active.guardrail.look
  if (look === undefined) return NOTHING
  const stop = new AbortController()
  const over = Promise.withResolvers<Seen>()
  const end = (failed: string): void => {
    over.resolve({ failed })
    stop.abort()
  }
  const gone = (): void => end('cancelled')
  const cancel = clock.timer(active.entry.timeout, () => end('timed out'))
  signal.addEventListener('abort', gone, { once: true })
  if (signal.aborted) gone()
  try {
    return await Promise.race([(async () => look.call(active.guardrail, text, glance, tools, stop.signal))(), over.promise])
  } catch (error) {
    return { failed: error instanceof Error ? error.message : 'failed' }
  } finally {
    cancel()
    signal.removeEventListener('abort', gone)
  }
}
