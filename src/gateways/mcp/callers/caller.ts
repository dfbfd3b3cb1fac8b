import { refuse, Refused } from '../../../contract/verdict.ts'
import { isObject, numberOf, object, type Tree, type TreeObject } from '../../../formats/tree.ts'
import { isLevel, reaches } from '../methods/levels.ts'
import type { Beside } from '../servers/link.ts'
import type { AskCaller, Initiate, Reach } from '../asks/reach.ts'
import { CLIENT_CAPABILITIES, LOG_LEVEL } from '../revisions.ts'
import { INVALID_PARAMS, notificationText, REFUSED, requestText, RpcMistake, type Answer, type Message } from '../rpc.ts'
import type { Session } from './sessions.ts'
import type { KeptStream } from './resume.ts'
import type { EventStream } from './stream.ts'

type Asked = Extract<Message, { kind: 'request' }>

const MOST_ASKED = 16
let lastAsked = 0

/** What a caller wants to hear, and can be asked. */
export interface Wishes extends Pick<Beside, 'capabilities' | 'logLevel'> {
  /** Under which it wants to hear of progress. */
  readonly token: Tree | undefined
}

/** What the caller said of what it wants to hear with its request. @throws {RpcMistake} */
export function wishesOf({ params, id }: Asked, session: Session | undefined): Wishes {
  const meta = params.get('_meta')
  const said = isObject(meta) ? meta : new Map<string, Tree>()
  const [token, level, declared] = [said.get('progressToken'), session === undefined ? said.get(LOG_LEVEL) : session.logLevel, session?.capabilities ?? said.get(CLIENT_CAPABILITIES)]
  if (token !== undefined && typeof token !== 'string' && (typeof token !== 'number' || !Number.isSafeInteger(token))) throw new RpcMistake(INVALID_PARAMS, '"progressToken" must be a text or a whole number', id)
  if (level !== undefined && !isLevel(level)) throw new RpcMistake(INVALID_PARAMS, 'the level of log messages is not known', id)
  let capabilities: TreeObject = isObject(declared) ? declared : new Map<string, Tree>()
  // Extensions belong to the revision without sessions.
  if (session !== undefined && capabilities.has('extensions')) capabilities = new Map([...capabilities].filter(([key]) => key !== 'extensions'))
  return { capabilities, token, ...(isLevel(level) && { logLevel: level }) }
}

export interface CallerParts {
  readonly wishes: Wishes
  readonly session: Session | undefined
  /** The stream of the request's answer, begun when it is first needed; undefined where no more can be said. */
  readonly stream: () => EventStream | KeptStream | undefined
  /** Lets the caller go, where it can come back for the answer. */
  readonly part: () => void
  readonly initiate: Initiate
  /** Callers of one name are one. */
  readonly caller: string
  /** Asks a caller without a session, which comes back with the answer. */
  readonly ask?: AskCaller
}

/** What the links tell and ask on account of one request. `settled` resolves when all of it is said. */
export function callerOf({ wishes: { token, ...wishes }, session, stream, part, initiate, caller, ask }: CallerParts): Beside & { settled(): Promise<void> } {
  const reach: Reach = {
    tell: (method, params) => stream()?.send(notificationText(method, params)) === true,
    ...(session ? { ask: askOver(session, stream) } : ask && { ask }),
  }
  let content: ReturnType<Initiate> | undefined
  const initiated = (): ReturnType<Initiate> => (content ??= initiate(reach))
  return {
    ...wishes,
    progress: token !== undefined,
    caller,
    parted: part,
    told(method, params) {
      if (method === 'notifications/progress') {
        const [progress, total, text] = [params.get('progress'), params.get('total'), params.get('message')]
        if (token === undefined || numberOf(progress) === undefined) return
        const numbers = object({ progressToken: token, progress, ...(numberOf(total) !== undefined && { total }) })
        // Numbers alone say nothing that anybody could follow.
        if (typeof text !== 'string' || text === '') reach.tell(method, numbers)
        else initiated().told(method, new Map([...numbers, ['message', text]]))
      } else if (method === 'notifications/message') {
        if (session === undefined && wishes.logLevel === undefined) return
        if (wishes.logLevel === undefined || reaches(params.get('level'), wishes.logLevel)) initiated().told(method, params)
      } else initiated().told(method, params)
    },
    asked: (method, params, signal, key) => initiated().asked(method, params, signal, key),
    settled: () => content?.settled() ?? Promise.resolve(),
  }
}

/** Over the stream of the request that it is about; what the caller answers comes with a request of its own. */
function askOver(session: Session, stream: CallerParts['stream']): AskCaller {
  return (method, params, signal) => {
    if (session.asked.size >= MOST_ASKED) return Promise.resolve(NOBODY)
    const id = `sallyport-${++lastAsked}`
    return new Promise((resolve) => {
      const settle = (answer: Answer): void => {
        session.asked.delete(id)
        signal.removeEventListener('abort', left)
        resolve(answer)
      }
      const left = (): void => {
        stream()?.send(notificationText('notifications/cancelled', object({ requestId: id })))
        settle(NOBODY)
      }
      if (signal.aborted || stream()?.send(requestText(id, method, params)) !== true) return resolve(NOBODY)
      session.asked.set(id, settle)
      signal.addEventListener('abort', left, { once: true })
    })
  }
}

const NOBODY: Answer = { error: { code: REFUSED, message: 'The caller cannot be asked.' } }

/** What the caller answered to what it was asked. @throws {Refused} where nothing of that id waits. */
export function answered(session: Session, { id, answer }: Extract<Message, { kind: 'answer' }>): void {
  const settle = id === undefined ? undefined : session.asked.get(id)
  if (settle === undefined) throw new Refused(refuse('bad_request', { say: 'Nothing of that id was asked of you.' }))
  settle(answer)
}
