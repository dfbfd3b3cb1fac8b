import type { Refusal } from '../../../contract/verdict.ts'
import type { Item, Kind } from '../servers/items.ts'
import type { Introduction } from '../servers/link.ts'

/** What of a list may be used. */
export interface Reviewed {
  readonly usable: ReadonlyMap<string, Item>
  /** Why another item may not be, and the hashes that were expected and seen. */
  barred(name: string): Refusal | undefined
}

/**
 * Compares what one server says and lists with what is pinned of it, and keeps what it has seen. All methods reject with
 * `Refused` where the server as a whole is withheld, or what was seen cannot be kept.
 */
export interface Review {
  /** Grows whenever a definition could be judged otherwise than before: an endorsement, another epoch. */
  generation(): number
  /** Before the server is asked for anything: what is known to be another program is not started. */
  ready(): Promise<void>
  /** What the server says of itself, as far as it may be passed on. */
  introduction(seen: Introduction): Promise<Introduction>
  items(kind: Kind, listed: readonly Item[]): Promise<Reviewed>
}
