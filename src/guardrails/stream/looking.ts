import type { Finding } from '../../contract/finding.ts'
import type { Glance } from '../guardrail.ts'
import type { Allowance } from '../tools.ts'
import type { Seen } from '../looks.ts'
import type { Active } from '../profile.ts'
import type { Channel } from './channel.ts'
import { Windows } from './windows.ts'
import type { Window } from './windows.ts'

/** Windows of a channel that nobody waits for: behind these, further ones are not looked at. */
const MOST_BESIDE = 16

/** What the looks of all channels of one reply share. */
export interface Looker {
  glance(active: Active, channel: Channel, allowance: Allowance): Glance
  look(active: Active, text: string, glance: Glance): Promise<Seen>
  /** Hears that a channel has been judged: it may have been refused. */
  judged(channel: Channel): void
  /** True where nothing that is looked at can matter any more. */
  stopped(): boolean
  /** Hears of what was found beside the reply after its end. */
  late(findings: readonly Finding[]): void
}

interface Job {
  readonly window: Window | undefined
  /** Set on a channel's last job. */
  readonly whole?: string
}

/**
 * The slow layers over one channel: each window once, in order, one after the other, so that what they find and what
 * they may spend depends on the text alone. `beside`: nobody waits for them and nothing follows from what they see.
 */
export class Looking {
  readonly channel: Channel
  readonly #windowed: readonly Active[]
  readonly #wholly: readonly Active[]
  readonly #looker: Looker
  readonly #beside: boolean
  readonly #allowance: Allowance
  readonly #windows: Windows | undefined
  readonly #jobs: Job[] = []
  readonly #held: boolean
  #running: Promise<void> | undefined
  #skipped = false

  constructor(channel: Channel, windowed: readonly Active[], wholly: readonly Active[], looker: Looker, windows: number, how: 'held' | 'enforced' | 'beside') {
    this.channel = channel
    this.#windowed = windowed
    this.#wholly = wholly
    this.#looker = looker
    this.#allowance = { windows }
    this.#held = how === 'held'
    this.#beside = how === 'beside'
    if (windowed.length > 0 || this.#held) this.#windows = new Windows()
    if (this.#held) channel.cleared = 0
  }

  /** Windows that have not been looked at. */
  get pending(): number {
    return this.#beside ? 0 : this.#jobs.length
  }

  /** True where text waits for a look. */
  get holds(): boolean {
    return this.#held && this.#jobs.length > 0
  }

  /** Takes the next text of the channel; `final` when none follows. */
  push(text: string, final: boolean): void {
    const windows = this.#windows
    for (const window of windows?.push(text, final) ?? []) this.#add({ window })
    if (!final) return
    if (windows?.spent === true) for (const active of this.#windowed) this.channel.unread(active, 'the text is longer than may be looked at')
    this.#add({ window: undefined, whole: this.#wholly.length === 0 ? '' : this.channel.text() })
  }

  /** Resolves when everything so far has been looked at. Never rejects. */
  settled(): Promise<void> {
    return this.#running ?? Promise.resolve()
  }

  #add(job: Job): void {
    if (this.#looker.stopped()) return
    if ((job.window === undefined ? this.#wholly : this.#windowed).length === 0 && this.#jobs.length === 0) return this.#done(job)
    if (this.#beside && this.#jobs.length >= MOST_BESIDE) {
      if (!this.#skipped) for (const active of this.#windowed) this.channel.unread(active, 'the text came faster than it could be looked at')
      this.#skipped = true
      return
    }
    this.#jobs.push(job)
    this.#running ??= this.#run()
  }

  async #run(): Promise<void> {
    for (let job = this.#jobs[0]; job !== undefined; job = this.#jobs[0]) {
      await this.#take(job)
      this.#jobs.shift()
      this.#done(job)
    }
    this.#running = undefined
  }

  async #take({ window, whole }: Job): Promise<void> {
    const { channel } = this
    const before = this.#beside ? channel.findings.slice() : []
    const seen = window ?? { text: whole ?? '', start: 0 }
    if (seen.text === '') return
    for (const active of window === undefined ? this.#wholly : this.#windowed) {
      if (this.#looker.stopped()) return
      const sight = await this.#looker.look(active, seen.text, this.#looker.glance(active, channel, this.#allowance))
      if (this.#looker.stopped()) return
      if (!('failed' in sight)) channel.judge(active, seen, sight)
      else if (!this.#beside) channel.inconclusive(active, sight.failed)
      this.#looker.judged(channel)
    }
    if (this.#beside) this.#looker.late(channel.findings.filter((finding) => !before.includes(finding)))
  }

  #done({ window }: Job): void {
    if (!this.#held) return
    if (window === undefined) this.channel.cleared = Number.POSITIVE_INFINITY
    else if (this.#wholly.length === 0) this.channel.cleared = window.next
  }
}
