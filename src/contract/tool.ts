import type { Effect } from './exchange.ts'

/** What a tool does when it is called. Unknown tools have no class: nothing is assumed of them. */
export type ToolClass = 'read' | 'internal_write' | 'external_send' | 'money' | 'destructive' | 'privilege' | 'code_execution'

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
