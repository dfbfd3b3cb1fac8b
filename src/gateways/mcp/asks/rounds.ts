import { createHash, randomBytes } from 'node:crypto'
import type { Clock } from '../../../contract/clock.ts'
import type { Exchange } from '../../../contract/exchange.ts'
import type { Principal } from '../../../contract/principal.ts'
import { endedBy, refuse, Refused } from '../../../contract/verdict.ts'
import { canonicalTree } from '../../../formats/canonical.ts'
import { parseJson, writeJson } from '../../../formats/json.ts'
import { isObject, object, type Tree, type TreeObject } from '../../../formats/tree.ts'
import type { AskCaller } from './reach.ts'
import { heardBy, NOBODY, Suspended } from './suspended.ts'
import { requiredOf } from '../servers/era.ts'
import type { AskOptions, Link } from '../servers/link.ts'
import { INVALID_PARAMS, REFUSED, RpcMistake, type Answer, type Id } from '../rpc.ts'
import { ownerOf } from '../callers/sessions.ts'

/** Seals what a caller carries from one round to the next: bound to tenant and owner, it opens for nobody else. */
export interface StateSealer {
  seal(tenant: string, owner: string, bytes: Uint8Array): Uint8Array
  /** @throws {Error} */
  open(tenant: string, owner: string, sealed: Uint8Array): Uint8Array
}

/** What the caller is to bring before there is an answer: the whole of the result, as revision 2026-07-28 has it. */
export interface Required {
  readonly required: TreeObject
}

/** How long a caller may take to come back. */
const RETURN_MS = 10 * 60_000
/** Calls that wait for their callers to come back. */
const MOST_WAITING = 1_000
const MOST_WAITING_EACH = 16
/** States that were used already and are remembered until they end by themselves; what made room for more ends with all that were made before it. */
const MOST_USED = 100_000
const LONGEST_STATE = 262_144
const MOST_RESPONSES = 64

type State =
  | { readonly kind: 'waiting'; readonly nonce: string }
  /** The state of a server of the same revision travels inside ours, with what it asked. */
  | { readonly kind: 'carried'; readonly nonce: string; readonly route: string; readonly requests: TreeObject; readonly state: string | undefined }

interface Placed {
  readonly principal: Principal
  readonly exchange: Exchange
  readonly method: string
  /** Without what was brought. */
  readonly params: TreeObject
}

/** Of method and parameters: a caller that comes back comes back with the same. */
function digestOf({ method, params }: Placed): string {
  const about = new Map([...params].filter(([key]) => key !== '_meta'))
  return createHash('sha256').update(`${method}\n${canonicalTree(about)}`).digest('base64url')
}

/**
 * Rounds with callers of revision 2026-07-28: what a server needs of them is the result of their request, and they ask
 * again with the answers. A call at a server with sessions waits meanwhile; of a server of the same revision nothing is
 * kept. What leads back is sealed: it is good for the same principal, the same request, once, for a while, and under the
 * same policies.
 */
export class Rounds {
  private readonly clock: Clock
  private readonly sealer: StateSealer
  private readonly waiting = new Map<string, Suspended>()
  private readonly owned = new Map<string, number>()
  private readonly used = new Map<string, number>()
  /** Which were used already is known of this life alone, so nothing of an earlier one is taken. */
  private readonly life = randomBytes(12).toString('base64url')
  private forgotten = 0

  constructor(clock: Clock, sealer: StateSealer) {
    this.clock = clock
    this.sealer = sealer
  }

  get size(): number {
    return this.waiting.size
  }

  /** One request of such a caller, and its parameters without what was brought. @throws {RpcMistake} where that leads nowhere. */
  turn(principal: Principal, exchange: Exchange, id: Id, method: string, params: TreeObject): Turn {
    const [state, brought] = [params.get('requestState'), params.get('inputResponses')]
    const rest = state === undefined && brought === undefined ? params : new Map([...params].filter(([key]) => key !== 'requestState' && key !== 'inputResponses'))
    const placed: Placed = { principal, exchange, method, params: rest }
    if (state === undefined && brought === undefined) return new Turn(this, placed, undefined)
    const wrong = (problem: string): RpcMistake => new RpcMistake(INVALID_PARAMS, problem, id)
    if (state !== undefined && (typeof state !== 'string' || state.length > LONGEST_STATE)) throw wrong('"requestState" is not one of ours')
    if (brought !== undefined && (!isObject(brought) || brought.size > MOST_RESPONSES || ![...brought.values()].every(isObject))) throw wrong('"inputResponses" must be answers by their keys')
    const responses = (brought ?? new Map()) as TreeObject
    if (state === undefined) return new Turn(this, placed, { kind: 'early', responses })
    const opened = this.opened(state, placed)
    if (opened === undefined) throw wrong('"requestState" does not lead back to this request: it is of another caller or another request, was used already, or is too old')
    if (opened.kind === 'carried') return new Turn(this, placed, { ...opened, responses })
    const found = this.waiting.get(opened.nonce)
    if (found === undefined) throw wrong('"requestState" leads back to nothing that waits: ask anew')
    this.leave(found)
    return new Turn(this, placed, { kind: 'waiting', suspended: found, responses })
  }

