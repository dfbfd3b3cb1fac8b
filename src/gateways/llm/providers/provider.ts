import type { Fields } from '../../../contract/arrival.ts'
import type { TreeObject } from '../../../formats/tree.ts'
import type { DialectId } from '../conversation.ts'

export type ProviderKind = 'openai' | 'anthropic' | 'gemini' | 'openai-compatible' | 'practice'

/** What a provider's settings say about where it is. */
export interface Whereabouts {
  /** Absolute, without a trailing slash. */
  readonly baseUrl: string
  readonly apiVersion?: string
  /** Azure's name for what serves a model; absent = the model's own name. */
  readonly deployment?: string
}

/** What a server that speaks Chat Completions wants spelt differently. Renamed, never dropped with effect. */
export interface Quirks {
  readonly maxTokens: 'max_tokens' | 'max_completion_tokens' | 'as_sent'
  /** False: `stream_options` is unknown there, so usage comes unasked or is estimated. */
  readonly streamOptions: boolean
  /** False: a `developer` message travels as `system`, which means the same. */
  readonly developerRole: boolean
  /** False: thinking of earlier turns is a field that is refused there. */
  readonly reasoning: boolean
  /** Other top-level fields under another name. */
  readonly rename: Readonly<Record<string, string>>
}

export interface Preset {
  readonly name: string
  /** Absent: the operator has to say where it is. */
  readonly baseUrl?: string
  readonly quirks: Quirks
  /** How the credential travels; `bearer` unless it says otherwise. */
  readonly auth: 'bearer' | 'api-key'
  /** Its name in the bundled price table; absent = prices are not known. */
  readonly pricedAs?: string
  url(at: Whereabouts, path: string, model: string): string
}

/** One kind of upstream. Everything that is particular about it stands in its own file; list.ts names them all. */
export interface Provider {
  readonly kind: ProviderKind
  /** Dialects that it speaks; the first is what a target gets that names none. */
  readonly dialects: readonly DialectId[]
  /** Used where settings name no base URL; absent = they must, or name a preset. */
  readonly baseUrl?: string
  readonly needsCredential: boolean
  readonly presets: readonly Preset[]
  readonly pricedAs?: string
  /** What proves us to the provider. Nothing of the caller's ever stands among upstream fields. */
  headers(credential: string | undefined, at: Whereabouts, preset: Preset | undefined): Fields
  /** Absolute URL for a path below the base, as a dialect gives it. */
  url(at: Whereabouts, path: string, model: string, preset: Preset | undefined): string
  /** The same body as this server wants it spelt. */
  adapt(tree: TreeObject, dialect: DialectId, preset: Preset | undefined): TreeObject
  /** The model that a target with `model: same` asks for. */
  modelFor(requested: string): string
}

const VERSIONED = /\/v\d+[a-z0-9]*$/
const VERSION_AHEAD = /^\/v\d+[a-z0-9]*(?=\/)/

/** Base and path in one: a base that ends in a version swallows the version with which the path begins. */
export function below(baseUrl: string, path: string): string {
  return baseUrl + (VERSIONED.test(baseUrl) ? path.replace(VERSION_AHEAD, '') : path)
}

export function same<T>(value: T): T {
  return value
}
