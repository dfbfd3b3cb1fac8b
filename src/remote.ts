import type { Dial } from './contract/dial.ts'
import type { Exchange } from './contract/exchange.ts'
import type { Errand, Pass } from './contract/gateway.ts'
import type { Post, Remote } from './guardrails/tools.ts'

const LARGEST_ANSWER = 64 * 1024
const CONNECT_MS = 2_000
/** The guardrail's own timeout is shorter: this only ends what nobody waits for. */
const HEAD_MS = 30_000

/**
 * The way to classifiers that somebody runs. Each text goes there as a child of its exchange, so that policy decides
 * whether this principal's content may (law 7), and a receipt says that it did.
 */
export function makeRemote(dial: Dial, pass: Pass): Remote {
  const sequences = new WeakMap<Exchange, number>()
  return {
    async post(post, signal) {
      const sequence = sequences.get(post.asked.exchange) ?? 0
      sequences.set(post.asked.exchange, sequence + 1)
      let outcome: { readonly said: string } | { readonly error: Error } | undefined
      const { refusal } = await pass(classifierErrand(post, sequence, signal, async () => {
        outcome = await sent(dial, post, signal).then((said) => ({ said }), (error: unknown) => ({ error: error instanceof Error ? error : new Error('failed') }))
      }))
      if (refusal !== undefined) throw new Error(`the classifier may not be asked: ${refusal.refuse}`)
      if (outcome === undefined) throw new Error('the classifier was not asked')
      if ('error' in outcome) throw outcome.error
      return outcome.said
    },
  }
}

async function sent(dial: Dial, { url, body, headers }: Post, signal: AbortSignal): Promise<string> {
  const fields: [string, string][] = [['content-type', 'application/json'], ['accept', 'application/json'], ...Object.entries(headers)]
  const reply = await dial({ method: 'POST', url, fields, body, signal, timeouts: { connectMs: CONNECT_MS, headMs: HEAD_MS } })
  if (reply.status !== 200) {
    reply.abort()
    throw new Error(`the classifier answered with status ${reply.status}`)
  }
  return new TextDecoder('utf-8', { fatal: true }).decode(await reply.body.whole(LARGEST_ANSWER))
}

function classifierErrand({ asked, url }: Post, sequence: number, signal: AbortSignal, send: () => Promise<void>): Errand {
  const { hostname, protocol, pathname, port } = new URL(url)
  const delivered = { status: 0, bytes: 0, complete: true }
  const scheme = protocol.slice(0, -1)
  const reading = {
    action: 'egress.request' as const,
    resource: { type: 'Host', id: hostname, attributes: { scheme, port: Number(port) || (scheme === 'https' ? 443 : 80), path: pathname, method: 'POST', field: 'guardrails' } },
    route: asked.reading.route,
    direction: 'outbound' as const,
    effect: 'none' as const,
    overlapsIntent: true,
    stream: false,
    segments: [],
    effects: [],
    parameters: {},
    subordinates: [],
    estimate: { input: 0, choices: 0 },
    apply: () => reading,
    fingerprint: () => `${asked.exchange.id}/classifier/${sequence}`,
  }
  return {
    gateway: 'classifier',
    parent: { exchange: asked.exchange, sequence },
    signal,
    identify: () => asked.principal,
    read: () => reading,
    resolve: () => [],
    async deliver() {
      await send()
      return delivered
    },
    refuse: () => delivered,
  }
}