  private opened(text: string, placed: Placed): State | undefined {
    const { principal, exchange } = placed
    let tree: Tree
    try {
      const sealed = Buffer.from(text, 'base64url')
      // Decoders leave out what they do not know: a state has one spelling.
      if (sealed.toString('base64url') !== text) return undefined
      tree = parseJson(this.sealer.open(principal.tenant, ownerOf(principal), sealed), { depth: 64, nodes: 200_000 })
    } catch {
      return undefined
    }
    if (!isObject(tree)) return undefined
    const [kind, nonce, ends, of, epoch, life, route, requests, state] = ['kind', 'nonce', 'ends', 'digest', 'epoch', 'life', 'route', 'requests', 'state'].map((key) => tree.get(key))
    const now = this.clock.wall()
    if (typeof nonce !== 'string' || typeof ends !== 'number' || now >= ends || ends <= this.forgotten || life !== this.life || of !== digestOf(placed) || epoch !== exchange.epoch || this.used.has(nonce)) return undefined
    for (const [one, until] of this.used) {
      if (until > now && this.used.size < MOST_USED) break
      this.used.delete(one)
      if (until > now) this.forgotten = Math.max(this.forgotten, until)
    }
    this.used.set(nonce, ends)
    if (kind === 'waiting') return { kind, nonce }
    if (kind !== 'carried' || typeof route !== 'string' || !isObject(requests)) return undefined
    return { kind, nonce, route, requests, state: typeof state === 'string' ? state : undefined }
  }

  seal(placed: Placed, state: Omit<Extract<State, { kind: 'carried' }>, 'nonce'> | { readonly kind: 'waiting' }): { readonly nonce: string; readonly text: string } {
    const { principal, exchange } = placed
    const nonce = randomBytes(18).toString('base64url')
    const tree = object({ nonce, ends: this.clock.wall() + RETURN_MS, digest: digestOf(placed), epoch: exchange.epoch, life: this.life, ...(state as Readonly<Record<string, Tree | undefined>>) })
    const sealed = this.sealer.seal(principal.tenant, ownerOf(principal), Buffer.from(writeJson(tree)))
    const text = Buffer.from(sealed).toString('base64url')
    if (text.length > LONGEST_STATE) throw new Refused(refuse('upstream_too_large', { say: 'The server asks for more than this gateway carries.' }))
    return { nonce, text }
  }

  /** Keeps a call until its caller comes back. @throws {Refused} where too many wait. */
  keep(one: Suspended, placed: Placed): string {
    const owner = ownerOf(placed.principal)
    const count = this.owned.get(owner) ?? 0
    if (count >= MOST_WAITING_EACH || this.waiting.size >= MOST_WAITING) {
      one.stop.abort()
      throw new Refused(refuse('concurrency', { say: 'Too many calls wait for their callers to answer.' }))
    }
    const { nonce, text } = this.seal(placed, { kind: 'waiting' })
    one.nonce = nonce
    one.owner = owner
    this.waiting.set(nonce, one)
    this.owned.set(owner, count + 1)
    one.cancel = this.clock.timer(RETURN_MS, () => {
      this.leave(one)
      one.stop.abort()
    })
    void one.outcome.then(
      () => this.leave(one),
      () => this.leave(one),
    )
    return text
  }

  close(): void {
    for (const one of [...this.waiting.values()]) {
      this.leave(one)
      one.stop.abort()
    }
  }

  private leave(one: Suspended): void {
    if (this.waiting.get(one.nonce) !== one) return
    this.waiting.delete(one.nonce)
    one.cancel?.()
    const left = (this.owned.get(one.owner) ?? 1) - 1
    if (left > 0) this.owned.set(one.owner, left)
    else this.owned.delete(one.owner)
  }
}

type Back =
  /** Nobody asked yet. Each is an answer to what the server comes to ask under its name, and goes nowhere else. */
  | { readonly kind: 'early'; readonly responses: TreeObject }
  | { readonly kind: 'waiting'; readonly suspended: Suspended; readonly responses: TreeObject }
  | (Extract<State, { kind: 'carried' }> & { readonly responses: TreeObject })

export interface Asking {
  /** The server's name among routes. */
  readonly route: string
  readonly link: Link
  readonly params: TreeObject
  readonly options: AskOptions
  /** Lets policy and guards look at a question that goes to the caller as a result; gives what is left of it, or why nothing is. */
  readonly show: (method: string, params: TreeObject) => Promise<TreeObject | Answer>
}

/** One request of a caller that comes back by itself. */
export class Turn {
  private readonly rounds: Rounds
  private readonly placed: Placed
  private back: Back | undefined
  private round: Suspended | undefined

  constructor(rounds: Rounds, placed: Placed, back: Back | undefined) {
    this.rounds = rounds
    this.placed = placed
    this.back = back
    this.round = back?.kind === 'waiting' ? back.suspended : undefined
  }

