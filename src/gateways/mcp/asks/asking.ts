import { createHash } from 'node:crypto'
import type { Reading } from '../../../contract/exchange.ts'
import type { Edit } from '../../../contract/segment.ts'
import { refuse, Refused } from '../../../contract/verdict.ts'
import { writeJson } from '../../../formats/json.ts'
import { object, type TreeObject } from '../../../formats/tree.ts'
import { routeOf, type Doing, type Request } from '../callers/desk.ts'
import { edited, shownBy } from './initiated.ts'
import { treeEvent, type TreeEvent } from '../methods/leaves.ts'
import type { AskOptions } from '../servers/link.ts'
import { questionOf } from './questions.ts'
import type { Required, Turn } from './rounds.ts'
import { INVALID_PARAMS, RpcMistake, type Answer } from '../rpc.ts'
import type { Server } from '../servers/server.ts'

/** Asks a server on account of a request: in rounds, where its caller comes back by itself. Rejects with `Refused`. */
export function askServer(request: Request, server: Server, params: TreeObject, options: AskOptions): Promise<Answer | Required> {
  const { turn, method, principal, exchange, desk } = request
  const { link } = server.connection(principal)
  // A server that may ask nothing needs no rounds.
  if (turn === undefined || (server.settings.asks.length === 0 && !turn.returns)) return looked(server, link.request(method, params, options))
  const parts = { pass: desk.pass, clock: desk.clock, server, principal, exchange, method, capabilities: options.beside?.capabilities ?? new Map() }
  return looked(server, turn.request({ route: routeOf(server), link, params, options, show: (asked, about) => shownBy(parts, asked, about) }))
}

/** Where settings say so, an answer in which nobody can look is none. */
function looked<T extends Answer | Required>({ settings }: Server, asked: Promise<T>): Promise<T> {
  if (settings.media === 'allow') return asked
  return asked.then((answer) => {
    if ('result' in answer && treeEvent(answer.result, 'tool_result').unread !== undefined) throw new Refused(refuse('inconclusive', { say: 'The server answered with content that could not be inspected.' }))
    return answer
  })
}

/** What the caller is to bring, as an event that nothing is left to look at in: each question was an exchange of its own. */
export function requiredEvent({ required }: Required): TreeEvent {
  const event: TreeEvent = { ...treeEvent(new Map(), 'tool_result'), rewrite: () => event, drop: () => event, tree: object({ result: required }) }
  return event
}

interface Carrying extends Reading {
  readonly inner: Reading
  readonly brought: TreeEvent
}

/**
 * A request that goes on with what its caller brought: the answers leave the house with it, and guards look at them as at
 * everything else that does. @throws {RpcMistake} for an answer to something else than was asked.
 */
export function withAnswers(doing: Doing, turn: Turn, id: Request['id'], capabilities: TreeObject): Doing {
  if (turn.carried === undefined) return doing
  const answers = turn.answers().map(({ key, method, params: about, result }) => {
    const question = questionOf(method, about, capabilities)
    const answer = 'action' in question ? question.answer(result) : undefined
    if (answer === undefined) throw new RpcMistake(INVALID_PARAMS, `the answer ${JSON.stringify(key.slice(0, 64))} is none to what was asked`, id)
    return [key, answer] as const
  })
  const carrying = (inner: Reading, brought: TreeEvent): Carrying => {
    const own = inner.segments.length
    return {
      ...inner,
      inner,
      brought,
      segments: [...inner.segments, ...brought.leaves.map(({ text, channel, origin }) => ({ text, origin, path: ['inputResponses', channel], group: 'answers' }))],
      apply(edits) {
        const theirs = edits.filter(({ segment }) => segment < own)
        const rest: Edit[] = edits.filter(({ segment }) => segment >= own).map((edit) => ({ ...edit, segment: edit.segment - own }))
        return carrying(inner.apply(theirs), edited(brought, rest))
      },
      // What a person agrees to is the whole of it, answers included.
      fingerprint: () => createHash('sha256').update(`${inner.fingerprint()}\n`).update(writeJson(brought.tree)).digest('base64'),
    }
  }
  const { dial } = doing
  return {
    ...doing,
    reading: carrying(doing.reading, treeEvent(new Map(answers), 'assistant')),
    ...(dial && {
      dial(permitted, permit) {
        const { inner, brought } = permitted as Carrying
        turn.carry(brought.tree)
        return dial(inner, permit)
      },
    }),
  }
}
