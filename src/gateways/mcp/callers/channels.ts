/** Something that stays open after the request that opened it. */
export interface Channel {
  readonly owner: string
  /** Whether it would be permitted now. */
  still(): boolean
  /** `lost`: it is permitted no longer · `over`: the house closes. */
  end(why: 'lost' | 'over'): void
}

const MOST_OF_ONE = 100
const MOST = 10_000
/** How many are asked about in one turn of the event loop. */
const BATCH = 50

/** All that is open, so that none outlives what permitted it. It outlives epochs. */
export class Channels {
  private readonly open = new Set<Channel>()
  private readonly owned = new Map<string, number>()

  get size(): number {
    return this.open.size
  }

  /** Gives what takes it out again; undefined where this owner, or everybody together, has as many as there may be. */
  add(channel: Channel): (() => void) | undefined {
    const count = this.owned.get(channel.owner) ?? 0
    if (count >= MOST_OF_ONE || this.open.size >= MOST) return undefined
    this.open.add(channel)
    this.owned.set(channel.owner, count + 1)
    return () => {
      if (!this.open.delete(channel)) return
      const left = (this.owned.get(channel.owner) ?? 1) - 1
      if (left === 0) this.owned.delete(channel.owner)
      else this.owned.set(channel.owner, left)
    }
  }

  /** Settings or policies are others: what they do not permit ends. */
  recheck(): void {
    const all = [...this.open]
    const some = (from: number): void => {
      for (const one of all.slice(from, from + BATCH)) if (this.open.has(one) && !one.still()) one.end('lost')
      if (from + BATCH < all.length) setImmediate(some, from + BATCH)
    }
    some(0)
  }

  close(): void {
    for (const one of [...this.open]) one.end('over')
  }
}
