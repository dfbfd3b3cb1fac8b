/**
 * What a practice model's name tells it to do. A name is `practice` and any of these, joined by dashes; nothing that a
 * caller writes in a conversation changes its behaviour, apart from asking for a tool by name.
 *
 * | Part | Meaning |
 * |---|---|
 * | `leaky` | answers with an e-mail address, a card number and a made-up secret |
 * | `attack` | answers with an order for whoever reads it, and calls the first tool with a hostile command |
 * | `verbose` | sixty numbered words |
 * | `thinking` | reasons before it answers |
 * | `slow` | 50 ms between pieces |
 * | `tokens-N` | N numbered words, one piece each |
 * | `delay-N` | N milliseconds between pieces |
 */
export interface Persona {
  /** The model's name in every answer: it always begins with `practice`. */
  readonly name: string
  readonly leaky: boolean
  readonly attack: boolean
  readonly thinking: boolean
  readonly tokens: number | undefined
  readonly delayMs: number
}

const MOST_TOKENS = 20_000
const LONGEST_DELAY = 60_000

export function personaOf(model: string): Persona {
  const own = /^practice(-|$)/.test(model)
  const words = own ? model.split('-').slice(1) : []
  const number = (word: string, most: number): number | undefined => {
    const value = words[words.indexOf(word) + 1]
    return words.includes(word) && value !== undefined && /^\d{1,5}$/.test(value) ? Math.min(most, Number(value)) : undefined
  }
  return {
    name: own ? model : `practice-as-${model}`,
    leaky: words.includes('leaky'),
    attack: words.includes('attack'),
    thinking: words.includes('thinking'),
    tokens: number('tokens', MOST_TOKENS) ?? (words.includes('verbose') ? 60 : undefined),
    delayMs: number('delay', LONGEST_DELAY) ?? (words.includes('slow') ? 50 : 0),
  }
}
