import type { Facts, ReplyRecord, Step } from '../contract/facts.ts'
import type { Guarded } from '../contract/gateway.ts'
import type { Finding } from '../contract/finding.ts'
import type { Proposal, Reply, ReplyEvent, Unread } from '../contract/reply.ts'
import type { ReplyGuard, StreamStep } from '../contract/guard.ts'
import { isRefusal, refuse, Refused } from '../contract/verdict.ts'
import { askedOf } from './inspect.ts'
import { then } from './ask.ts'
import { judge } from './child.ts'
import { leavingOf, lookedUp, overheard, type Leaving } from './leaving.ts'
import { proposalOf } from './proposal.ts'
import { lateVerdict, type LateVerdict } from './late.ts'
import type { House } from './house.ts'

/** Sends the inspected reading to the permitted targets. */
export const dial: Step = (facts) => {
  const { errand, reading, permit, exchange, epoch, reservation } = facts
  overheard(facts)
  if (reading?.effect !== 'dial') return {}
  if (errand.dial === undefined || permit === undefined) return refuse('step_failed', { detail: 'nothing to dial with' })
  if (reservation !== undefined) epoch.budgets.dialled(reservation)
  return then(errand.dial(reading, permit, exchange), (reply) => (isRefusal(reply) ? reply : { reply }))
}

/** Puts the hold-back between the upstream and the caller. Nothing leaves before the intent is on disk. */
export function guard(house: House): Step {
  return (facts) => {
    const { reply, exchange, reading } = facts
    if (reply === undefined || reading === undefined) return { guarded: unanswered(facts) }
    const deciding = proposals(house, facts)
    const { output: mode, onDeniedCall: onDenied } = facts.epoch.route(reading.route)
    const watches = [watch()]
    function watch(): ReplyGuard {
      return facts.epoch.guard.reply(askedOf(facts), { mode, onDenied, signal: facts.errand.signal, decide: deciding() })
    }
    const meter = facts.reservation?.bounded === true ? facts.epoch.budgets.meter(facts.reservation) : undefined
    const collected = collector(house, meter !== undefined)
    const late = lateVerdict(house, facts)
    const out = leavingOf(facts, () => (watches.at(-1) as ReplyGuard).restorer, () => watches.flatMap((one) => one.findings()))
    facts.errand.signal.addEventListener('abort', out.close, { once: true })
    return {
      guarded: {
        exchange,
        reading,
        events: release(facts, reply, late, () => watches.at(-1) as ReplyGuard, () => void watches.push(watch()), meter, collected, out),
        findings: () => [...watches.flatMap((one) => one.findings()), ...collected.unread().map(unreadFinding)],
        guardMicros: () => watches.reduce((sum, one) => sum + one.micros(), 0),
        ...(late && { late: late.known }),
        said: collected.said,
      },
    }
  }
}

async function* release(facts: Facts, reply: Reply, late: LateVerdict | undefined, watch: () => ReplyGuard, again: () => void, meter: ((tokens: number) => boolean) | undefined, collected: Collector, out: Leaving): AsyncGenerator<ReplyEvent> {
  // A preamble commits nothing: it leaves with the first content, so that fail-over stays possible until then.
  let waiting: ReplyEvent[] | undefined = []
  const leaving = async (released: readonly ReplyEvent[], last: boolean): Promise<readonly ReplyEvent[]> => {
    if (waiting === undefined) return released
    waiting.push(...released)
    if (!last && !released.some((one) => one.kind !== 'preamble')) return []
    const first = waiting
    if (late !== undefined) await late.sure
    waiting = undefined
    await committed(facts)
    reply.released()
    return first
  }
  try {
    for await (const event of late?.over(reply) ?? reply.events) {
      if (event.restarts === true) {
        // Another target begins anew: what was withheld of the first one's answer belongs to nobody now.
        again()
        waiting &&= []
      }
      lookedUp(facts, event)
      const pushed = watch().push(event)
      const step = pushed instanceof Promise ? await pushed : pushed
      for (const one of waiting === undefined ? step.release : await leaving(step.release, false)) {
        collected.take(one)
        // The record has the placeholder, the caller the value.
        const made = out.push(one)
        const rising = facts.epoch.flow.kept()
        // Who has read it stays held to it, whatever becomes of this process.
        if (rising !== undefined) await rising
        yield* made
      }
      if (step.refusal !== undefined) throw new Refused(step.refusal)
      if (meter?.(collected.tokens()) === false && event.kind !== 'end') throw new Refused(refuse('reservation_exhausted'))
    }
  } catch (error) {
    // What was left in the middle may come back as far as it went.
    out.close()
    // A request that is refused is told so, whatever came back for it.
    if (late !== undefined) await late.sure
    throw await worded(facts, error)
  }
  const last: StreamStep = await watch().end()
  if (late !== undefined) await late.sure
  if (last.refusal !== undefined && waiting !== undefined) throw new Refused(last.refusal)
  for (const one of await leaving(last.release, true)) {
    collected.take(one)
    const made = out.push(one)
    await facts.epoch.flow.kept()
    yield* made
  }
  yield* out.end()
  if (last.refusal !== undefined) throw new Refused(last.refusal)
  out.close()
}

