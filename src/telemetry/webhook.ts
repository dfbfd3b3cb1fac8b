import { createHmac } from 'node:crypto'
import type { Fields } from '../contract/arrival.ts'
import type { Clock } from '../contract/clock.ts'
import type { Dial } from '../contract/dial.ts'

export interface WebhookOptions {
  readonly url: string
  readonly dial: Dial
  readonly clock: Clock
  /** Signs what is sent as Standard Webhooks 1.0 say (`v1`: HMAC-SHA-256), and gives each message its id. */
  readonly signing?: { readonly secret: Uint8Array; readonly newId: () => string }
  /** Told of each message that was given up. */
  readonly onFailed: (error: unknown) => void
}

export interface Webhook {
  /** Queues a message, which becomes JSON; never waits and never throws. */
  send(message: Readonly<Record<string, unknown>>): void
  /** Gives up what waits. */
  close(): void
}

const mostWaiting = 100
const connectMs = 5_000
const totalMs = 10_000
/** Pauses before the second and third attempt. */
const pauses = [1_000, 15_000] as const

interface Message {
  /** The same for every attempt, so that whoever gets one twice can tell. */
  readonly id: string | undefined
  readonly body: string
}

/**
 * Tells another system of alerts: one JSON POST each, in order, three attempts. A place that is slow or away costs
 * alerts (the log and the metrics still have them), never memory or a caller's time.
 */
export function makeWebhook({ url, dial, clock, signing, onFailed }: WebhookOptions): Webhook {
  const waiting: Message[] = []
  const closed = new AbortController()
  let busy = false

  // Made anew for each attempt: receivers refuse timestamps that are minutes old, because they may be replayed.
  const signatureOf = ({ id, body }: Message): Fields => {
    if (signing === undefined || id === undefined) return []
    const at = Math.floor(clock.wall() / 1_000)
    const signature = createHmac('sha256', signing.secret).update(`${id}.${at}.${body}`).digest('base64')
    return [['webhook-id', id], ['webhook-timestamp', String(at)], ['webhook-signature', `v1,${signature}`]]
  }

  const post = async (message: Message): Promise<void> => {
    const late = new AbortController()
    const cancel = clock.timer(totalMs, () => late.abort())
    const signal = AbortSignal.any([late.signal, closed.signal])
    try {
      const reply = await dial({ method: 'POST', url, fields: [['content-type', 'application/json'], ...signatureOf(message)], body: message.body, signal, timeouts: { connectMs, headMs: totalMs } })
      reply.abort()
      if (reply.status < 200 || reply.status > 299) throw new Error(`status ${reply.status}`)
    } finally {
      cancel()
    }
  }

  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const over = (): void => {
        cancel()
        closed.signal.removeEventListener('abort', over)
        resolve()
      }
      const cancel = clock.timer(ms, over)
      closed.signal.addEventListener('abort', over)
    })

  const deliver = async (message: Message): Promise<void> => {
    for (const ms of [...pauses, undefined]) {
      try {
        return await post(message)
      } catch (error) {
        if (ms === undefined || closed.signal.aborted) return onFailed(error)
        await pause(ms)
      }
    }
  }

  const drain = async (): Promise<void> => {
    busy = true
    for (let message = waiting.shift(); message !== undefined && !closed.signal.aborted; message = waiting.shift()) await deliver(message)
    busy = false
  }

  return {
    send(message) {
      if (closed.signal.aborted) return
      if (waiting.length >= mostWaiting) {
        waiting.shift()
        onFailed(new Error(`more than ${mostWaiting} alerts wait`))
      }
      waiting.push({ id: signing?.newId(), body: JSON.stringify(message) })
      if (!busy) void drain()
    },
    close: () => closed.abort(),
  }
}
