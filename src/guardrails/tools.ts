import type { Asked } from '../contract/exchange.ts'

/** The questions that the local classifiers answer about a text, each on its own. */
export type Head = 'injection' | 'jailbreak' | 'harmful' | 'toxicity'
export type ToxicityCategory = 'hate' | 'harassment' | 'threat' | 'sexual' | 'violence' | 'self_harm' | 'profanity'
export type Output = Head | ToxicityCategory

/** Where a text stands, as far as classifiers care: thresholds are calibrated for each. */
export type Channel = 'user' | 'document' | 'tool_definition' | 'assistant'

/** `fast`: the linear model alone; `grey`: the encoder too, where the linear model is not sure; `always`: both. */
export type Depth = 'fast' | 'grey' | 'always'

/** The most suspicious stretch of a text for one output, in UTF-16 units of the text. */
export interface Spot {
  /** A calibrated probability. */
  readonly score: number
  readonly start: number
  readonly end: number
  readonly layer: 'fast' | 'deep'
}

export interface Scored {
  readonly spots: Readonly<Record<Output, Spot>>
  /** Windows that the encoder should have read and did not. */
  readonly skipped: number
}

/** What slow layers may still spend on one exchange. Who spends takes it away at once, so that nobody spends it twice. */
export interface Allowance {
  /** Windows that the encoder may still read. */
  windows: number
}

/** A person, place or organisation named in free text. */
export interface Entity {
  readonly category: string
  readonly score: number
  readonly start: number
  readonly end: number
}

/** The local classifiers. Every promise rejects when the signal aborts or a worker dies. */
export interface Models {
  /** The most suspicious windows go to the encoder first; each is taken from the allowance, at once. */
  score(text: string, channel: Channel, depth: Depth, allowance: Allowance, signal: AbortSignal): Promise<Scored>
  /** The score from which an output counts at a level (1–4) on a channel. */
  threshold(output: Output, channel: Channel, level: 1 | 2 | 3 | 4, layer: 'fast' | 'deep'): number
  entities(text: string, allowance: Allowance, signal: AbortSignal): Promise<{ readonly entities: readonly Entity[]; readonly skipped: number }>
  /** Sentence embeddings of length one, 384 numbers each. */
  embed(texts: readonly string[], signal: AbortSignal): Promise<readonly Float32Array[]>
  /** A classifier folder that somebody brought: the probability of each of its labels, by label. */
  custom(folder: string, text: string, signal: AbortSignal): Promise<Readonly<Record<string, number>>>
}

export interface Question {
  /** What the judge is told, without the text. */
  readonly instructions: string
  /** The text that is judged, without secrets and personal data, fenced by whoever asks. */
  readonly content: string
  /** The exchange that the text belongs to: its principal is who pays and whom policy is asked about. */
  readonly asked: Asked
}

/** The judge was not asked: its share or its spend for this principal is used up, or the text is too long for it. */
export class Capped extends Error {}

/**
 * Asks the configured judge's route and gives the text of its answer. Rejects with `Capped` where it may not be asked,
 * and with another error when it is down, refused, slow, or says too much.
 */
export interface Judge {
  ask(question: Question, signal: AbortSignal): Promise<string>
}

export interface Post {
  readonly url: string
  readonly body: string
  readonly headers: Readonly<Record<string, string>>
  /** The exchange that the text belongs to: policy is asked whether its content may go there. */
  readonly asked: Asked
}

/** A POST to a classifier that somebody runs, through the guarded dialer. Gives the body of a 200; rejects on all else. */
export interface Remote {
  post(post: Post, signal: AbortSignal): Promise<string>
}

/** What slow guardrails may use; absent = not built into this process. */
export interface Tools {
  readonly models?: Models
  readonly judge?: Judge
  readonly remote?: Remote
}
