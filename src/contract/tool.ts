import type { Effect } from './exchange.ts'
import type { ToolClass } from './tool_class.ts'

/** What configuration says of one tool (`tools:`); policy sees it as attributes of the resource and as effects. */
export interface ToolFacts {
  readonly class?: ToolClass
  readonly effects: readonly Effect[]
  /** Attributes of the `Tool` resource: environment, sensitivity (0–3), tags. */
  readonly attributes: Readonly<Record<string, string | number | boolean | readonly string[]>>
  /** Arguments that policies may read as `context.parameters.<name>`, with their types. Others never reach policy. */
  readonly parameters: Readonly<Record<string, 'String' | 'Long' | 'Boolean' | 'StringSet'>>
  /** Arguments that say whom or what the call acts on (recipient, payee, path …); shown first, and what is endorsed. */
  readonly control: readonly string[]
}

export const UNKNOWN_TOOL: ToolFacts = Object.freeze({ effects: Object.freeze([]), attributes: Object.freeze({}), parameters: Object.freeze({}), control: Object.freeze([]) })
