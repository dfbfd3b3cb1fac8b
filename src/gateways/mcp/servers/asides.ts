import { isObject, object, type Tree, type TreeObject } from '../../../formats/tree.ts'
import type { Beside } from './link.ts'
import { METHOD_NOT_FOUND, REFUSED, type Answer, type Id } from '../rpc.ts'

/** What a request is as far as its server says something beside the answer. */
export interface Aside {
  /** Its parameters with a progress token of ours, where progress is wanted. */
  readonly params: TreeObject
  /** The server closed the stream of its answer, and goes on with it on another. */
  parted(): void
  /** It is over: what the server asked on its account is asked no longer. */
  leave(): void
}

/** Hears what a server says on no request's account. */
export type Heard = (method: string, params: TreeObject) => void

/** The capability with which a client says that it can be asked this. */
export const CAPABILITY_OF: Readonly<Record<string, string>> = { 'sampling/createMessage': 'sampling', 'elicitation/create': 'elicitation', 'roots/list': 'roots' }

/** What one request's server may have asked and not been answered yet, and all requests of a connection together. */
const MOST_OPEN = 8
const MOST_OPEN_IN_ALL = 128

const NOT_TAKEN: Answer = { error: { code: METHOD_NOT_FOUND, message: 'This client takes no such request.' } }
const WHOSE: Answer = { error: { code: REFUSED, message: 'It cannot be told on whose account this is asked.' } }
const TOO_MANY: Answer = { error: { code: REFUSED, message: 'Too many questions are open.' } }

/** Requests on whose account a server may ask something: what else it answers needs nobody. */
export const ASKING: ReadonlySet<string> = new Set(['tools/call', 'resources/read', 'prompts/get'])

interface Entering {
  readonly id: number
  readonly method: string
  readonly params: TreeObject
  readonly beside: Beside | undefined
  /** Stops the time of the request while its caller is asked; gives what lets it go on. */
  hold(): () => void
}

interface Under extends Aside {
  readonly id: number
  readonly beside: Beside | undefined
  readonly hold: () => () => void
  /** Of a method on whose account servers may ask. */
  readonly asking: boolean
  open: number
}

/**
 * Whose is what a server says beside its answers, on a connection that many use at once. What came on a request's own
 * stream is that request's. Of the rest, progress names its request; anything else belongs to the only request that it
 * can belong to, or to nobody: what one caller's request made a server say is no other caller's to hear.
 */
export class Asides {
  private readonly underWay = new Map<number, Under>()
  private readonly listeners = new Set<Heard>()
  private readonly asks = new Map<Id, { readonly of: Under; readonly stop: AbortController }>()

  /** `id` is the request's own on this connection, and its progress token too. */
  enter({ id, method, params, beside, hold }: Entering): Aside {
    const one: Under = {
      id,
      beside,
      hold,
      asking: ASKING.has(method),
      params: beside?.progress === true ? withMeta(params, 'progressToken', id) : params,
      open: 0,
      parted: () => beside?.parted?.(),
      leave: () => {
        this.underWay.delete(id)
        if (one.open > 0) for (const { of, stop } of this.asks.values()) if (of === one) stop.abort()
      },
    }
    this.underWay.set(id, one)
    return one
  }

  /** A notification; `of` is the request on whose stream it came. */
  told(method: string, params: TreeObject, of?: Aside): void {
    switch (method) {
      case 'notifications/progress': {
        const token = params.get('progressToken')
        const one = typeof token === 'number' ? this.underWay.get(token) : undefined
        if (one?.beside?.progress === true && (of === undefined || of === one)) one.beside.told(method, params)
        return
      }
      case 'notifications/message':
      case 'notifications/elicitation/complete': {
        const one = (of as Under | undefined) ?? (this.underWay.size === 0 ? undefined : this.only(() => true))
        if (one !== undefined) one.beside?.told(method, params)
        else if (this.underWay.size === 0) this.heard(method, params)
        return
      }
      case 'notifications/cancelled': {
        const id = params.get('requestId')
        if (typeof id === 'string' || typeof id === 'number') this.asks.get(id)?.stop.abort()
        return
      }
      default:
        if (CHANGES.test(method)) this.heard(method, params)
    }
  }

  /** A request of the server's. Never rejects. */
  async asked(id: Id, method: string, params: TreeObject, of?: Aside): Promise<Answer> {
    if (method === 'ping') return { result: new Map() }
    const capability = Object.hasOwn(CAPABILITY_OF, method) ? (CAPABILITY_OF[method] as string) : undefined
    if (capability === undefined) return NOT_TAKEN
    const can = (one: Under): boolean => one.asking && one.beside?.capabilities.has(capability) === true
    const one = (of as Under | undefined) ?? this.only(({ asking }) => asking)
    if (one === undefined) return [...this.underWay.values()].some(can) ? WHOSE : NOT_TAKEN
    if (!can(one)) return NOT_TAKEN
    if (one.open >= MOST_OPEN || this.asks.size >= MOST_OPEN_IN_ALL || this.asks.has(id)) return TOO_MANY
    const stop = new AbortController()
    const release = one.hold()
    one.open++
    this.asks.set(id, { of: one, stop })
    try {
      return await (one.beside as Beside).asked(method, params, stop.signal)
    } finally {
      this.asks.delete(id)
      one.open--
      release()
    }
  }

  listen(listener: Heard): () => void {
    // Its own function, so that a listener that is added twice is two.
    const one: Heard = (method, params) => listener(method, params)
    this.listeners.add(one)
    return () => void this.listeners.delete(one)
  }

  get listened(): boolean {
    return this.listeners.size > 0
  }

  heard(method: string, params: TreeObject): void {
    for (const one of this.listeners) one(method, params)
  }

  /** The only request that it can be about; of several of one caller, the last. */
  private only(can: (one: Under) => boolean): Under | undefined {
    let found: Under | undefined
    for (const one of this.underWay.values()) {
      if (!can(one)) continue
      if (found !== undefined && (found.beside?.caller === undefined || found.beside.caller !== one.beside?.caller)) return undefined
      found = one
    }
    return found
  }
}

const CHANGES = /^notifications\/(?:(?:tools|prompts|resources)\/list_changed|resources\/updated|tasks\/status)$/

/** The same parameters with one more entry in `_meta`. */
export function withMeta(params: TreeObject, key: string, value: Tree): TreeObject {
  const meta = params.get('_meta')
  return new Map([...params, ['_meta', isObject(meta) ? new Map([...meta, [key, value]]) : object({ [key]: value })]])
}
