import type { Effect } from './exchange.ts'
import type { ToolClass } from './tool_class.ts'

/** What configuration says of one tool (`tools:`); policy sees it as attributes of the resource and as effects. */
export interface ToolFacts {
  readonly class?: ToolClass
  /** The class that it has at the least, of a tool that is known by a likeness of its name only: inference goes on from it. */
  readonly least?: ToolClass
  readonly effects: readonly Effect[]
  /** Attributes of the `Tool` resource: environment, sensitivity (0–3), tags. */
  readonly attributes: Readonly<Record<string, string | number | boolean | readonly string[]>>
  /** Arguments that policies may read as `context.parameters.<name>`, with their types. Others never reach policy. */
  readonly parameters: Readonly<Record<string, 'String' | 'Long' | 'Boolean' | 'StringSet'>>
  /** Arguments that say whom or what the call acts on (recipient, payee, path …); shown first, and what is endorsed. */
  readonly control: readonly string[]
  /**
   * Whose word its results are; absent = nobody's. `operator`: all of it is as good as configuration · `directory`: it
   * looks things up in a system of record, and identifier-shaped values of `fields` are as good as trusted text.
   */
  readonly trust?: 'operator' | 'directory'
  /** Of a directory: fields of its results whose values count, by their own names or dotted paths; absent = every field. */
  readonly fields?: readonly string[]
}

export const UNKNOWN_TOOL: ToolFacts = Object.freeze({ effects: Object.freeze([]), attributes: Object.freeze({}), parameters: Object.freeze({}), control: Object.freeze([]) })
