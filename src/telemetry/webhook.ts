import type { Clock } from '../contract/clock.ts'
import type { Dial } from '../contract/dial.ts'

export interface WebhookOptions {
  readonly url: string
  readonly dial: Dial
  readonly clock: Clock
  /** Told of each message that was given up. */
  readonly onFailed: (error: unknown) => void
}

export interface Webhook {
  /** Queues a message; never waits and never throws. */
  send(message: Readonly<Record<string, string | number>>): void
  /** Gives up what waits. */
  close(): void
}

const mostWaiting = 100
const connectMs = 5_000
const totalMs = 10_000
/** Pauses before the second and third attempt. */
const pauses = [1_000, 10_000] as const

/**
 * Tells another system of alerts: one JSON POST each, in order, three attempts. A place that is slow or away costs
 * alerts (the log and the metrics still have them), never memory or a caller's time.
 */
export function makeWebhook({ url, dial, clock, onFailed }: WebhookOptions): Webhook {
  const waiting: string[] = []
  const closed = new AbortController()
  let busy = false

  const post = async (body: string): Promise<void> => {
    const late = new AbortController()
    const cancel = clock.timer(totalMs, () => late.abort())
    const signal = AbortSignal.any([late.signal, closed.signal])
    try {
      const reply = await dial({ method: 'POST', url, fields: [['content-type', 'application/json']], body, signal, timeouts: { connectMs, headMs: totalMs } })
      reply.abort()
      if (reply.status < 200 || reply.status > 299) throw new Error(`status ${reply.status}`)
    } finally {
      cancel()
    }
  }

  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const cancel = clock.timer(ms, resolve)
      closed.signal.addEventListener('abort', () => (cancel(), resolve()), { once: true })
    })

  const deliver = async (body: string): Promise<void> => {
    for (const ms of [...pauses, undefined]) {
      try {
        return await post(body)
      } catch (error) {
        if (ms === undefined || closed.signal.aborted) return onFailed(error)
        await pause(ms)
      }
    }
  }

  const drain = async (): Promise<void> => {
    busy = true
    for (let body = waiting.shift(); body !== undefined && !closed.signal.aborted; body = waiting.shift()) await deliver(body)
    busy = false
  }

  return {
    send(message) {
      if (closed.signal.aborted) return
      if (waiting.length >= mostWaiting) {
        waiting.shift()
        onFailed(new Error(`more than ${mostWaiting} alerts wait`))
      }
      waiting.push(JSON.stringify(message))
      if (!busy) void drain()
    },
    close: () => closed.abort(),
  }
}
