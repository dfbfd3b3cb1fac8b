import type { TreeObject } from '../../formats/tree.ts'
import type { Answer } from './rpc.ts'

/** What a server said of itself when it was met. */
export interface Introduction {
  readonly protocol: string
  readonly capabilities: TreeObject
  /** Name, version, and whatever else it shows of itself. */
  readonly info: TreeObject
  readonly instructions?: string
}

export interface AskOptions {
  readonly signal: AbortSignal
  readonly timeoutMs: number
}

/**
 * A connection to one server, made and introduced when it is first needed and made again when it broke. All methods
 * reject with `Refused`: what the server did wrong, in words for the caller.
 */
export interface Link {
  introduction(options: AskOptions): Promise<Introduction>
  request(method: string, params: TreeObject, options: AskOptions): Promise<Answer>
  /** Grows whenever the server said that its tools changed, and whenever it was started anew. */
  changes(): number
  close(): Promise<void>
}

/** Revisions that servers may speak. They have no sessions over stdio, and batches are never sent. */
export const UPSTREAM_REVISIONS: ReadonlySet<string> = new Set(['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'])
/** The revision that is offered to servers. */
export const OFFERED = '2025-11-25'
