import { createHash } from 'node:crypto'
import type { Clock } from '../../contract/clock.ts'

/** Proofs that were used and could still be accepted again. */
export interface Replays {
  /**
   * Takes a proof for used. `replayed`: it was used before · `full`: it cannot be remembered, so it must be refused.
   * One owner's proofs never crowd out another's, up to `most` in all. Never waits: of two equal proofs at the same
   * time, one is the first.
   */
  use(owner: string, proof: string, until: number): 'first' | 'replayed' | 'full'
}

/** At 60 s for a proof of a right clock: about 500 calls a second of one workload, and 4,000 of all. */
const PER_OWNER = 32_768
const MOST = 262_144

export function makeReplays(clock: Clock, perOwner = PER_OWNER, most = MOST): Replays {
  const used = new Map<string, Map<string, number>>()
  let size = 0

  // What ends first was put in first, give or take the skew that proofs may have: looking at the front is enough.
  const drop = (mine: Map<string, number>, now: number): void => {
    for (const [id, until] of mine) {
      if (until > now) break
      mine.delete(id)
      size -= 1
    }
  }
  const dropAll = (now: number): void => {
    for (const [owner, mine] of used) {
      drop(mine, now)
      if (mine.size === 0) used.delete(owner)
    }
  }

  return {
    use(owner, proof, until) {
      const now = clock.wall()
      let mine = used.get(owner)
      if (mine !== undefined) drop(mine, now)
      const id = createHash('sha256').update(proof).digest('base64url').slice(0, 22)
      // One that ended is refused for its age, whatever is remembered of it.
      if (mine?.has(id) === true) return 'replayed'
      if (size >= most) dropAll(now)
      if (size >= most || (mine?.size ?? 0) >= perOwner) return 'full'
      if (mine === undefined || !used.has(owner)) used.set(owner, (mine ??= new Map<string, number>()))
      mine.set(id, until)
      size += 1
      return 'first'
    },
  }
}
