import type { TestContext } from 'node:test'
import type { Clock } from '../../../contract/clock.ts'
import type { Candidate, Price } from '../../../contract/exchange.ts'
import type { LlmEvent } from './event.ts'
import type { TreeObject } from '../../../formats/tree.ts'
import { makeDialer } from '../../../edge/dial/dialer.ts'
import { parseJson, writeJson } from '../../../formats/json.ts'
import { Refused, type Refusal } from '../../../contract/verdict.ts'
import type { Dialect } from '../dialect.ts'
import { openaiChat } from '../openai/chat/dialect.ts'
import type { Fault } from '../practice/fault.fixture.ts'
import { startPractice, type PracticeServer } from '../practice/server.fixture.ts'
import type { Timeouts } from '../settings.ts'
import { attempt, type AttemptsOptions, type LlmReply } from './attempts.ts'
import { makeHealth, type Health } from './health.ts'

export const realClock: Clock = {
  wall: () => Date.now(),
  monotonic: () => performance.now(),
  timer(ms, fire) {
    const timer = setTimeout(fire, ms)
    return () => clearTimeout(timer)
  },
}

export const PRICE: Price = { input: 1_000_000, output: 2_000_000, cachedInput: 500_000, cacheWrite: 1_000_000 }

/** A loopback provider for each target, each with its own script of faults. */
export interface Ground {
  readonly servers: Readonly<Record<string, PracticeServer>>
  readonly health: Health
  send(more?: Partial<AttemptsOptions> & { readonly dialect?: Dialect; readonly stream?: boolean; readonly model?: string; readonly text?: string }): LlmReply
}

export type Script = (index: number) => Fault | undefined

/** For targets that are silent on purpose; long enough for a good one on a busy machine. */
export const SHORT: Timeouts = { connect: 5_000, firstToken: 600, answer: 600, stall: 500, total: 30_000 }

/** Plays these faults one after the other, then behaves. */
export const first = (...faults: readonly Fault[]): Script => (index) => faults[index]
export const always = (fault: Fault): Script => () => fault

export async function ground(t: TestContext, scripts: Readonly<Record<string, Script>>, health: Health = makeHealth(realClock, { random: () => 0.5 })): Promise<Ground> {
  const servers: Record<string, PracticeServer> = {}
  for (const [name, script] of Object.entries(scripts)) servers[name] = await startPractice({ script })
  const dialer = makeDialer({ origins: Object.values(servers).map(({ url }) => ({ origin: url })) })
  t.after(async () => {
    await dialer.close()
    for (const server of Object.values(servers)) await server.close()
  })
  return {
    servers,
    health,
    send({ dialect = openaiChat, stream = true, model = 'practice-tokens-60', text = 'go', ...more } = {}) {
      return attempt({
        candidates: Object.keys(scripts).map((name, index) => candidate(name, index === 0 ? 'primary' : 'fallback', model)),
        prepare: (one) => ({
          url: `${servers[one.provider]?.url ?? ''}${pathOf(dialect, model, stream)}`,
          fields: [['content-type', 'application/json'], ['accept', stream ? 'text/event-stream' : 'application/json']],
          body: writeJson(bodyOf(dialect, model, stream, text)),
          dialect,
          stream,
          dial: dialer.dial,
        }),
        timeouts: { connect: 5_000, firstToken: 5_000, answer: 5_000, stall: 5_000, total: 30_000 },
        retries: { attempts: 3, base: 10, cap: 60 },
        fallbackOn: new Set(['timeout', 'rate_limited', 'server_error', 'stalled', 'truncated', 'malformed']),
        health,
        clock: realClock,
        random: () => 0.5,
        signal: new AbortController().signal,
        estimatedInput: 11,
        limits: { bytes: 1_000_000, depth: 50, graceMs: 50 },
        ...more,
      })
    },
  }
}

export function candidate(provider: string, role: Candidate['role'], model = 'practice'): Candidate {
  return { id: `${provider}/${model}`, resource: { type: 'Model', id: `${provider}/${model}`, attributes: {} }, provider, model, role, price: PRICE }
}

function pathOf(dialect: Dialect, model: string, stream: boolean): string {
  const path = dialect.upstreamPath(model, stream)
  return dialect.id === 'gemini.generate' ? `/v1beta${path}` : path
}

function bodyOf(dialect: Dialect, model: string, stream: boolean, text: string): TreeObject {
  const chat = parseJson(JSON.stringify({ model, stream, ...(stream && { stream_options: { include_usage: true } }), messages: [{ role: 'user', content: text }] }), { depth: 9 }) as TreeObject
  return dialect === openaiChat ? chat : dialect.encode(openaiChat.decode(chat), model)
}

export interface Outcome {
  readonly events: readonly LlmEvent[]
  readonly text: string
  /** Number of events after which the reader was told to start anew. */
  readonly restarts: number
  readonly refusal: Refusal | undefined
}

/** Reads a reply to its end. `releaseAfter` says how many events to hold before anything counts as released. */
export async function read(reply: LlmReply, releaseAfter = 1): Promise<Outcome> {
  let events: LlmEvent[] = []
  let restarts = 0
  let refusal: Refusal | undefined
  try {
    for await (const event of reply.events) {
      if (event.restarts === true) {
        events = []
        restarts++
      }
      events.push(event)
      if (events.length >= releaseAfter) reply.released()
    }
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    refusal = error.refusal
  }
  return { events, text: textOf(events), restarts, refusal }
}

/** What the assistant said; recaps repeat it, and count only where nothing else came. */
export function textOf(events: readonly LlmEvent[]): string {
  const leaves = events.flatMap((event) => event.leaves).filter((leaf) => leaf.origin === 'assistant')
  const pieces = leaves.filter((leaf) => !leaf.whole)
  return (pieces.length > 0 ? pieces : leaves).map((leaf) => leaf.text).join('')
}

/** Waits for something that another process or socket has to notice first. */
export async function until(holds: () => boolean): Promise<boolean> {
  for (let tries = 0; tries < 400 && !holds(); tries++) await new Promise((resolve) => setTimeout(resolve, 5))
  return holds()
}

export const WORDS = Array.from({ length: 60 }, (_, index) => `word${index}`).join(' ')