/**
 * A provider's own words reach the caller only where they pass as an answer would: an error that repeats a secret is
 * told without them.
 */
async function worded(facts: Facts, error: unknown): Promise<unknown> {
  const said = error instanceof Refused ? error.refusal.upstream : undefined
  if (!(error instanceof Refused) || said === undefined) return error
  const segment = { origin: 'assistant', text: said.message, path: [], group: 'error' } as const
  const { verdict } = await facts.epoch.guard.inspect(askedOf(facts), [segment], 'reply', facts.errand.signal)
  if (verdict === 'allow') return error
  return new Refused({ ...error.refusal, upstream: { status: said.status, message: 'The provider gave a reason that was withheld.' } })
}

async function committed(facts: Facts): Promise<void> {
  try {
    await facts.committed
  } catch (error) {
    throw new Refused(refuse('audit_unavailable', { detail: error instanceof Error ? error.message : 'intent' }))
  }
}

/**
 * Each complete tool call becomes a child exchange (law 8). Two on one channel, as choices of one index are, have one
 * text between them: the caller could be given arguments that nobody decided about.
 */
function proposals(house: House, facts: Facts) {
  let sequence = facts.reading?.subordinates.length ?? 0
  return () => {
    const decided = new Set<string>()
    return async ({ name, channel }: Proposal, args: string) => {
      if (decided.has(channel)) return { allow: false, refusal: refuse('upstream_malformed', { detail: 'two tool calls in one place' }) } as const
      decided.add(channel)
      const proposal = proposalOf(facts, name, args, sequence++)
      const refusal = await judge(house, facts, proposal)
      if (refusal === undefined && facts.principal !== undefined && proposal.call !== undefined) facts.epoch.flow.allowed(facts.principal, proposal.call, facts.exchange.id)
      return refusal === undefined ? ({ allow: true } as const) : ({ allow: false, refusal: { ...refusal, refuse: 'call_denied' as const } } as const)
    }
  }
}

/** What nobody could look into is on record (law 5); whether it may pass at all is for settings to say. */
function unreadFinding({ origin, kind }: Unread, segment: number): Finding {
  return { guardrail: 'unread', category: 'inconclusive', score: 'inconclusive', layer: 'normalise', mode: 'enforce', action: 'flag', origin, segment, start: 0, end: 0, rule: `unread.${kind}`, excerpt: '' }
}

interface Collector {
  take(event: ReplyEvent): void
  tokens(): number
  /** Parts that left without having been looked into. */
  unread(): readonly Unread[]
  said(): ReturnType<ReplyRecord['said']>
}

/** Keeps what left, per channel, up to a bound; recaps repeat what was said and are kept only where nothing else was. */
function collector(house: House, metered: boolean): Collector {
  const texts = new Map<string, string>()
  const unread: Unread[] = []
  let tokens = 0
  let kept = 0
  return {
    take(event) {
      if (event.unread !== undefined) unread.push(...event.unread)
      for (const leaf of event.leaves) {
        const before = texts.get(leaf.channel)
        if (leaf.whole && before !== undefined) continue
        if (metered) tokens += tokensOf(leaf.text)
        if (kept + leaf.text.length > house.keepReplyBytes) continue
        kept += leaf.text.length
        texts.set(leaf.channel, before === undefined ? leaf.text : before + leaf.text)
      }
    },
    tokens: () => tokens,
    unread: () => unread,
    said: () => [...texts].map(([channel, text]) => ({ channel, text })),
  }
}

/**
 * Tokens of a piece of text, roughly and rather too many: four ASCII characters a token, any other character its own.
 * A stream can only be ended early by it; what is charged is what the provider counted.
 */
function tokensOf(text: string): number {
  let others = 0
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 127) others++
  return (text.length - others) / 4 + others
}

/** Where nothing is dialled the verdict itself is the answer. */
function unanswered({ exchange, reading, inspection }: Facts): Guarded & ReplyRecord {
  return {
    exchange,
    ...(inspection !== undefined && { inspection }),
    reading: reading as NonNullable<Facts['reading']>,
    events: nothing(),
    findings: () => [],
    guardMicros: () => 0,
    said: () => [],
  }
}

async function* nothing(): AsyncGenerator<ReplyEvent> {}
