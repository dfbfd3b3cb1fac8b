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
    const before = this.#open.size
    for (const leaf of event.leaves) {
      // A recap of a call opens nothing: it is complete, and what it repeats was decided or is about to be.
      if (leaf.whole && !event.proposals.some(({ channel }) => channel === leaf.channel)) continue
      if (leaf.origin !== 'tool_call' || this.#done.has(leaf.channel) || this.#open.has(leaf.channel)) continue
      this.#open.add(leaf.channel)
      // Announced without a leaf, now it has a name.
      if (!event.opensCall && this.#nameless > 0) this.#nameless--
    }
    const named = this.#open.size - before
    if (event.opensCall && named === 0 && !event.proposals.some(({ channel }) => this.#open.has(channel))) this.#nameless++
  }

  decided(channel: string): void {
    if (!this.#open.delete(channel) && !this.#done.has(channel) && this.#nameless > 0) this.#nameless--
    this.#done.add(channel)
  }
}
