import type { Action, Exchange, Reading } from '../../../contract/exchange.ts'
import type { Delivery, Errand, Guarded, Pass } from '../../../contract/gateway.ts'
import type { Principal } from '../../../contract/principal.ts'
import { reasonOf } from '../../../contract/reasons.ts'
import type { Edit } from '../../../contract/segment.ts'
import type { Refusal } from '../../../contract/verdict.ts'
import type { Clock } from '../../../contract/clock.ts'
import { writeJson } from '../../../formats/json.ts'
import { object, type TreeObject } from '../../../formats/tree.ts'
import { answerOf } from '../methods/results.ts'
import type { Initiate } from './reach.ts'
import { routeOf, targetOf } from '../callers/desk.ts'
import { treeEvent, type TreeEvent } from '../methods/leaves.ts'
import { NEVER } from '../servers/link.ts'
import { askOnce } from '../methods/once.ts'
import { questionOf, type Question } from './questions.ts'
import { REFUSED, type Answer } from '../rpc.ts'
import type { Server } from '../servers/server.ts'

export interface InitiatedParts {
  readonly pass: Pass
  readonly clock: Clock
  readonly server: Server
  /** Whose request it is, on account of which the server says or asks something. */
  readonly principal: Principal
  readonly exchange: Exchange
  readonly method: string
  readonly capabilities: TreeObject
}

/** What a server may ask, and tell in words, on account of one request. */
const MOST_QUESTIONS = 32
const MOST_NOTICES = 200
/** Texts of one question or notice together, in UTF-16 units. */
const MOST_TEXT = 262_144
/** How long a caller may think about a question. */
const ANSWER_MS = 10 * 60_000

/**
 * What a server initiates on account of a request: each question, and each notification with words in it, is an exchange
 * with the server as principal and the request's as parent. Policy decides about it and guards look at it on its way to
 * the caller; what the caller answers is looked at on its way back.
 */
export function initiatedBy(parts: InitiatedParts): Initiate {
  return ({ tell, ask }) => {
    let questions = 0
    let notices = 0
    let said: Promise<void> = Promise.resolve()

    async function asked(method: string, params: TreeObject, signal: AbortSignal, key?: string): Promise<Answer> {
      const question = questionOf(method, params, parts.capabilities)
      if (!('action' in question)) return question
      if (ask === undefined) return refused('The caller cannot be asked.')
      if (++questions > MOST_QUESTIONS) return refused('The caller was asked often enough.')
      const looked = treeEvent(question.params, 'tool_result')
      if (isLong(looked)) return refused('The question is too long.')
      // Nobody is asked before what the server said until then has been told.
      await said
      return put(parts, question, looked, next(parts.exchange), (...about) => ask(...about, key), signal)
    }

    function told(method: string, params: TreeObject): void {
      const notice = noticeOf(method, params)
      if (notice === undefined || ++notices > MOST_NOTICES) return
      said = said.then(() => announce(parts, method, notice, next(parts.exchange), tell)).catch(() => undefined)
    }

    return { asked, told, settled: () => said }
  }
}

const sequences = new WeakMap<Exchange, number>()

/** The place of the next child below an exchange. */
function next(exchange: Exchange): number {
  const sequence = sequences.get(exchange) ?? 0
  sequences.set(exchange, sequence + 1)
  return sequence
}

/**
 * A question that goes to the caller as the result of its request: what policy and guards leave of it, or the error that
 * the server would hear. The answer comes with a request of the caller's own, and is looked at there.
 */
export async function shownBy(parts: InitiatedParts, method: string, params: TreeObject): Promise<TreeObject | Answer> {
  const question = questionOf(method, params, parts.capabilities)
  if (!('action' in question)) return question
  const looked = treeEvent(question.params, 'tool_result')
  if (isLong(looked)) return refused('The question is too long.')
  const sequence = next(parts.exchange)
  let outcome: TreeObject | Answer = refused('Nobody was asked.')
  await parts.pass({
    ...errandOf(parts, sequence, NEVER, () => readingOf(parts, question, looked, 'none', `${parts.exchange.id}/${sequence}`)),
    deliver({ reading }: Guarded) {
      outcome = (reading as Initiated).params
      return Promise.resolve(NOWHERE)
    },
    refuse(refusal, { id }) {
      outcome = refusedBy(refusal, id)
      return NOWHERE
    },
  })
  return outcome
}

function isLong({ leaves }: TreeEvent): boolean {
  return leaves.reduce((sum, { text }) => sum + text.length, 0) > MOST_TEXT
}

function refused(message: string, more: Readonly<Record<string, string>> = {}): Answer {
  return { error: { code: REFUSED, message, ...(Object.keys(more).length > 0 && { data: object(more) }) } }
}

/** Who asks: the server, as the settings name it. What it may do is for policies alone to say: no credential limits it. */
function serverPrincipal(server: Server, { tenant, task }: Principal): Principal {
  const workload = routeOf(server)
  return { tenant, workload, chain: [], roles: [], ...(task !== undefined && { task }), proof: { kind: 'configuration', id: server.settings.name }, scope: { audience: workload, rights: [] } }
}

interface Initiated extends Reading {
  readonly params: TreeObject
}

