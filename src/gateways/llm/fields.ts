import type { Effect } from '../../contract/exchange.ts'
import type { Origin } from '../../contract/segment.ts'
import type { Tree } from '../../formats/tree.ts'

/**
 * The vocabulary of field tables. A dialect declares its whole request as one nested literal of these kinds, built
 * once at import; `walk` (walk.ts) reads a request by it. What is not in the table is refused by name.
 *
 *   const message = union('role', {
 *     user: object({ content: required(either({ string: text('user'), list: list(part) })), name: identifier() }),
 *   })
 *   export const table = object({ model: required(identifier()), messages: required(list(message, { grouped: true })) })
 *
 * `null` is accepted for every field that is not required and then counts as absent.
 */
export type Field = Kind & { readonly required?: true }

export type Kind =
  | TextField
  | NumberField
  | BooleanField
  | ChoiceField
  | IdentifierField
  | OpaqueField
  | ObjectField
  | UnionField
  | ListField
  | MapField
  | EitherField
  | JsonField
  | UrlField
  | MediaField
  | StateField
  | ToolField
  | LazyField

export interface TextField {
  readonly is: 'text'
  readonly origin: Origin
}
export interface NumberField extends NumberOptions {
  readonly is: 'number'
}
export interface NumberOptions {
  readonly integer?: boolean
  readonly min?: number
  readonly max?: number
  /** Name under which the value becomes a clear parameter for policy. */
  readonly fact?: string
}
export interface BooleanField {
  readonly is: 'boolean'
  readonly fact?: string
}
export interface ChoiceField {
  readonly is: 'choice'
  readonly values: ReadonlySet<string>
  readonly fact?: string
}
export interface IdentifierField extends IdentifierOptions {
  readonly is: 'identifier'
}
export interface IdentifierOptions {
  /** Origin under which a value that is no plain identifier is inspected; `body` unless told. */
  readonly origin?: Origin
  readonly fact?: string
  /** Adds the value to a parameter that lists names, separated by spaces (`tool_names`). */
  readonly collect?: string
}
export interface OpaqueField {
  readonly is: 'opaque'
  readonly origin: Origin
}
export interface ObjectField {
  readonly is: 'object'
  readonly fields: ReadonlyMap<string, Field>
  readonly needs: readonly string[]
  /** Known names after case folding. */
  readonly folded: ReadonlySet<string>
}
export interface UnionField extends UnionOptions {
  readonly is: 'union'
  readonly key: string
  readonly members: ReadonlyMap<string, Field>
}
export interface UnionOptions {
  /** Member that is meant where the discriminator is absent. */
  readonly missing?: string
  /** Maps a value that is no member's name to one (`web_search_20250305` → `web_search`). */
  readonly match?: (value: string) => string | undefined
}
export interface ListField extends ListOptions {
  readonly is: 'list'
  readonly of: Field
}
export interface ListOptions {
  /** Each element is a group of its own: what a reader sees joined (a message). */
  readonly grouped?: boolean
  /** Most elements. */
  readonly max?: number
  /** Name under which the number of elements becomes a parameter. */
  readonly fact?: string
}
export interface MapField {
  readonly is: 'map'
  readonly of: Field
}
export interface EitherField {
  readonly is: 'either'
  readonly string?: Field
  readonly number?: Field
  readonly boolean?: Field
  readonly list?: Field
  readonly object?: Field
}
export interface JsonField {
  readonly is: 'json'
  readonly origin: Origin
}
export interface UrlField extends UrlOptions {
  readonly is: 'url'
}
export interface UrlOptions {
  /** Parameter that counts fields of this kind (`images`). */
  readonly counts?: string
  /** Origin under which the URL's own text is inspected. */
  readonly origin?: Origin
  /** True for an address that names something which the provider holds (Gemini's Files API, `gs://`). */
  readonly held?: (url: string) => boolean
}
export interface MediaField extends MediaOptions {
  readonly is: 'media'
}
export interface MediaOptions {
  readonly counts?: string
  /** Sibling fields that may say the MIME type or the file's name; text is decoded and inspected. */
  readonly mime?: readonly string[]
}
export interface StateField {
  readonly is: 'state'
  readonly of: Field
  readonly when: (value: Tree) => boolean
}
export interface ToolField extends ToolOptions {
  readonly is: 'tool'
  readonly of: Field
}
export interface ToolOptions {
  /** Name of the provider's tool; the object's `type`, else the field's name, unless told. */
  readonly name?: string
  /** Effects besides `provider_tool`. */
  readonly effects?: readonly Effect[]
}
export interface LazyField {
  readonly is: 'lazy'
  readonly get: () => Field
}

