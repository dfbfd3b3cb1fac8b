import type { Asked } from '../../contract/exchange.ts'
import type { Finding } from '../../contract/finding.ts'
import type { Inspection, ReplyGuard, Restorer, ReplyGuardOptions, StreamStep } from '../../contract/guard.ts'
import type { Leaf, Proposal, ReplyEvent } from '../../contract/reply.ts'
import type { Segment } from '../../contract/segment.ts'
import { refuse } from '../../contract/verdict.ts'
import type { Refusal } from '../../contract/verdict.ts'
import type { Phase } from '../guardrail.ts'
import { WINDOWS, contextOf, glanceOf } from '../inspect.ts'
import type { Inspectors } from '../inspect.ts'
import { lookOnce } from '../looks.ts'
import type { Session, Sessions } from '../placeholders.ts'
import { looksMode } from '../profile.ts'
import type { Active, PlanOf } from '../profile.ts'
import { edited } from '../verdict.ts'
import { OpenCalls } from './calls.ts'
import { Channel } from './channel.ts'
import { Looking } from './looking.ts'
import type { Looker } from './looking.ts'
import { Queue } from './queue.ts'
import { Restoring } from './restore.ts'

type Inspect = (asked: Asked, segments: readonly Segment[], phase: Phase, signal: AbortSignal) => Inspection | Promise<Inspection>

// Everything that may wait for one reply, in UTF-16 units. The gateway's own limit on replies is usually lower.
const MOST_WAITING = 8 * 1024 * 1024
// Windows that may wait beside a stream before the stream waits for them.
const MOST_PENDING = 4
// Channels that the deep classifier reads with a full allowance each; what comes behind gets a small one.
const FULL_CHANNELS = 8
const SMALL_ALLOWANCE = 4

interface Shared extends Inspectors {
  readonly sessions: Sessions
}

class Reply implements ReplyGuard {
  readonly #shared: Shared
  readonly #inspect: Inspect
  readonly #asked: Asked
  readonly #options: ReplyGuardOptions
  readonly #planOf: PlanOf
  readonly #session: Session | undefined
  readonly restorer?: Restorer
  readonly #channels = new Map<string, Channel>()
  readonly #wholes = new Map<string, string>()
  readonly #calls = new OpenCalls()
  readonly #dropped = new Set<string>()
  readonly #found: Finding[] = []
  readonly #queue = new Queue(this.#dropped)
  #refusal: Refusal | undefined
  readonly #lookings: Looking[] = []
  readonly #byChannel = new Map<Channel, readonly Looking[]>()
  #looker: Looker | undefined
  #stop: AbortController | undefined
  #over = false
  #micros = 0

