import { DialError, type Dial, type DialReply } from '../../../contract/dial.ts'
import { endedBy, refuse, Refused } from '../../../contract/verdict.ts'
import { wantedOf, type Wanted } from './authenticate.ts'
import type { Target } from './discovery.ts'
import type { Grant, Grants, Owner } from './grants.ts'
import { OAuthProblem } from './places.ts'

export interface CredentialParts {
  readonly target: Target
  readonly owner: Owner
  readonly grants: Grants
  /** What a caller is told for whom nobody has let the server be used, or not this far. */
  readonly consent: (wanted: Wanted, has: Grant | undefined) => Refused
}

/**
 * The way to a server for one caller: every request carries the caller's own token, and none of another's. A token that
 * the server does not take is renewed once; after that a person is needed. Rejects with `Refused` for what callers
 * should read.
 */
export function withToken(dial: Dial, { target, owner, grants, consent }: CredentialParts): Dial {
  const send = (request: Parameters<Dial>[0], grant: Grant | undefined): Promise<DialReply> =>
    dial(grant === undefined ? request : { ...request, fields: [...request.fields, ['authorization', `Bearer ${grant.access}`]] })

  return async (request) => {
    const { signal } = request
    let grant = await had(() => grants.current(target, owner, signal), signal)
    let reply = await send(request, grant)
    if (reply.status === 401 && grant !== undefined) {
      const { access } = grant
      const next = await had(() => grants.renewed(target, owner, access, signal), signal, () => reply.abort())
      if (next !== undefined && next.access !== access) {
        reply.abort()
        grant = next
        reply = await send(request, grant)
      }
    }
    // Nobody is asked so that a session can end.
    if (request.method === 'DELETE') return reply
    if (reply.status === 401) return refusedBy(reply, consent(wantedOf(reply.fields), grant))
    if (reply.status !== 403) return reply
    const wanted = wantedOf(reply.fields)
    const has = new Set(grant?.scopes)
    const lacking = wanted.error === 'insufficient_scope' && wanted.scopes?.some((one) => !has.has(one)) === true
    return lacking ? refusedBy(reply, consent({ ...wanted, scopes: [...new Set([...has, ...(wanted.scopes ?? [])])] }, grant)) : reply
  }
}

function refusedBy(reply: DialReply, refused: Refused): never {
  reply.abort()
  throw refused
}

async function had(work: () => Promise<Grant | undefined>, signal: AbortSignal, undo?: () => void): Promise<Grant | undefined> {
  try {
    return await work()
  } catch (error) {
    undo?.()
    if (signal.aborted) throw new Refused(endedBy(signal))
    if (error instanceof OAuthProblem || error instanceof DialError) throw new Refused(refuse('upstream_auth', { say: 'The credential for the server cannot be renewed at the moment.', detail: error.message }))
    throw error
  }
}
