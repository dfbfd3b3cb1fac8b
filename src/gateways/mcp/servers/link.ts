import { endedBy, refuse, Refused, type Refusal } from '../../../contract/verdict.ts'
import type { TreeObject } from '../../../formats/tree.ts'
import type { Answer } from '../rpc.ts'

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
  /** Hears what the server says and asks on account of this request; absent = nobody would listen. */
  readonly beside?: Beside
  /** The caller comes back with answers by itself: what a server of revision 2026-07-28 needs first is told as its result. */
  readonly rounds?: true
}

/** What a server says and asks before it answers a request. */
export interface Beside {
  /** What the caller can be asked for: its capabilities, as it declared them. */
  readonly capabilities: TreeObject
  /** True where progress is wanted: the link asks for it under a token of its own, and gives `told` what comes. */
  readonly progress?: boolean
  /** The least severe log messages that are wanted, by the names of MCP; absent = the caller asked for none. */
  readonly logLevel?: string
  /** Callers of one name are one: where a server does not say which of their requests it asks about, any of them is right. */
  readonly caller?: string
  /** It closed the stream of the answer, and goes on where it is asked again: whoever waits may do so too. */
  parted?(): void
  /** A notification: progress, a log message. */
  told(method: string, params: TreeObject): void
  /** A request: sampling, elicitation, roots; `key` is what the server calls it, if anything. Never rejects; a refusal is an error. */
  asked(method: string, params: TreeObject, signal: AbortSignal, key?: string): Promise<Answer>
}

/**
 * A connection to one server, made and introduced when it is first needed and made again when it broke. All methods
 * reject with `Refused`: what the server did wrong, in words for the caller.
 */
export interface Link {
  introduction(options: AskOptions): Promise<Introduction>
  request(method: string, params: TreeObject, options: AskOptions): Promise<Answer>
  /** Grows whenever the server said that what it lists changed, and whenever it was started anew. */
  changes(): number
  /**
   * Hears what the server says on no request's account: that a list changed, that a resource was updated. While anybody
   * listens, what the transport needs for it (a stream of its own) is kept open. Gives what ends it.
   */
  heard(listener: (method: string, params: TreeObject) => void): () => void
  close(): Promise<void>
}

/** What happens to a server, for the log: never what it was asked or answered. */
export type ServerEvent =
  | { readonly kind: 'started'; readonly took: number }
  | { readonly kind: 'ended'; readonly why: string; readonly pause: number }
  | { readonly kind: 'said'; readonly text: string }
  | { readonly kind: 'broke_protocol'; readonly problem: string }

/** Notifications after which nothing that was listed is known any more. */
export const LIST_CHANGED = /^notifications\/(?:tools|prompts|resources)\/list_changed$/

/** Of what asks on a link that was closed: the settings of its server changed meanwhile, or the house closes. */
export const OUT_OF_USE: Refusal = refuse('draining', { say: 'The server is in use no more as it was: ask again.' })

/** For what nobody can cancel. */
export const NEVER = new AbortController().signal

/** Waits for what is shared, but no longer than the one who asks. */
export function within<T>(shared: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) return Promise.reject(new Refused(endedBy(signal)))
  return new Promise((resolve, reject) => {
    const left = (): void => reject(new Refused(endedBy(signal)))
    signal.addEventListener('abort', left, { once: true })
    shared.then(resolve, reject).finally(() => signal.removeEventListener('abort', left))
  })
}
