/**
 * How one language says the few things that open attacks say. Every field is a list of words or phrases separated by
 * `|`, with accents or without (they come off, as vowel signs do, the way they do with the text); `*` stands for an
 * ending of up to six letters. Data only: grammar.ts makes matchers of it.
 */
export interface Language {
  /** BCP 47. */
  readonly tag: string
  /** False where words are not separated by spaces. */
  readonly spaced?: false
  /** Where the verb stands: before its object, behind it, or either. */
  readonly order: 'vo' | 'ov' | 'both'
  /** Particles written onto the word that follows. */
  readonly glued?: string
  /** Set where speakers mix in English verbs ("ignore", "disable"). */
  readonly mixed?: true

  /** "Ignore", "forget": forms that nobody uses but to tell somebody to. */
  readonly ignore: string
  /** Forms that are also infinitives or third person: they count at the beginning of a clause, or behind `lead`. */
  readonly loose?: string
  /** "Previous", "above". */
  readonly earlier: string
  /** "All". */
  readonly every: string
  /** "Your". */
  readonly your: string
  /** What only a machine is given: "instructions", "prompt". */
  readonly orders: string
  /** What people are given too: "rules". */
  readonly rules: string
  /** "Everything above", "everything you were told". */
  readonly told: string
  /** Negations before the verb. */
  readonly not: string
  /** What behind the verb takes the order away: "ignore not", "ignoring is". */
  readonly notAfter: string
  /** Conjunctions: what stands behind them is no object of the verb. */
  readonly and?: string
  /** What leads to an order: "please", "now", "you must". */
  readonly lead?: string

  /** "Show", "reveal", "repeat", "what is". */
  readonly show: string
  /** "System prompt", "hidden instructions". */
  readonly prompt: string
  /** Set where "your" is an ending or left out. */
  readonly bare?: true
  /** With `bare`: words that show that an example is meant, not the model's own. */
  readonly sample?: string

  /** "You are now", "from now on", "pretend", "answer". */
  readonly become: string
  /** "Without restrictions", "uncensored". */
  readonly unbound: string
  /** "Switch off", "the safety filter", in the order in which they are said. */
  readonly disable: string
  readonly limits: string
  /** "New instructions", "system message": what a forged heading says. */
  readonly fresh: string
  /** With the verb behind: who else may be the subject ("the model", "attackers", "who"). */
  readonly they?: string
}
