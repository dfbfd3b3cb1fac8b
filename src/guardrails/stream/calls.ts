import type { ReplyEvent } from '../../contract/reply.ts'

/**
 * Which tool calls are open. A call counts as open from the event that announces it; where that event has no leaf for
 * it, a nameless place is kept until a proposal on a channel not seen before takes it.
 */
export class OpenCalls {
  readonly #open = new Set<string>()
  readonly #done = new Set<string>()
  #nameless = 0

  get any(): boolean {
    return this.#open.size > 0 || this.#nameless > 0
  }

  opened(event: ReplyEvent): void {
    let named = 0
    for (const { channel, origin, whole } of event.leaves) {
      if (origin !== 'tool_call' || this.#done.has(channel) || this.#open.has(channel)) continue
      // Complete and not proposed: a recap, or a call that the provider makes itself. Nobody is asked about it.
      const proposed = event.proposals.some((one) => one.channel === channel)
      if (!proposed && (whole || event.closes.includes(channel))) continue
      if (event.opensCall) named++
      else if (this.#nameless > 0) this.#nameless--
      else continue
      this.#open.add(channel)
    }
    if (event.opensCall && named === 0) this.#nameless++
  }

  decided(channel: string): void {
    if (!this.#open.delete(channel) && !this.#done.has(channel) && this.#nameless > 0) this.#nameless--
    this.#done.add(channel)
  }
}
