import { createHash } from 'node:crypto'
import type { Exchange } from '../../../contract/exchange.ts'
import type { Refusal } from '../../../contract/verdict.ts'
import { isObject, object, type TreeObject } from '../../../formats/tree.ts'
import { CLIENT_CAPABILITIES } from '../revisions.ts'
import type { Answer, Message } from '../rpc.ts'

/** URLElicitationRequiredError of revision 2025-11-25. */
const URL_REQUIRED = -32042

export interface Visiting {
  readonly refusal: Refusal
  readonly message: Extract<Message, { kind: 'request' }>
  readonly exchange: Exchange
  /** What a caller with a session said that it can do; absent without one. */
  readonly capabilities: TreeObject | undefined
  /** Whether a caller without a session may be answered with what it is to bring. */
  readonly rounds: boolean
}

/**
 * How a caller that opens addresses for its user hears where a person has to agree: as what its request needs first, or as
 * the error that says so. Nothing of what it brings back counts: a request that is made again is looked at again.
 * Undefined where the refusal is told like every other.
 */
export function visitFor({ refusal, message: { method, params }, exchange, capabilities, rounds }: Visiting): Answer | undefined {
  if (refusal.refuse !== 'consent_required' || refusal.url === undefined) return undefined
  const { url, say = '' } = refusal
  const meta = params.get('_meta')
  const before = capabilities ?? (method === 'initialize' ? params.get('capabilities') : undefined)
  const can = before ?? (rounds && isObject(meta) ? meta.get(CLIENT_CAPABILITIES) : undefined)
  const elicitation = isObject(can) ? can.get('elicitation') : undefined
  if (!isObject(elicitation) || !isObject(elicitation.get('url'))) return undefined
  // No server can ask under a name that it cannot know, and so have this answered as a question of its own.
  const id = `consent-${createHash('sha256').update(url).digest('base64url').slice(0, 22)}`
  if (before !== undefined) return { error: { code: URL_REQUIRED, message: say, data: object({ elicitations: [object({ mode: 'url', elicitationId: id, url, message: say })], code: refusal.refuse, id: exchange.id, retry: false }) } }
  const brought = params.get('inputResponses')
  const answered = isObject(brought) ? brought.get(id) : undefined
  // Whose user will not go there is not asked for ever.
  if (isObject(answered) && answered.get('action') !== 'accept') return undefined
  return { result: object({ resultType: 'input_required', inputRequests: object({ [id]: object({ method: 'elicitation/create', params: object({ mode: 'url', message: say, url }) }) }) }) }
}