function readingOf(parts: InitiatedParts, { action, method, parameters }: Pick<Question, 'action' | 'method' | 'parameters'>, looked: TreeEvent, effect: 'dial' | 'none', place: string): Initiated {
  const { server, principal } = parts
  const route = routeOf(server)
  const params = looked.tree
  const text = writeJson(params)
  const reading: Initiated = {
    action,
    resource: { type: 'Endpoint', id: route, attributes: { path: `/mcp/${server.settings.name}`, method } },
    route,
    gateway: route,
    direction: 'inbound',
    effect,
    overlapsIntent: effect === 'none',
    stream: false,
    segments: looked.leaves.map(({ text: leaf, channel, origin }) => ({ text: leaf, origin, path: [channel], group: 'initiated' })),
    effects: [],
    parameters: { ...parameters, caller: principal.workload, ...(principal.chain[0] !== undefined && { user: principal.chain[0] }), method: parts.method, bytes: text.length },
    subordinates: [],
    estimate: { input: 0, output: 0, choices: 1 },
    listener: principal,
    params,
    apply: (edits) => (edits.length === 0 ? reading : readingOf(parts, { action, method, parameters }, edited(looked, edits), effect, place)),
    fingerprint: () => `${place}/${action}`,
    show: () => ({ body: text, values: [], undo: 'nothing to undo' }),
  }
  return reading
}

/** What guards changed of the texts of an event, whose segments are its leaves. */
export function edited(looked: TreeEvent, edits: readonly Edit[]): TreeEvent {
  if (edits.length === 0) return looked
  const texts = looked.leaves.map(({ text }, segment) => {
    let made = ''
    let from = 0
    for (const edit of edits) {
      if (edit.segment !== segment) continue
      made += text.slice(from, edit.start) + edit.text
      from = edit.end
    }
    return made + text.slice(from)
  })
  return looked.rewrite(texts) as TreeEvent
}

const NOWHERE: Delivery = { status: 0, bytes: 0, complete: true }

function errandOf({ server, principal, exchange }: InitiatedParts, sequence: number, signal: AbortSignal, read: () => Initiated): Omit<Errand, 'deliver' | 'refuse'> {
  return {
    gateway: routeOf(server),
    parent: { exchange, sequence },
    signal,
    identify: () => serverPrincipal(server, principal),
    read,
    resolve: ({ effect, resource }) => (effect === 'dial' ? [targetOf(server, resource)] : []),
  }
}

/** Puts a question to the caller, if policy and guards let it through, and brings back what the guards leave of the answer. */
async function put(parts: InitiatedParts, question: Question, looked: TreeEvent, sequence: number, ask: (...about: [method: string, params: TreeObject, signal: AbortSignal]) => Promise<Answer>, signal: AbortSignal): Promise<Answer> {
  const stop = new AbortController()
  const left = (): void => stop.abort()
  const late = parts.clock.timer(ANSWER_MS, left)
  signal.addEventListener('abort', left, { once: true })
  if (signal.aborted) left()
  let outcome: Answer = refused('Nobody answered.')
  try {
    await parts.pass({
      ...errandOf(parts, sequence, stop.signal, () => readingOf(parts, question, looked, 'dial', `${parts.exchange.id}/${sequence}`)),
      dial: (reading) => askOnce(targetOf(parts.server, reading.resource), stop.signal, parts.clock, async (both) => returned(question, await ask(question.method, (reading as Initiated).params, both))),
      async deliver({ events }: Guarded) {
        let last: TreeEvent | undefined
        for await (const event of events) last = event as TreeEvent
        outcome = answerOf(last)
        return NOWHERE
      },
      refuse(refusal, { id }) {
        outcome = refusedBy(refusal, id)
        return NOWHERE
      },
    })
  } finally {
    late()
    signal.removeEventListener('abort', left)
  }
  return outcome
}

/** What the caller answered, as the guards look at it: it leaves the house, as a model's words do. */
function returned(question: Question, answer: Answer): TreeEvent {
  if ('error' in answer) {
    const { code, message, data } = answer.error
    return treeEvent(object({ error: object({ code, message, data }) }), 'assistant')
  }
  const result = question.answer(answer.result)
  return treeEvent(result === undefined ? object({ error: object({ code: REFUSED, message: 'The caller answered something else than it was asked.' }) }) : object({ result }), 'assistant')
}

function refusedBy({ refuse, say }: Refusal, id: string): Answer {
  return refused(say ?? reasonOf(refuse).say, { code: refuse, id })
}

/** What of a notification is passed on; undefined for those that nobody knows. */
function noticeOf(method: string, params: TreeObject): TreeObject | undefined {
  const keep = (keys: readonly string[]): TreeObject => new Map(keys.flatMap((key) => (params.has(key) ? [[key, params.get(key) as never] as const] : [])))
  switch (method) {
    case 'notifications/progress':
      return keep(['progressToken', 'progress', 'total', 'message'])
    case 'notifications/message':
      return keep(['level', 'logger', 'data'])
    case 'notifications/elicitation/complete':
      return keep(['elicitationId'])
    default:
      return undefined
  }
}

/** Tells the caller what the server says in words; of progress that is not to be told, the numbers. */
async function announce(parts: InitiatedParts, method: string, notice: TreeObject, sequence: number, tell: Parameters<Initiate>[0]['tell']): Promise<void> {
  // The token is the caller's own, and says nothing of the server's.
  const { token, rest } = { token: notice.get('progressToken'), rest: new Map([...notice].filter(([key]) => key !== 'progressToken')) }
  const told = (params: TreeObject): boolean => tell(method, token === undefined ? params : new Map([['progressToken', token], ...params]))
  const looked = treeEvent(rest, 'tool_result')
  const without = (): Delivery => {
    if (method === 'notifications/progress') told(new Map([...rest].filter(([key]) => key !== 'message')))
    return NOWHERE
  }
  if (isLong(looked)) return void without()
  const about = { action: 'mcp.notify' as Action, method, parameters: {} }
  await parts.pass({
    ...errandOf(parts, sequence, NEVER, () => readingOf(parts, about, looked, 'none', `${parts.exchange.id}/${sequence}`)),
    deliver: ({ reading }: Guarded) => (told((reading as Initiated).params), Promise.resolve(NOWHERE)),
    refuse: without,
  })
}


