import { refuse, Refused } from '../../../contract/verdict.ts'
import { object, type Tree, type TreeObject } from '../../../formats/tree.ts'
import type { Introduction } from './link.ts'
import { INVALID_PARAMS, type Answer } from '../rpc.ts'

/** Resources that callers of one connection may be told of. */
const MOST_URIS = 1_000

const DONE: Answer = { result: new Map() }

/**
 * The resources that anybody on a connection is subscribed to: the server hears of the first who wants one and of the
 * last who no longer does, so that one caller's leaving ends nobody else's.
 */
export class Subscriptions {
  private readonly counts = new Map<string, number>()

  static takes(method: string): boolean {
    return method === 'resources/subscribe' || method === 'resources/unsubscribe'
  }

  get uris(): readonly string[] {
    return [...this.counts.keys()]
  }

  /** `send` tells the server; an error of it is the answer, and changes nothing. */
  async request(method: string, params: TreeObject, send: () => Promise<Answer>): Promise<Answer> {
    const uri = params.get('uri')
    if (typeof uri !== 'string') return { error: { code: INVALID_PARAMS, message: '"uri" must be a text' } }
    const count = this.counts.get(uri) ?? 0
    if (method === 'resources/subscribe') {
      if (count === 0 && this.counts.size >= MOST_URIS) throw new Refused(refuse('concurrency', { say: 'Too many resources are subscribed to.' }))
      this.counts.set(uri, count + 1)
      if (count > 0) return DONE
      try {
        const answer = await send()
        if ('error' in answer) this.less(uri)
        return answer
      } catch (error) {
        this.less(uri)
        throw error
      }
    }
    if (count === 0) return DONE
    this.less(uri)
    return this.counts.has(uri) ? DONE : send()
  }

  /** Tells a server that knows nothing of them, one after the other, until it takes no more. Never rejects. */
  async renew(send: (params: TreeObject) => Promise<Answer>): Promise<void> {
    try {
      for (const uri of this.uris) await send(object({ uri }))
    } catch {
      // What is met next is told again.
    }
  }

  private less(uri: string): void {
    const left = (this.counts.get(uri) ?? 1) - 1
    if (left > 0) this.counts.set(uri, left)
    else this.counts.delete(uri)
  }
}

/** What is asked for with `subscriptions/listen`: everything that the server says it can tell, and what is subscribed to. */
export function listenParams({ capabilities }: Introduction, uris: readonly string[]): TreeObject {
  const notifies = (key: string): boolean => (capabilities.get(key) as TreeObject | undefined) instanceof Map && (capabilities.get(key) as TreeObject).get('listChanged') === true
  const filter: [string, Tree][] = []
  for (const key of ['tools', 'prompts', 'resources']) if (notifies(key)) filter.push([`${key}ListChanged`, true])
  if (uris.length > 0) filter.push(['resourceSubscriptions', [...uris]])
  return object({ notifications: new Map(filter) })
}
