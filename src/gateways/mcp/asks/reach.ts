import type { TreeObject } from '../../../formats/tree.ts'
import type { Beside } from '../servers/link.ts'
import type { Answer } from '../rpc.ts'

/** Asks the caller something and waits for what it answers; `key` is what the server calls the question, if anything. Never rejects. */
export type AskCaller = (method: string, params: TreeObject, signal: AbortSignal, key?: string) => Promise<Answer>

/** How what a server says and asks on account of a request reaches its caller. */
export interface Reach {
  /** False where the caller reads nothing of it any more. */
  tell(method: string, params: TreeObject): boolean
  /** Absent where the caller cannot be asked on the way: it has no session. */
  readonly ask?: AskCaller
}

/** Gives content that a server initiates to its caller, where policy and guards let it. */
export type Initiate = (reach: Reach) => Pick<Beside, 'told' | 'asked'> & { settled(): Promise<void> }