  constructor(shared: Shared, inspect: Inspect, asked: Asked, options: ReplyGuardOptions) {
    this.#shared = shared
    this.#inspect = inspect
    this.#asked = asked
    this.#options = options
    this.#planOf = shared.profiles.of(asked, 'reply')
    this.#session = shared.sessions.of(asked)
    if (this.#session?.any === true) this.restorer = new Restoring(this.#session)
  }

  push(event: ReplyEvent): StreamStep | Promise<StreamStep> {
    if (this.#refusal !== undefined) return { release: [], refusal: this.#refusal }
    const began = this.#shared.clock.monotonic()
    const wholes = this.#take(event)
    const complete = event.kind === 'end' ? [...this.#channels.keys()] : event.closes
    const ended = complete.length === 0 ? [] : this.#close(complete)
    this.#enqueue(event, ended)
    if (wholes || event.proposals.length > 0 || (this.#lookings.length > 0 && this.#waits(event))) return this.#slowly(event, wholes, began)
    this.#finished(event)
    const step = this.#drain()
    this.#micros += this.#shared.clock.monotonic() - began
    return step
  }

  // A proper end with a call that was never completed: nobody could decide about it.
  #finished(event: ReplyEvent): void {
    if (event.kind === 'end' && this.#calls.any) this.#refusal ??= refuse('upstream_malformed', { detail: 'the reply ended inside a tool call' })
  }

  end(): StreamStep | Promise<StreamStep> {
    if (this.#refusal !== undefined) return { release: [], refusal: this.#refusal }
    const began = this.#shared.clock.monotonic()
    this.#close([...this.#channels.keys()])
    const looking = this.#looked()
    return looking === undefined ? this.#last(began) : looking.then(() => this.#last(began))
  }

  findings(): readonly Finding[] {
    return [...this.#found, ...[...this.#channels.values()].flatMap((channel) => channel.findings)]
  }

  micros(): number {
    return Math.round(this.#micros * 1000)
  }

  // The upstream is gone: what a call began and never finished does not leave, all other text does.
  #last(began: number): StreamStep {
    this.#over = true
    if (this.#calls.any) this.#queue.abandon()
    for (const channel of this.#channels.values()) this.#queue.flush(channel)
    const step = this.#drain()
    this.#micros += this.#shared.clock.monotonic() - began
    return step
  }

  #channel(leaf: Leaf): Channel {
    const known = this.#channels.get(leaf.channel)
    if (known !== undefined) return known
    const call = leaf.origin === 'tool_call'
    const { mode } = this.#options
    const plan = this.#planOf(leaf.origin)
    // Arguments wait for their decision in every mode: a call is an act, not text.
    const pace = mode === 'observe' ? 'free' : call ? 'complete' : 'incremental'
    const made = new Channel(leaf.channel, leaf.origin, this.#channels.size, plan, pace, call || plan?.looks.some((active) => wholly(active)) === true)
    if (this.#session !== undefined) made.own = (label, text) => this.#session?.knows(label, text) === true
    this.#channels.set(leaf.channel, made)
    this.#watch(made, plan?.looks ?? [])
    return made
  }

  // What looks at a channel: the layers whose verdict counts, and beside them those that only record.
  #watch(channel: Channel, looks: readonly Active[]): void {
    const { mode } = this.#options
    const { tools } = this.#shared
    const enforced = mode === 'observe' ? [] : looks.filter(({ entry }) => looksMode(entry) === 'enforce')
    const beside = looks.filter((active) => !enforced.includes(active) && (active.guardrail.needs === undefined || tools[active.guardrail.needs] !== undefined))
    const call = channel.origin === 'tool_call'
    // A change can only be made to what has not left.
    const held = !call && (mode === 'strict' || enforced.some(({ entry }) => entry.action === 'redact' || entry.action === 'rewrite'))
    const made: Looking[] = []
    const add = (actives: readonly Active[], how: 'held' | 'enforced' | 'beside'): void => {
      this.#looker ??= this.#makeLooker()
      const whole = actives.filter((active) => call || wholly(active))
      made.push(new Looking(channel, actives.filter((active) => !whole.includes(active)), whole, this.#looker, channel.index < FULL_CHANNELS ? WINDOWS : SMALL_ALLOWANCE, how))
    }
    if (held) add(enforced, 'held')
    else if (enforced.length > 0) add(enforced, 'enforced')
    if (beside.length > 0) add(beside, 'beside')
    if (made.length === 0) return
    this.#byChannel.set(channel, made)
    this.#lookings.push(...made)
  }

  #makeLooker(): Looker {
    const { tools, clock, onShadow } = this.#shared
    const stop = (this.#stop ??= new AbortController())
    const signal = AbortSignal.any([this.#options.signal, stop.signal])
    const contexts = contextOf(this.#asked)
    return {
      glance: (active, { origin }, allowance) => glanceOf(active, this.#asked, origin, contexts, allowance),
      look: (active, text, glance) => lookOnce(active, text, glance, tools, clock, signal),
      judged: ({ refusal }) => {
        this.#refusal ??= refusal
        if (this.#refusal !== undefined) stop.abort()
      },
      stopped: () => this.#refusal !== undefined,
      late: (findings) => {
        if (this.#over && findings.length > 0) onShadow?.(this.#asked, findings)
      },
    }
  }

  // True when a leaf is complete in itself and needs the whole inspection.
  #take(event: ReplyEvent): boolean {
    let wholes = false
    for (const leaf of event.leaves) {
      if (leaf.whole) wholes = true
      else {
        const channel = this.#channel(leaf)
        // What comes behind the end was never joined with what stood before it: a value split there would pass.
        if (channel.closed && leaf.text !== '') this.#refusal ??= refuse('upstream_malformed', { detail: 'text behind the end of its channel' })
        this.#feed(channel, leaf.text, false)
      }
    }
    if (event.opensCall || event.leaves.some(({ origin }) => origin === 'tool_call')) {
      this.#calls.opened(event)
      if (this.#calls.any) this.#queue.bar()
    }
    return wholes
  }

  #close(names: readonly string[]): readonly Channel[] {
    const ended: Channel[] = []
    for (const name of names) {
      const channel = this.#channels.get(name)
      if (channel === undefined || channel.closed) continue
      this.#feed(channel, '', true)
      ended.push(channel)
    }
    return ended
  }

  #enqueue(event: ReplyEvent, ended: readonly Channel[]): void {
    // A channel that this event continues takes what it still owes with it.
    const owing = ended.filter((channel) => !event.leaves.some((leaf) => leaf.channel === channel.name && !leaf.whole))
    this.#queue.add(event, (name) => this.#channels.get(name), owing)
    if (this.#queue.waiting > MOST_WAITING) this.#refusal ??= refuse('upstream_too_large', { detail: 'too much text waits for inspection' })
  }

  #feed(channel: Channel, text: string, final: boolean): void {
    channel.push(text, final)
    this.#refusal ??= channel.refusal
    if (this.#lookings.length === 0) return
    for (const looking of this.#byChannel.get(channel) ?? []) looking.push(text, final)
    this.#refusal ??= channel.refusal
  }

  // Held text waits for its look; all other text only where the looks fall behind, or where the reply ends.
  #waits(event: ReplyEvent): boolean {
    let pending = 0
    for (const looking of this.#lookings) {
      if (looking.holds) return true
      pending += looking.pending
    }
    return pending > (event.kind === 'end' ? 0 : MOST_PENDING)
  }

  /** Waits for every look whose verdict counts. */
  #looked(): Promise<void> | undefined {
    const open = this.#lookings.flatMap((one) => (one.pending > 0 ? [one.settled()] : []))
    return open.length === 0 ? undefined : Promise.all(open).then(() => undefined)
  }

  async #slowly(event: ReplyEvent, wholes: boolean, began: number): Promise<StreamStep> {
    if (wholes) await this.#whole(event)
    if (this.#refusal === undefined) await this.#looked()
    for (const proposal of event.proposals) {
      if (this.#refusal !== undefined) break
      await this.#propose(proposal)
    }
    if (!this.#calls.any) this.#queue.lift()
    this.#finished(event)
    const step = this.#drain()
    this.#micros += this.#shared.clock.monotonic() - began
    return step
  }

  // Complete texts: a reply that was not streamed, or a recap of one that was. What its deltas lost it loses too.
  async #whole(event: ReplyEvent): Promise<void> {
    const waiting = this.#queue.find(event)
    for (const [i, leaf] of event.leaves.entries()) {
      if (!leaf.whole || waiting === undefined) continue
      const segment: Segment = { origin: leaf.origin, text: leaf.text, path: [], group: leaf.channel }
      const looking = this.#inspect(this.#asked, [segment], 'reply', this.#options.signal)
      if (this.#options.mode === 'observe' && looking instanceof Promise) {
        // Watching delays nothing: what takes its time is recorded when it comes.
        void looking.then(
          ({ findings }) => this.#record(leaf, findings),
          () => undefined,
        )
        if (leaf.origin === 'tool_call') this.#recap(leaf, leaf.text)
        continue
      }
      const { findings, edits, verdict, refusal } = looking instanceof Promise ? await looking : looking
      this.#record(leaf, findings)
      let shown = leaf.text
      if (this.#options.mode !== 'observe') {
        if (refusal !== undefined && (verdict === 'deny' || verdict === 'hold')) this.#refusal ??= refusal
        shown = edited(leaf.text, edits)
      }
      waiting.parts[i] = shown
      if (leaf.origin === 'tool_call') this.#recap(leaf, shown)
    }
  }

  #record(leaf: Leaf, findings: readonly Finding[]): void {
    const segment = this.#channels.get(leaf.channel)?.index ?? this.#channels.size
    const mode = this.#options.mode === 'observe' ? 'shadow' : undefined
    const before = this.#found.length
    for (const finding of findings) this.#once({ ...finding, segment, mode: mode ?? finding.mode })
    if (this.#over && this.#found.length > before) this.#shared.onShadow?.(this.#asked, this.#found.slice(before))
  }

  // Arguments that come twice must be the same twice: the caller may act on either.
  #recap(leaf: Leaf, shown: string): void {
    const channel = this.#channels.get(leaf.channel)
    if (channel !== undefined && channel.text() !== leaf.text) {
      this.#refusal ??= refuse('upstream_malformed', { detail: 'a tool call was repeated with other arguments' })
    }
    this.#wholes.set(leaf.channel, shown)
  }

  #once(finding: Finding): void {
    const same = (known: Finding): boolean => known.rule === finding.rule && known.start === finding.start && known.end === finding.end && known.origin === finding.origin
    if (!this.#found.some(same) && ![...this.#channels.values()].some((channel) => channel.findings.some(same))) this.#found.push(finding)
  }

  async #propose(proposal: Proposal): Promise<void> {
    const channel = this.#channels.get(proposal.channel)
    if (channel !== undefined && !channel.closed) {
      this.#close([proposal.channel])
      await this.#looked()
    }
    if (this.#refusal !== undefined) return
    const text = channel?.text() ?? ''
    const args = channel === undefined ? (this.#wholes.get(proposal.channel) ?? '') : channel.shown({ channel, start: 0, end: text.length, text }, text.length)
    const deciding = this.#options.decide(proposal, args)
    const outcome = deciding instanceof Promise ? await deciding : deciding
    this.#calls.decided(proposal.channel)
    if (outcome.allow) return
    if (this.#options.onDenied === 'drop') this.#dropped.add(proposal.channel)
    else this.#refusal = outcome.refusal
  }

  #drain(): StreamStep {
    if (this.#refusal !== undefined) {
      this.#stop?.abort()
      this.#queue.clear()
      return { release: [], refusal: this.#refusal }
    }
    return { release: this.#queue.drain() }
  }
}

// A judge reads the whole answer: what it is asked about is seldom in one sentence.
function wholly({ guardrail }: Active): boolean {
  return guardrail.layer === 'judge' || guardrail.wholly === true
}

/** The hold-back for one reply (contract/guard.ts). */
export function replyGuard(shared: Shared, inspect: Inspect, asked: Asked, options: ReplyGuardOptions): ReplyGuard {
  return new Reply(shared, inspect, asked, options)
}
