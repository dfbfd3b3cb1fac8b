import { refuse } from '../../../contract/verdict.ts'
import { targetOf, type Doing, type Request } from '../callers/desk.ts'
import { listReading } from './reading.ts'

/**
 * The servers that a request to a whole place goes to, each a target that policy decides about. Where all servers are one
 * place, those that the caller may not use at their own are left out: a policy that names a server's gateway holds here too.
 */
export function targetsOf({ desk, endpoint, principal, exchange, method }: Request): Pick<Doing, 'candidates' | 'refusal'> {
  const targets = endpoint.servers.map((server) => ({ server, reading: listReading(server, method) }))
  const open = endpoint.prefixed ? targets.filter(({ reading }) => desk.visible(principal, exchange, reading)) : targets
  // Nothing is no target: policy would have nothing to decide about.
  if (open.length === 0) return { candidates: targets.map(({ server, reading }) => targetOf(server, reading.resource)), refusal: refuse('denied', { detail: 'none of the servers' }) }
  return { candidates: open.map(({ server, reading }) => targetOf(server, reading.resource)) }
}
