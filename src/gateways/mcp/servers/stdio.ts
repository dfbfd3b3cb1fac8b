import type { Clock } from '../../../contract/clock.ts'
import type { ProgramSpec, StartProgram } from '../../../contract/program.ts'
import { refuse, Refused, type Refusal } from '../../../contract/verdict.ts'
import { object, type TreeObject } from '../../../formats/tree.ts'
import { Asides } from './asides.ts'
import { askModern, discoveryOf, plain, spoken } from './era.ts'
import { initializeParams, introductionOf } from './introduce.ts'
import { lives, type Hearing, type Life } from './life.ts'
import { LIST_CHANGED, NEVER, within, type AskOptions, type Introduction, type Link, type ServerEvent } from './link.ts'
import { MODERN } from '../revisions.ts'
import { answerText, notificationText, requestText, type Answer, type Id } from '../rpc.ts'
import { listenParams, Subscriptions } from './subscriptions.ts'
import { sessionAnswer } from './urls.ts'
import { waitFor, type Settle } from './waiting.ts'

export interface StdioParts {
  readonly spec: ProgramSpec
  readonly start: StartProgram
  readonly clock: Clock
  readonly version: string
  /** What it may ask of callers at all, as capabilities. */
  readonly offers: TreeObject
  /** Longest that it may take to introduce itself, in milliseconds. */
  readonly startMs: number
  readonly on: (event: ServerEvent) => void
}

/** Requests that nobody waits for any more, and that may still be answered. */
const MOST_LEFT = 1_024
/** A server that says nothing to a question that it does not know is asked the older one as well, after so long. */
const SILENCE_MS = 5_000

/** What is said with one life of the program. */
interface Talk {
  readonly life: Life
  readonly pending: Map<Id, Settle>
  /** Requests that nobody waits for any more: an answer to one may have been on its way. */
  readonly left: Set<Id>
  readonly introduced: Promise<Introduction>
  /** Set when it has introduced itself, so that nobody waits for what is there. */
  introduction: Introduction | undefined
  /** The request on which a server without sessions tells of changes. */
  listening: number | undefined
  /** Why its life is over. */
  ended: string | undefined
}

