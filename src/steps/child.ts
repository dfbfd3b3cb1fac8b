import type { Shown } from '../contract/shown.ts'
import type { Action, Effect, Reading, Resource } from '../contract/exchange.ts'
import type { Errand } from '../contract/gateway.ts'
import type { ToolCall } from '../contract/flow.ts'
import type { Facts } from '../contract/facts.ts'
import type { Principal } from '../contract/principal.ts'
import type { Refusal } from '../contract/verdict.ts'
import { carriedLabels } from './labels.ts'
import type { House } from './house.ts'

/** Something that follows from an exchange and is decided on its own: a proposed call, a URL the provider would fetch. */
export interface Consequence {
  readonly action: Action
  readonly resource: Resource
  readonly effects: readonly Effect[]
  readonly parameters: Reading['parameters']
  readonly sequence: number
  /** The tool call that it is. */
  readonly call?: ToolCall
  /** Absent = it is this exchange's own and never comes again. */
  readonly fingerprint?: () => string
  readonly show?: () => Shown
  /** Why policy need not be asked: it leaves a receipt like every other. */
  readonly refusal?: Refusal
}

/**
 * Sends a consequence down the path as a child exchange: the same principal, the same epoch's policy, its own intent
 * and receipt. Its content was or will be inspected with the parent's, so it carries no segments.
 * Returns the refusal, or undefined when policy allows it.
 */
export async function judge(house: House, facts: Facts, consequence: Consequence): Promise<Refusal | undefined> {
  const passed = await house.pass(childErrand(facts, consequence))
  return passed.refusal
}

function childErrand({ exchange: parent, principal, reading: from, errand, epoch, session }: Facts, consequence: Consequence): Errand {
  const delivered = { status: 0, bytes: 0, complete: true }
  const reading: Reading = {
    action: consequence.action,
    resource: consequence.resource,
    route: from?.route ?? '',
    direction: consequence.action === 'tool.propose' ? 'inbound' : 'outbound',
    effect: 'none',
    overlapsIntent: true,
    stream: false,
    segments: [],
    ...(from !== undefined && principal !== undefined && { labels: carriedLabels(epoch, { principal, reading: from, ...(session && { session }) }) }),
    ...(consequence.call && { call: consequence.call }),
    ...(session && { within: session }),
    effects: consequence.effects,
    parameters: consequence.parameters,
    subordinates: [],
    estimate: { input: 0, choices: 0 },
    apply: () => reading,
    fingerprint: consequence.fingerprint ?? (() => `${parent.id}/${consequence.sequence}`),
    ...(consequence.show && { show: consequence.show }),
  }
  return {
    gateway: errand.gateway,
    parent: { exchange: parent, sequence: consequence.sequence },
    signal: errand.signal,
    identify: () => principal as Principal,
    read: () => reading,
    resolve: () => consequence.refusal ?? [],
    deliver: () => Promise.resolve(delivered),
    refuse: () => delivered,
  }
}
