import { createHash } from 'node:crypto'
import { decodeProtectedHeader, errors, jwtVerify } from 'jose'
import type { Arrival, Peer } from '../../contract/arrival.ts'
import type { Clock } from '../../contract/clock.ts'
import type { Principal } from '../../contract/principal.ts'
import { isRefusal, refuse, type Refusal } from '../../contract/verdict.ts'
import { presentedAsDpop } from '../credential.ts'
import { LONGEST_TOKEN, readClaims, TASK_TYPE, type Claims } from './claims.ts'
import { athOf, type ProofDesk } from './dpop.ts'
import type { TaskKeys } from './keys.ts'

/** A task token whose signature, issuer, shape and time are right, and which was not revoked: nothing of who presents it. */
export interface Sound {
  readonly claims: Claims
  readonly principal: Principal
}

export interface Verifier {
  /** Without a look at who presents it. */
  sound(token: string): Promise<Sound | Refusal>
  /** Who calls with it: sound, and the key that it is bound to was shown. */
  verify(token: string, arrival: Arrival): Promise<Principal | Refusal>
}

export interface VerifierParts {
  readonly keys: TaskKeys
  readonly proofs: ProofDesk
  readonly issuer: string
  readonly clock: Clock
  /** Whether a credential, workload or user of this id was revoked; asked at every call. */
  readonly revoked: (id: string) => boolean
}

/** Another house's clock may be this far ahead when it shares our keys. */
const AHEAD_SECONDS = 5
const REMEMBERED = 4096

export function makeVerifier({ keys, proofs, issuer, clock, revoked }: VerifierParts): Verifier {
  // A token is used for many calls: its signature need be verified once. By hash, so that no token is kept.
  const known = new Map<string, Sound>()

  const signed = async (token: string): Promise<Sound | Refusal> => {
    try {
      const { payload } = await jwtVerify(token, ({ kid }) => keys.find(kid ?? '') ?? Promise.reject(new errors.JWKSNoMatchingKey()), {
        algorithms: ['ES256'],
        typ: TASK_TYPE,
        issuer,
        // Time is judged at each call, below.
        currentDate: new Date(0),
        clockTolerance: Number.MAX_SAFE_INTEGER,
      })
      return readClaims(payload) ?? wrong('its claims are not those of a task token')
    } catch (error) {
      return wrong(error instanceof errors.JOSEError ? error.code : 'it cannot be read')
    }
  }

  const sound = async (token: string): Promise<Sound | Refusal> => {
    if (token.length > LONGEST_TOKEN) return wrong('it is too long')
    const hash = athOf(token)
    let read = known.get(hash)
    if (read === undefined) {
      const fresh = await signed(token)
      if (isRefusal(fresh)) return fresh
      if (known.size >= REMEMBERED) known.delete(known.keys().next().value as string)
      known.set(hash, (read = fresh))
    }
    const { claims, principal } = read
    const now = clock.wall() / 1000
    if (now >= claims.exp) return refuse('key_expired', { detail: `task token ${claims.jti}` })
    if (claims.iat > now + AHEAD_SECONDS) return wrong('it is from the future')
    const ended = idsOf(principal).find(revoked)
    return ended === undefined ? read : refuse('revoked', { detail: `task token ${claims.jti}: ${ended}` })
  }

  return {
    sound,
    async verify(token, arrival) {
      const read = await sound(token)
      if (isRefusal(read)) return read
      const { claims, principal } = read
      const { cnf } = claims
      if (cnf === undefined) return principal
      if (!('jkt' in cnf)) return certificateHash(arrival.peer) === cnf['x5t#S256'] ? principal : wrong('the connection has another certificate than it is bound to')
      // RFC 9449 section 7.2: whoever found a bound token must not be able to use it as a plain one.
      if (!presentedAsDpop(arrival.fields)) return refuse('unauthenticated', { say: 'This token is bound to a key: send it as "Authorization: DPoP", with a proof.', detail: 'task token: not presented as DPoP' })
      const jkt = await proofs.check(arrival, { owner: `${principal.tenant}\n${principal.workload}`, token, jkt: cnf.jkt })
      return isRefusal(jkt) ? jkt : principal
    },
  }
}

/** Whether a credential is meant as a task token, by its header; nothing about it is verified. */
export function isTaskToken(credential: string): boolean {
  if (!credential.startsWith('eyJ') || credential.length > LONGEST_TOKEN) return false
  try {
    return decodeProtectedHeader(credential).typ === TASK_TYPE
  } catch {
    return false
  }
}

/** Everything whose revocation ends what a principal does. */
export function idsOf({ proof, workload, chain, vouched = [], task }: Principal): readonly string[] {
  return [proof.id, workload, ...(proof.from ?? []), ...chain, ...vouched.map(({ id }) => id), ...(task === undefined ? [] : [task])]
}

/** The confirmation value of the connection's client certificate (RFC 8705 section 3.1); undefined without one. */
export function certificateHash({ certificates }: Peer): string | undefined {
  const leaf = certificates?.[0]
  return leaf === undefined ? undefined : createHash('sha256').update(leaf).digest('base64url')
}

function wrong(why: string): Refusal {
  return refuse('unauthenticated', { detail: `task token: ${why}` })
}
