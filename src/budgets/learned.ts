const SAMPLES = 128
const ENOUGH = 20
const KNOWN = 4096

/** How long answers usually are, per tenant, model and route. */
export interface Learned {
  /** Tokens that 19 of 20 recent answers stayed within; undefined until there were enough of them. */
  usual(key: string): number | undefined
  learn(key: string, tokens: number): void
}

interface Ring {
  readonly samples: number[]
  next: number
  usual: number | undefined
}

export function makeLearned(): Learned {
  const rings = new Map<string, Ring>()
  return {
    usual: (key) => rings.get(key)?.usual,
    learn(key, tokens) {
      let ring = rings.get(key)
      if (ring === undefined) {
        if (rings.size >= KNOWN) rings.delete(rings.keys().next().value as string)
        rings.set(key, (ring = { samples: [], next: 0, usual: undefined }))
      }
      ring.samples[ring.next % SAMPLES] = tokens
      ring.next += 1
      if (ring.next < ENOUGH || (ring.next % 8 !== 0 && ring.usual !== undefined)) return
      const sorted = ring.samples.toSorted((a, b) => a - b)
      ring.usual = sorted[Math.ceil(sorted.length * 0.95) - 1] as number
    },
  }
}
