import type { z } from 'zod'
import type { Posture } from '../contract/epoch.ts'
import type { Asked } from '../contract/exchange.ts'
import type { Finding, GuardAction, Mode } from '../contract/finding.ts'
import type { Code } from '../contract/reasons.ts'
import type { Origin } from '../contract/segment.ts'
import type { Place } from '../contract/place.ts'
import type { Matcher, Span } from './rules/matcher.ts'
import type { Allowance, Tools } from './tools.ts'

export type Phase = 'request' | 'reply'
export type Layer = Finding['layer']

/** How sure a guardrail must be: 1 = only the surest (about one in 10,000 ordinary texts flagged), 2 = one in 1,000, 3 = one in 100, 4 = one in 20. */
export type Level = 1 | 2 | 3 | 4

/** What a slow layer is told about the text it looks at. */
export interface Glance {
  /** The exchange that the text belongs to. */
  readonly asked: Asked
  readonly origin: Origin
  readonly tenant: string
  readonly workload: string
  readonly route: string
  /** What the user last asked for, cut to size; empty where nobody asked. Context for text that comes from elsewhere. */
  readonly task: string
  /** The system prompt of this exchange, cut to size. */
  readonly system: string
  readonly level: Level
  /** Written by an operator; it stands in place of the level's own. */
  readonly threshold: number | undefined
  readonly layers: ReadonlySet<Layer>
  /** False where findings are only recorded: then nobody pays for a closer look than a first one asks for. */
  readonly enforced: boolean
  /** What slow layers may still spend on this exchange; they take from it. */
  readonly allowance: Allowance
}

/** What a slow layer saw. */
export interface Sight {
  readonly spans: readonly Span[]
  /** The highest score, also where no span came of it. */
  readonly score?: number
  /** What the model must be told before it answers such a text; counts only while the guardrail is enforced. */
  readonly instruct?: string
  /** Why a part of the text was not looked at. That is a finding of its own. */
  readonly inconclusive?: string
}

/**
 * One guardrail: what it looks for and what applies where nobody wrote anything else. Members are listed in list.ts.
 * A guardrail either brings matchers, which run together with all others in one pass over the text, or `look`, for
 * layers that take time (classifiers, a judge).
 */
export interface Guardrail {
  readonly id: string
  readonly about: string
  readonly layer: Finding['layer']
  readonly categories: readonly string[]
  /** The layers that look unless an entry says otherwise; absent = all that there are. */
  readonly layers?: readonly Layer[]
  readonly on: readonly Origin[]
  readonly phase: Phase | 'both'
  readonly action: GuardAction
  /** Findings below it are recorded and decide nothing. */
  readonly threshold: number
  readonly postures: Readonly<Record<Posture, Mode>>
  /** The modes of `look`, where they differ from those of the rules. */
  readonly lookPostures?: Readonly<Record<Posture, Mode>>
  readonly refusal: Readonly<Record<Phase, Code>>
  /** How long `look` may take where nobody wrote it, in milliseconds. */
  readonly timeout?: number
  readonly matchers?: readonly Matcher[]
  /**
   * Looks at one whole text. Must heed the signal: it aborts at the entry's timeout, or when the caller has gone.
   * A rejection or a timeout counts as failed (`on_error`).
   */
  /** What of the tools `look` cannot do without. */
  readonly needs?: keyof Tools
  /** Set where `look` makes sense of a complete text only: on a stream it waits for the end. */
  readonly wholly?: true
  look?(text: string, glance: Glance, tools: Tools, signal: AbortSignal): Promise<Sight>
  /** What else than text and origin the answer of `look` depends on: part of the key under which it is remembered. */
  context?(glance: Glance): string
  /** The sentence for the caller, where the catalogue's would say too little. */
  say?(category: string): string
  /** Sees nothing and marks text instead: its entries count where they are enforced. */
  readonly marks?: true
  /** What stands in place of a match under `redact`. Never matches any rule itself. */
  marker(category: string): string
  /** What stands there under `rewrite`; absent = nothing. */
  rewritten?(category: string, text: string): string
  /** Enough of a match to recognise it, never enough to use it: for the record. */
  mask(category: string, text: string): string
}

/** Placeholder for redacted text, e.g. `[REDACTED_EMAIL]`. */
export function marker(category: string): string {
  return `[REDACTED_${category.toUpperCase()}]`
}

/**
 * A guardrail that people make themselves: an entry with this `use`, a `name` of its own and the keys below. `make`
 * throws a ZodError where the keys are wrong. Files and variables are looked at where `place` is given, and a KindError
 * says what is wrong with them; without it only the keys are checked.
 */
export interface Kind {
  readonly use: string
  readonly about: string
  /** The keys an entry of this kind takes besides those of all entries; each optional here, `make` demands what it needs. */
  readonly keys: Readonly<Record<string, z.ZodType>>
  make(name: string, written: Readonly<Record<string, unknown>>, place?: Place): Guardrail
}

/** What the record shows of text that is no secret: as it was, cut to size. */
export function cutToSize(_category: string, text: string): string {
  return text.length <= 120 ? text : `${text.slice(0, 117)}...`
}
