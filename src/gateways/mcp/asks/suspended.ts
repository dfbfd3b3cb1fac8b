import { isObject, type TreeObject } from '../../../formats/tree.ts'
import type { AskCaller } from './reach.ts'
import type { Beside } from '../servers/link.ts'
import { REFUSED, type Answer } from '../rpc.ts'

export const NOBODY: Answer = { error: { code: REFUSED, message: 'The caller did not come back with an answer.' } }

interface Open {
  readonly method: string
  readonly params: TreeObject
  settle(answer: Answer): void
}

/** A call at a server with sessions that waits for answers of its caller. */
export class Suspended {
  readonly stop = new AbortController()
  readonly open = new Map<string, Open>()
  /** Of the state that leads back to it: one leads back once. */
  nonce = ''
  route = ''
  owner = ''
  /** Who hears what the server says now. */
  beside: Beside | undefined
  outcome: Promise<Answer> = Promise.resolve(NOBODY)
  cancel: (() => void) | undefined
  private asked = 0
  private wake: (() => void) | undefined

  /** Answers that came before anybody asked, by what the server calls its questions. */
  early: TreeObject = new Map()

  readonly ask: AskCaller = (method, params, signal, name) =>
    new Promise((resolve) => {
      const result = name === undefined ? undefined : this.early.get(name)
      if (name !== undefined && isObject(result)) {
        this.early = new Map([...this.early].filter(([one]) => one !== name))
        return resolve({ result })
      }
      const key = `q${++this.asked}`
      const settle = (answer: Answer): void => {
        this.open.delete(key)
        signal.removeEventListener('abort', left)
        resolve(answer)
      }
      const left = (): void => settle(NOBODY)
      if (signal.aborted) return resolve(NOBODY)
      signal.addEventListener('abort', left, { once: true })
      this.open.set(key, { method, params, settle })
      this.wake?.()
    })

  /** Resolves when something is open. */
  questioned(): Promise<'questioned'> {
    return new Promise((resolve) => {
      if (this.open.size > 0) resolve('questioned')
      else this.wake = () => resolve('questioned')
    })
  }
}

/** The one who hears changes from turn to turn; what it can be asked does not. */
export function heardBy(first: Beside, one: Suspended): Beside {
  return {
    ...first,
    told: (method, params) => one.beside?.told(method, params),
    asked: (...question) => (one.beside ?? first).asked(...question),
  }
}
