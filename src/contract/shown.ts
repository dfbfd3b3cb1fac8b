import type { Origin } from './segment.ts'
import type { ToolClass } from './tool_class.ts'

/** Where a piece of an action was said before: which text of the conversation holds it. */
export interface Source {
  readonly origin: Origin
  /** Position of the text in the conversation, from 0. */
  readonly segment: number
  /** The value with some of what stands around it; at most 160 characters. */
  readonly excerpt: string
}

/** One value of an action, as a reviewer sees it. */
export interface ShownValue {
  /** Dotted path of an argument, such as `to` or `items.0.sku`. */
  readonly path: string
  readonly value: string | number | boolean | null
  /** Says whom or what the action acts on. */
  readonly control: boolean
  /** Texts that hold the value, oldest first, at most a few; empty = the model made it up, or read it where nobody looked (an agent whose model calls go elsewhere). */
  readonly sources: readonly Source[]
}

/** What a reviewer is shown of an action: parsed, never as the agent would like it to look. */
export interface Shown {
  /** The exact arguments or body, as strict JSON text; what the hash binds. */
  readonly body: string
  readonly values: readonly ShownValue[]
  readonly class?: ToolClass
  /** Whether it can be undone, as far as the tool's class tells. */
  readonly undo: 'nothing to undo' | 'perhaps' | 'no' | 'unknown'
  /** Why it is held, as far as that can be told of its values. */
  readonly why?: readonly string[]
  /** What the user asked for last, for comparison; at most 500 characters. */
  readonly task?: string
}

const undo: Readonly<Record<ToolClass, Shown['undo']>> = {
  read: 'nothing to undo',
  internal_write: 'perhaps',
  external_send: 'no',
  money: 'no',
  destructive: 'no',
  privilege: 'perhaps',
  code_execution: 'no',
}

/** Whether a call can be undone, as far as the tool's class tells. */
export function undoOf(kind: ToolClass | undefined): Shown['undo'] {
  return kind === undefined ? 'unknown' : undo[kind]
}
