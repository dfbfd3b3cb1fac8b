import type { Attempt, Exchange } from '../../contract/exchange.ts'
import type { Errand } from '../../contract/gateway.ts'
import type { Principal } from '../../contract/principal.ts'
import { isRefusal, refuse } from '../../contract/verdict.ts'
import { object } from '../../formats/tree.ts'
import { openaiChat } from './openai/chat/dialect.ts'
import type { Plan } from './plan.ts'
import { makeReading, type LlmReading } from './reading.ts'

/** A question of our own to a model route. */
export interface Asking {
  readonly plan: Plan
  /** Name of the route; its targets are authorised and paid for like any other's. */
  readonly route: string
  readonly principal: Principal
  readonly parent: { readonly exchange: Exchange; readonly sequence: number }
  readonly system: string
  readonly user: string
  readonly maxTokens: number
  /** Longest answer that is read, in UTF-16 units. */
  readonly longest: number
  readonly signal: AbortSignal
}

/** What came of it. `text` is undefined where there was no answer, or one that is too long. */
export interface Answered {
  readonly text: string | undefined
  /** Micro-USD; undefined as soon as one attempt has no known price. */
  readonly cost: number | undefined
}

/**
 * A question to a route as an errand for the spine, and where its answer lands. The route is the operator's choice, so
 * the credential's scope, which bounds what its holder may ask for, does not bound it; policy and budgets do. Its text
 * belongs to an exchange that is inspected, so it carries no segments.
 */
export function questionErrand({ plan, route, principal, parent, system, user, maxTokens, longest, signal }: Asking): { readonly errand: Errand; readonly answered: () => Answered } {
  const planned = plan.routeNamed(route)
  let text: string | undefined
  let attempts: () => readonly Attempt[] = () => []
  const nothing = { status: 0, bytes: 0, complete: true }
  const tree = object({
    model: route,
    messages: [object({ role: 'system', content: system }), object({ role: 'user', content: user })],
    max_completion_tokens: maxTokens,
  })
  const errand: Errand = {
    gateway: 'judge',
    parent,
    signal,
    identify: () => principal,
    read() {
      const surveyed = openaiChat.survey(tree, [])
      if (isRefusal(surveyed)) return surveyed
      const reading = makeReading('llm.generate', route, tree, surveyed)
      // The estimate is that of the text; the segments are the parent's to inspect.
      return { ...reading, segments: [] }
    },
    resolve(reading) {
      if (planned === undefined) return refuse('unknown_model', { detail: `route ${route}` })
      return plan.order(planned, reading as LlmReading).filter(({ role }) => role !== 'mirror').map((candidate) => ({ ...candidate, role: 'judge' as const }))
    },
    dial(reading, permit) {
      if (planned === undefined) return refuse('unknown_model', { detail: `route ${route}` })
      const reply = plan.send({ route: planned, reading: reading as LlmReading, caller: openaiChat, fromPath: undefined, candidates: permit.candidates, signal, betas: undefined })
      if (!isRefusal(reply)) attempts = reply.attempts
      return reply
    },
    async deliver(guarded) {
      let said = ''
      for await (const event of guarded.events) {
        for (const leaf of event.leaves) if (leaf.origin === 'assistant') said += leaf.text
      }
      if (said !== '' && said.length <= longest) text = said
      return nothing
    },
    refuse: () => nothing,
  }
  const answered = (): Answered => {
    const all = attempts()
    return { text, cost: all.some(({ cost, outcome }) => cost === undefined && outcome !== 'skipped') ? undefined : all.reduce((sum, { cost = 0 }) => sum + cost, 0) }
  }
  return { errand, answered }
}