/** A server that is a child process, shared by all who may use it: ids are ours, so that no answer finds another's question. */
export function stdioLink(parts: StdioParts): Link {
  const { clock, on, offers, version } = parts
  const all = lives(parts)
  const asides = new Asides()
  const subscriptions = new Subscriptions()
  let talk: Talk | undefined
  let lastId = 0
  let changes = 0

  function talking(): Talk {
    const life = all.living((one) => hearing(() => made, one))
    if (talk?.life === life) return talk
    const made: Talk = { life, pending: new Map(), left: new Set(), introduced: Promise.resolve().then(() => introduce(made)), introduction: undefined, listening: undefined, ended: undefined }
    // Whoever asks next hears of it; nobody may be asking yet.
    made.introduced.catch(() => undefined)
    changes++
    return (talk = made)
  }

  function hearing(of: () => Talk, life: Life): Hearing {
    return {
      answer({ id, answer }) {
        return id !== undefined && settled(of(), id, answer)
      },
      request({ id, method, params }) {
        void asides.asked(id, method, params).then((answer) => life.write(answerText(id, answer)))
      },
      notification({ method, params }) {
        if (LIST_CHANGED.test(method)) changes++
        asides.told(method, params)
      },
      unreadable: (id, problem) => settled(of(), id, refuse('upstream_malformed', { say: 'The server\'s answer could not be understood.', detail: problem })),
      tooLong(id) {
        const refusal = refuse('upstream_too_large', { say: 'The server\'s answer is larger than this gateway accepts.', detail: `a line of more than ${parts.spec.lineBytes} bytes` })
        if (id !== undefined) return settled(of(), id, refusal)
        // One whose id could not be seen may be anybody's answer.
        for (const settle of [...of().pending.values()]) settle(refusal)
        return false
      },
      over(why) {
        // Whatever is started next is nobody that is known.
        changes++
        const one = of()
        one.ended = why
        for (const settle of [...one.pending.values()]) settle(gone(why))
      },
    }
  }

  async function introduce(one: Talk): Promise<Introduction> {
    try {
      const introduction = (one.introduction = await met(one))
      on({ kind: 'started', took: clock.monotonic() - one.life.began })
      if (introduction.protocol === MODERN) relisten(one)
      // It knows nothing of what it was asked for in an earlier life.
      else void subscriptions.renew((params) => ask(one, 'resources/subscribe', params, { signal: NEVER, timeoutMs: parts.startMs }))
      return introduction
    } catch (error) {
      // What cannot introduce itself is started anew, not asked again.
      one.life.end('it did not introduce itself')
      throw error
    }
  }

  /** By the revision without sessions if it speaks it, else by the newest of the others. */
  async function met(one: Talk): Promise<Introduction> {
    const options = { signal: NEVER, timeoutMs: parts.startMs }
    const discovered = ask(one, 'server/discover', spoken(parts, new Map()), options).then(discoveryOf)
    let silent = (): void => undefined
    const silence = new Promise<'silence'>((resolve) => (silent = clock.timer(SILENCE_MS, () => resolve('silence'))))
    const first = await Promise.race([discovered, silence]).finally(silent)
    if (first !== 'silence' && first !== undefined) return first
    const initialized = ask(one, 'initialize', initializeParams(version, offers), options).then((answer) => {
      const introduction = introductionOf(answer)
      if (!one.life.write(notificationText('notifications/initialized'))) throw new Refused(gone('it left while it introduced itself'))
      return introduction
    })
    if (first === undefined) return initialized
    // It may have been slow, not silent: then what it says to the newer question counts.
    const late = discovered.then((found) => found ?? initialized, () => initialized)
    initialized.catch(() => undefined)
    return Promise.race([late, initialized.catch(() => late)])
  }

  function ask(one: Talk, method: string, params: TreeObject, options: AskOptions): Promise<Answer> {
    const { life, pending, left } = one
    if (life.over) return Promise.reject(new Refused(gone(one.ended ?? 'it has ended')))
    const id = ++lastId
    return waitFor({
      clock,
      asides,
      pending,
      id,
      method,
      params,
      options,
      send: (text, settle) => void (life.write(text) || settle(gone('it takes nothing more'))),
      left(text) {
        if (text !== undefined) life.write(text)
        remember(left, id)
      },
    })
  }

  /** Asks a server without sessions for what it can tell of changes, while anybody would hear it. */
  function relisten(one: Talk): void {
    const { introduction, life, pending, left, listening } = one
    if (introduction?.protocol !== MODERN || life.over) return
    if (listening !== undefined) {
      pending.delete(listening)
      remember(left, listening)
      life.write(notificationText('notifications/cancelled', object({ requestId: listening, reason: 'another follows, or none' })))
      one.listening = undefined
    }
    if (!asides.listened) return
    const id = ++lastId
    one.listening = id
    // Answered when the server ends it, and asked for again when there is anything new to ask for.
    pending.set(id, () => {
      pending.delete(id)
      if (one.listening === id) one.listening = undefined
    })
    life.write(requestText(id, 'subscriptions/listen', spoken(parts, listenParams(introduction, subscriptions.uris))))
  }

  return {
    introduction: async (options) => within(talking().introduced, options.signal),
    async request(method, params, options) {
      const one = talking()
      const { protocol } = one.introduction ?? (await within(one.introduced, options.signal))
      if (Subscriptions.takes(method)) return subscriptions.request(method, params, async () => (protocol === MODERN ? (relisten(one), DONE) : plain(await ask(one, method, params, options))))
      if (protocol !== MODERN) return sessionAnswer(await ask(one, method, params, options), options)
      return askModern(method, params, options, (sent) => ask(one, method, spoken(parts, sent, options.beside), options), options.signal)
    },
    changes: () => changes,
    heard(listener) {
      const first = !asides.listened
      const end = asides.listen(listener)
      if (first && talk !== undefined) relisten(talk)
      return () => {
        end()
        if (!asides.listened && talk !== undefined) relisten(talk)
      }
    },
    close: () => all.close(),
  }
}

const DONE: Answer = { result: new Map() }

/** False where nobody waits, or did, for an answer to this. */
function settled({ pending, left }: Talk, id: Id, answer: Answer | Refusal): boolean {
  const settle = pending.get(id)
  settle?.(answer)
  return settle !== undefined || left.delete(id)
}

/** The oldest make room. */
function remember(left: Set<Id>, id: Id): void {
  left.add(id)
  for (const first of left) {
    if (left.size <= MOST_LEFT) return
    left.delete(first)
  }
}

function gone(detail: string): Refusal {
  return refuse('upstream_cut', { say: 'The server ended before it answered.', detail })
}
