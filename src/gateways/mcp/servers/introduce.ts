import { refuse, Refused } from '../../../contract/verdict.ts'
import { isObject, object, type TreeObject } from '../../../formats/tree.ts'
import type { Introduction } from './link.ts'
import { OFFERED, UPSTREAM_REVISIONS } from '../revisions.ts'
import type { Answer } from '../rpc.ts'
import type { Ask } from '../settings.ts'

const LONGEST_INSTRUCTIONS = 65_536

/** What is said to a server first: in `offers`, what it may ask of callers at all. */
export function initializeParams(version: string, offers: TreeObject): TreeObject {
  return object({ protocolVersion: OFFERED, capabilities: offers, clientInfo: object({ name: 'sallyport', version }) })
}

/** What a server may ask of callers at all, as the capabilities of a client. */
export function offersOf(asks: readonly Ask[]): TreeObject {
  return new Map(asks.map((one) => [one, one === 'elicitation' ? object({ form: new Map(), url: new Map() }) : new Map()]))
}

/** @throws {Refused} for an answer that is none, or a revision that is not spoken here. */
export function introductionOf(answer: Answer): Introduction {
  if ('error' in answer) throw malformed(`initialize: error ${answer.error.code}`)
  const { result } = answer
  const [protocol, capabilities, info, instructions] = ['protocolVersion', 'capabilities', 'serverInfo', 'instructions'].map((key) => result.get(key))
  if (typeof protocol !== 'string' || !UPSTREAM_REVISIONS.has(protocol)) throw malformed('initialize: a revision that is not spoken here')
  if (!isObject(capabilities) || !isObject(info) || typeof info.get('name') !== 'string' || typeof info.get('version') !== 'string') throw malformed('initialize: no capabilities, or no name and version')
  if (instructions !== undefined && (typeof instructions !== 'string' || instructions.length > LONGEST_INSTRUCTIONS)) throw malformed('initialize: instructions')
  return { protocol, capabilities, info, ...(instructions !== undefined && { instructions }) }
}

export function malformed(detail: string): Refused {
  return new Refused(refuse('upstream_malformed', { say: 'The server\'s answer could not be understood.', detail }))
}
