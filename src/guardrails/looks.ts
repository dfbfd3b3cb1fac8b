import type { Clock } from '../contract/clock.ts'
import type { Origin } from '../contract/segment.ts'
import type { Active } from './profile.ts'
import type { Span } from './rules/matcher.ts'

/** What a slow layer saw, or why it could not say. */
export type Seen = { readonly spans: readonly Span[] } | { readonly failed: string }

/** Runs one slow layer over one text, bounded by the entry's timeout and the caller's signal. Never rejects. */
export async function lookOnce(active: Active, text: string, origin: Origin, clock: Clock, signal: AbortSignal): Promise<Seen> {
  const look = active.guardrail.look
  if (look === undefined) return { spans: [] }
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
    const looking = (async () => ({ spans: await look.call(active.guardrail, text, origin, stop.signal) }))()
    return await Promise.race([looking, over.promise])
  } catch (error) {
    return { failed: error instanceof Error ? error.message : 'failed' }
  } finally {
    cancel()
    signal.removeEventListener('abort', gone)
  }
}
