import type { Asked } from '../../contract/exchange.ts'
import type { Finding } from '../../contract/finding.ts'
import type { Inspection, ReplyGuard, ReplyGuardOptions, StreamStep } from '../../contract/guard.ts'
import type { Leaf, Proposal, ReplyEvent } from '../../contract/reply.ts'
import type { Segment } from '../../contract/segment.ts'
import { refuse } from '../../contract/verdict.ts'
import type { Refusal } from '../../contract/verdict.ts'
import type { Phase } from '../guardrail.ts'
import type { Allowance } from '../guardrail.ts'
import { WINDOWS, contextOf, glanceOf } from '../inspect.ts'
import type { Inspectors } from '../inspect.ts'
import { lookOnce } from '../looks.ts'
import { looksMode } from '../profile.ts'
import type { PlanOf } from '../profile.ts'
import { edited } from '../verdict.ts'
import { OpenCalls } from './calls.ts'
import { Channel } from './channel.ts'
import { Queue } from './queue.ts'

type Inspect = (asked: Asked, segments: readonly Segment[], phase: Phase, signal: AbortSignal) => Inspection | Promise<Inspection>

// Everything that may wait for one reply, in UTF-16 units. The gateway's own limit on replies is usually lower.
const MOST_WAITING = 8 * 1024 * 1024

class Reply implements ReplyGuard {
  readonly #shared: Inspectors
  readonly #inspect: Inspect
  readonly #asked: Asked
  readonly #options: ReplyGuardOptions
  readonly #planOf: PlanOf
  readonly #channels = new Map<string, Channel>()
  readonly #wholes = new Map<string, string>()
  readonly #calls = new OpenCalls()
  readonly #dropped = new Set<string>()
  readonly #found: Finding[] = []
  readonly #queue = new Queue(this.#dropped)
  #refusal: Refusal | undefined
  readonly #allowance: Allowance = { windows: WINDOWS }
  #micros = 0

  constructor(shared: Inspectors, inspect: Inspect, asked: Asked, options: ReplyGuardOptions) {
    this.#shared = shared
    this.#inspect = inspect
    this.#asked = asked
    this.#options = options
    this.#planOf = shared.profiles.of(asked, 'reply')
  }

  push(event: ReplyEvent): StreamStep | Promise<StreamStep> {
    if (this.#refusal !== undefined) return { release: [], refusal: this.#refusal }
    const began = this.#shared.clock.monotonic()
    const wholes = this.#take(event)
    const complete = event.kind === 'end' ? [...this.#channels.keys()] : event.closes
    const ended = complete.length === 0 ? [] : this.#close(complete)
    this.#enqueue(event, ended)
    if (wholes || event.proposals.length > 0 || ended.some((channel) => this.#looks(channel))) return this.#slowly(event, wholes, ended, began)
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
    const ended = this.#close([...this.#channels.keys()])
    if (ended.some((channel) => this.#looks(channel))) {
      return this.#judge(ended).then(() => this.#last(began))
    }
    return this.#last(began)
  }

  findings(): readonly Finding[] {
    return [...this.#found, ...[...this.#channels.values()].flatMap((channel) => channel.findings)]
  }

  micros(): number {
    return Math.round(this.#micros * 1000)
  }

  // The upstream is gone: what a call began and never finished does not leave, all other text does.
  #last(began: number): StreamStep {
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
    const pace = mode === 'observe' ? 'free' : call || mode === 'strict' ? 'complete' : 'incremental'
    const made = new Channel(leaf.channel, leaf.origin, this.#channels.size, plan, pace, call || (plan?.looks.length ?? 0) > 0)
    this.#channels.set(leaf.channel, made)
    return made
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
        channel.push(leaf.text, false)
        this.#refusal ??= channel.refusal
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
      channel.push('', true)
      this.#refusal ??= channel.refusal
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

  #looks(channel: Channel): boolean {
    return this.#options.mode !== 'observe' && (channel.plan?.looks.some(({ entry }) => looksMode(entry) === 'enforce') ?? false)
  }

  async #judge(channels: readonly Channel[]): Promise<void> {
    for (const channel of channels) {
      for (const active of channel.plan?.looks ?? []) {
        if (looksMode(active.entry) !== 'enforce') continue
        const glance = glanceOf(active, this.#asked, channel.origin, contextOf(this.#asked), this.#allowance)
        const seen = await lookOnce(active, channel.text(), glance, this.#shared.tools, this.#shared.clock, this.#options.signal)
        if ('failed' in seen) channel.inconclusive(active, seen.failed)
        else channel.judge(active, seen)
        this.#refusal ??= channel.refusal
      }
    }
  }

  async #slowly(event: ReplyEvent, wholes: boolean, ended: readonly Channel[], began: number): Promise<StreamStep> {
    if (wholes) await this.#whole(event)
    if (this.#refusal === undefined) await this.#judge(ended)
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
      const { findings, edits, verdict, refusal } = looking instanceof Promise ? await looking : looking
      const channel = this.#channels.get(leaf.channel)?.index ?? this.#channels.size
      for (const finding of findings) this.#once({ ...finding, segment: channel, mode: this.#options.mode === 'observe' ? 'shadow' : finding.mode })
      let shown = leaf.text
      if (this.#options.mode !== 'observe') {
        if (refusal !== undefined && (verdict === 'deny' || verdict === 'hold')) this.#refusal ??= refusal
        shown = edited(leaf.text, edits)
      }
      waiting.parts[i] = shown
      if (leaf.origin === 'tool_call') this.#recap(leaf, shown)
    }
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
      const [ended] = this.#close([proposal.channel])
      if (ended !== undefined && this.#looks(ended)) await this.#judge([ended])
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
      this.#queue.clear()
      return { release: [], refusal: this.#refusal }
    }
    return { release: this.#queue.drain() }
  }
}

/** The hold-back for one reply (contract/guard.ts). */
export function replyGuard(shared: Inspectors, inspect: Inspect, asked: Asked, options: ReplyGuardOptions): ReplyGuard {
  return new Reply(shared, inspect, asked, options)
}