  /** Its parameters, without what it brought. */
  get params(): TreeObject {
    return this.placed.params
  }

  /** True where it brought anything. */
  get returns(): boolean {
    return this.back !== undefined
  }

  /** Answers that go on with the request, so that guards look at them with it; those of a call that waits are looked at with their questions. */
  get carried(): TreeObject | undefined {
    return this.back?.kind === 'carried' ? this.back.responses : undefined
  }

  /** What guards left of them. */
  carry(responses: TreeObject): void {
    if (this.back?.kind === 'carried') this.back = { ...this.back, responses }
  }

  /** It ends without having been asked for: what waited for it waits no longer. */
  drop(): void {
    if (this.back?.kind === 'waiting') this.back.suspended.stop.abort()
  }

  /** Questions of a server with sessions wait here for the next turn. */
  readonly ask: AskCaller = (...question) => this.round?.ask(...question) ?? Promise.resolve(NOBODY)

  /** Asks the server, or goes on with what was asked before. */
  async request({ route, link, params, options, show }: Asking): Promise<Answer | Required> {
    const { back } = this
    this.back = undefined
    if (back?.kind === 'waiting') {
      const { suspended, responses } = back
      if (suspended.route !== route) throw new Refused(refuse('bad_request', { say: '"requestState" leads to another server.' }))
      suspended.beside = options.beside
      for (const [key, { settle }] of [...suspended.open]) {
        const response = responses.get(key)
        if (isObject(response)) settle({ result: response })
      }
      return this.next(suspended, options.signal, show)
    }
    if (back?.kind === 'carried' && back.route !== route) throw new Refused(refuse('bad_request', { say: '"requestState" leads to another server.' }))
    const sent = back?.kind !== 'carried' ? params : new Map([...params, ...(back.responses.size > 0 ? ([['inputResponses', back.responses]] as const) : []), ...(back.state === undefined ? [] : ([['requestState', back.state]] as const))])
    const one = (this.round = new Suspended())
    one.route = route
    one.beside = options.beside
    const beside = options.beside && heardBy(options.beside, one)
    if (back?.kind === 'early') one.early = back.responses
    // Each question has to be asked for an answer that is here already to be looked at with it.
    one.outcome = link.request(this.placed.method, sent, { ...options, ...(beside && { beside }), ...(back?.kind !== 'early' && { rounds: true }), signal: one.stop.signal })
    one.outcome.catch(() => undefined)
    return this.next(one, options.signal, show)
  }

  /** The answer, or what is asked before there is one. */
  private async next(one: Suspended, signal: AbortSignal, show: Asking['show']): Promise<Answer | Required> {
    const left = (): void => one.stop.abort(signal.reason)
    signal.addEventListener('abort', left, { once: true })
    if (signal.aborted) left()
    try {
      const first = await Promise.race([one.outcome, one.questioned()])
      if (first !== 'questioned') return await this.whole(first, one.route, show)
      if (signal.aborted) throw new Refused(endedBy(signal))
    } finally {
      signal.removeEventListener('abort', left)
    }
    const requests = new Map<string, Tree>([...one.open].map(([key, { method, params }]) => [key, requestTree(method, params)]))
    return { required: object({ resultType: 'input_required', inputRequests: requests, requestState: this.rounds.keep(one, this.placed) }) }
  }

  /** The same of a server that answers with what it needs. */
  private async whole(answer: Answer, route: string, show: Asking['show']): Promise<Answer | Required> {
    if ('error' in answer || answer.result.get('resultType') !== 'input_required') return answer
    const { requests, state } = requiredOf(this.placed.method, answer.result)
    const shown = new Map<string, Tree>()
    for (const [key, { method, params }] of requests) {
      const left = await show(method, params)
      if (!(left instanceof Map)) return { error: { code: REFUSED, message: `The server asked for what it is not given (${method})${'error' in left ? `: ${left.error.message}` : ''}` } }
      shown.set(key, requestTree(method, left))
    }
    const { text } = this.rounds.seal(this.placed, { kind: 'carried', route, requests: new Map([...requests].map(([key, { method, params }]) => [key, requestTree(method, params)])), state })
    return { required: object({ resultType: 'input_required', ...(shown.size > 0 && { inputRequests: shown }), requestState: text }) }
  }

  /** Each answer that was brought, with what it answers: the method and parameters of the question. */
  answers(): readonly { readonly key: string; readonly method: string; readonly params: TreeObject; readonly result: TreeObject }[] {
    const { back } = this
    if (back?.kind !== 'carried') return []
    return [...back.responses].flatMap(([key, result]) => {
      const request = back.requests.get(key)
      const [method, params = new Map<string, Tree>()] = isObject(request) ? [request.get('method'), request.get('params')] : []
      return typeof method === 'string' && isObject(params) && isObject(result) ? [{ key, method, params, result }] : []
    })
  }
}

function requestTree(method: string, params: TreeObject): TreeObject {
  return object({ method, ...(params.size > 0 && { params }) })
}
