import type { Arrival, Fields } from '../../../contract/arrival.ts'
import type { Clock } from '../../../contract/clock.ts'
import type { Candidate, Exchange, Reading, Resource } from '../../../contract/exchange.ts'
import type { Pass, Permit } from '../../../contract/gateway.ts'
import type { Reply } from '../../../contract/reply.ts'
import type { Principal } from '../../../contract/principal.ts'
import type { ToolFacts } from '../../../contract/tool.ts'
import type { Refusal } from '../../../contract/verdict.ts'
import type { TreeObject } from '../../../formats/tree.ts'
import type { Login } from './challenge.ts'
import type { Channels } from './channels.ts'
import type { Endpoint } from './endpoint.ts'
import type { TreeEvent } from '../methods/leaves.ts'
import type { Beside } from '../servers/link.ts'
import type { Rounds, Turn } from '../asks/rounds.ts'
import type { Answer, Id, RpcMistake } from '../rpc.ts'
import type { Server } from '../servers/server.ts'
import type { Session, Sessions } from './sessions.ts'
import type { EventStream } from './stream.ts'
import type { TaskIds } from '../methods/task_ids.ts'

/** What every errand of the tool gateway works with: one epoch's servers and facts, and the sessions, which outlive it. */
export interface McpDesk {
  readonly identify: (arrival: Arrival) => Principal | Refusal | Promise<Principal | Refusal>
  readonly bodyBytes: number
  /** Where callers without a sufficient token are sent. */
  readonly login: Login
  readonly servers: ReadonlyMap<string, Server>
  readonly sessions: Sessions
  /** What configuration says of a tool of a server. */
  readonly tool: (name: string, server: string) => ToolFacts
  /** Whether policy would let this principal do this at all, with or without a person's consent. */
  readonly visible: (principal: Principal, exchange: Exchange, call: Reading) => boolean
  readonly clock: Clock
  /** Calls whose callers come back by themselves. */
  readonly rounds: Rounds
  readonly tasks: TaskIds
  /** What stays open. */
  readonly channels: Channels
  /** The servers and the policy of this moment: what stays open outlives the epoch that it began under. */
  readonly now: () => Pick<McpDesk, 'servers' | 'visible'>
  readonly pass: Pass
}

/** One request, read and placed: who asks at which place for what. */
export interface Request {
  readonly desk: McpDesk
  readonly endpoint: Endpoint
  /** Absent in revisions without sessions, and while one is opened. */
  readonly session?: Session
  readonly principal: Principal
  readonly exchange: Exchange
  readonly id: Id
  readonly method: string
  readonly params: TreeObject
  /** Header fields, of which tools may repeat some arguments; absent in revisions that know no such thing. */
  readonly mirrors?: Fields
  /** What hears what a server says and asks on account of the request; absent = the caller can be told nothing but the answer. */
  readonly hears?: (server: Server) => Beside
  /** Of a caller that comes back by itself with what servers need of it; absent where servers ask it on the way, or nothing. */
  readonly turn?: Turn
  readonly signal: AbortSignal
}

/** What a request comes to: its reading, and how it is answered once policy has permitted it. */
export interface Doing {
  readonly reading: Reading
  /** Why it is not done though policy may permit it. Told to whoever may use the thing at all; to others policy says no. */
  readonly refusal?: Refusal
  /** What of the message itself is wrong with it, where `refusal` says that something is. */
  readonly mistake?: RpcMistake
  readonly candidates: readonly Candidate[]
  dial?(reading: Reading, permit: Permit): Reply
  /** The answer to the caller; `event` is the server's, as the guards left it, where one was asked. */
  answer(event: TreeEvent | undefined): Answer
  /** Header fields of the answer. */
  fields?(): readonly (readonly [string, string])[]
  /** In place of an answer: what stays open, for as long as it does. Gives what its last word is. */
  stay?(stream: EventStream): Promise<Answer | undefined>
}

/** The name that audiences, routes and receipts have for a server. */
export function routeOf({ settings }: Server): string {
  return `mcp:${settings.name}`
}

const FREE = { input: 0, output: 0, cachedInput: 0, cacheWrite: 0 }

/** The one target of a request: calling tools costs no tokens. */
export function targetOf(server: Server, resource: Resource): Candidate {
  const id = routeOf(server)
  return { id, resource, provider: 'mcp', model: id, role: 'primary', price: FREE }
}
