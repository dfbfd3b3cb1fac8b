import type { Models, Output, Scored, Spot } from '../tools.ts'

const OUTPUTS: readonly Output[] = ['injection', 'jailbreak', 'harmful', 'toxicity', 'hate', 'harassment', 'threat', 'sexual', 'violence', 'self_harm', 'profanity']

function vectorOf(text: string): Float32Array {
  const vector = new Float32Array(384)
  for (const [word] of text.toLowerCase().matchAll(/\p{L}{3,}/gu)) {
    let hash = 7
    for (const sign of word) hash = (hash * 31 + (sign.codePointAt(0) ?? 0)) % 384
    vector[hash] = 1
  }
  const length = Math.hypot(...vector) || 1
  return vector.map((value) => value / length)
}

/** Models without weights: texts are near each other where they share words, and each head says what it is told to. */
export function fakeModels(more: Partial<Models> & { readonly head?: (text: string) => number } = {}): Models & { readonly embedded: readonly string[] } {
  const { head = () => 0, ...rest } = more
  const embedded: string[] = []
  return {
    embedded,
    score(text) {
      const spot: Spot = { score: head(text), start: 0, end: text.length, layer: 'deep' }
      return Promise.resolve({ spots: Object.fromEntries(OUTPUTS.map((output) => [output, spot])) as Scored['spots'], skipped: 0 })
    },
    threshold: () => 0.9,
    entities: () => Promise.resolve({ entities: [], skipped: 0 }),
    embed(texts) {
      embedded.push(...texts)
      return Promise.resolve(texts.map(vectorOf))
    },
    custom: () => Promise.resolve({}),
    ...rest,
  }
}
