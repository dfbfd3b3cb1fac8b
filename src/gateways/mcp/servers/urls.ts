import { isObject, type Tree } from '../../../formats/tree.ts'
import { plain } from './era.ts'
import type { AskOptions } from './link.ts'
import { REFUSED, type Answer } from '../rpc.ts'

/** With this error a server with sessions says where its user has to go first (2025-11-25). */
const GO_FIRST = -32042
const MOST_PLACES = 8

const WAITS: Answer = { error: { code: REFUSED, message: 'The server waits for what its user was sent to do: call again when that is done.' } }
const DECLINED: Answer = { error: { code: REFUSED, message: 'The server needs its user to go somewhere first, and the user did not.' } }

/**
 * What a server with sessions answered. An error that sends the user somewhere is a question like those that it could
 * have asked before, and is put to the caller as one: unasked, no URL of a server's reaches anybody.
 */
export async function sessionAnswer(answer: Answer, { beside, signal }: Pick<AskOptions, 'beside' | 'signal'>): Promise<Answer> {
  if (!('error' in answer) || answer.error.code !== GO_FIRST) return plain(answer)
  const { data } = answer.error
  const places = isObject(data) ? data.get('elicitations') : undefined
  if (beside === undefined || !Array.isArray(places) || places.length === 0 || places.length > MOST_PLACES) return DECLINED
  for (const place of places) {
    if (!isObject(place)) return DECLINED
    const said = await beside.asked('elicitation/create', new Map<string, Tree>([...place, ['mode', 'url']]), signal)
    if ('error' in said) return { error: { code: REFUSED, message: `The server needs its user to go somewhere first: ${said.error.message}` } }
    if (said.result.get('action') !== 'accept') return DECLINED
  }
  return WAITS
}