/** A string that a model or provider reads as content: one segment. */
export const text = (origin: Origin): TextField => ({ is: 'text', origin })

/** A number that steers; never inspected. */
export const number = (options: NumberOptions = {}): NumberField => ({ is: 'number', ...options })

export const integer = (options: NumberOptions = {}): NumberField => ({ is: 'number', integer: true, ...options })

export const boolean = (fact?: string): BooleanField => ({ is: 'boolean', ...(fact === undefined ? {} : { fact }) })

/** A closed set of words. Use `identifier` where providers add words (effort levels, tiers): it needs no upkeep. */
export const choice = (values: readonly string[], fact?: string): ChoiceField => ({
  is: 'choice',
  values: new Set(values),
  ...(fact === undefined ? {} : { fact }),
})

/** A name, id or word of an open set. One of 20 characters or more, or with spaces, could carry content and is inspected. */
export const identifier = (options: IdentifierOptions = {}): IdentifierField => ({ is: 'identifier', ...options })

/** Sealed bytes in base64 (signatures, encrypted reasoning): nobody can inspect them. Anything else is inspected. */
export const opaque = (origin: Origin): OpaqueField => ({ is: 'opaque', origin })

export function object(fields: Readonly<Record<string, Field>>): ObjectField {
  const known = new Map(Object.entries(fields))
  const needed = [...known].filter(([, field]) => field.required === true).map(([name]) => name)
  return { is: 'object', fields: known, needs: needed, folded: new Set([...known.keys()].map(fold)) }
}

/** An object whose other fields depend on the word at `key`. Members need not list `key` themselves. */
export function union(key: string, members: Readonly<Record<string, Field>>, options: UnionOptions = {}): UnionField {
  return { is: 'union', key, members: new Map(Object.entries(members)), ...options }
}

export const list = (of: Field, options: ListOptions = {}): ListField => ({ is: 'list', of, ...options })

/** An object with keys of the caller's choosing (metadata, logit_bias). */
export const map = (of: Field): MapField => ({ is: 'map', of })

/** A field that comes in several JSON types. */
export const either = (kinds: Omit<EitherField, 'is'>): EitherField => ({ is: 'either', ...kinds })

/** Free JSON (tool schemas, tool arguments): every string in it is inspected, and so are numbers of 9 digits or more. */
export const json = (origin: Origin): JsonField => ({ is: 'json', origin })

/** A URL that the provider would fetch; `data:` URLs are inline media. */
export const url = (options: UrlOptions = {}): UrlField => ({ is: 'url', ...options })

/** Base64 bytes of an image, a sound or a file, bare or as a `data:` URL. */
export const media = (options: MediaOptions = {}): MediaField => ({ is: 'media', ...options })

/** A field that makes the provider keep or use state of its own, when `when` says so (always, unless told). */
export const providerState = (of: Field, when: (value: Tree) => boolean = () => true): StateField => ({ is: 'state', of, when })

/** A tool that the provider runs. */
export const providerTool = (of: Field, options: ToolOptions = {}): ToolField => ({ is: 'tool', of, ...options })

/** For tables that contain themselves. */
export const lazy = (get: () => Field): LazyField => ({ is: 'lazy', get })

export const required = <K extends Kind>(field: K): K & { readonly required: true } => ({ ...field, required: true })

/** Case folding that also catches the long s, the dotless i and the Kelvin sign. */
export function fold(name: string): string {
  return name.toUpperCase().toLowerCase()
}
