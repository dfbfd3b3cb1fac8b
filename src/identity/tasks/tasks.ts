import type { Arrival } from '../../contract/arrival.ts'
import type { Clock } from '../../contract/clock.ts'
import type { Principal } from '../../contract/principal.ts'
import type { Refusal } from '../../contract/verdict.ts'
import { makeProofDesk } from './dpop.ts'
import { makeExchange, type Exchange } from './exchange.ts'
import { openTaskKeys } from './keys.ts'
import { makeVerifier } from './verify.ts'

/** Task tokens: made for one audience and exact names, bound to a key, good for five minutes at most. */
export interface Tasks {
  /** Who calls with a task token; `isTaskToken` says whether a credential is one. Uses the arrival's proof up. */
  verify(token: string, arrival: Arrival): Promise<Principal | Refusal>
  /** RFC 8693: everything but the signature, which policy comes before. */
  readonly exchange: Exchange
}

export interface TasksParts {
  /** File of the keys that sign (mode 0600); made where there is none. */
  readonly file: string
  readonly trustDomain: string
  readonly clock: Clock
  readonly newId: () => string
  /** Whether a credential, workload or user of this id was revoked; asked at every call, so it must cost nothing. */
  readonly revoked: (id: string) => boolean
}

/** @throws {Error} when others can read the keys' file, or it is no such file. */
export async function openTasks({ file, trustDomain, clock, newId, revoked }: TasksParts): Promise<Tasks> {
  const keys = await openTaskKeys(file, clock)
  const proofs = makeProofDesk(clock, undefined, Math.floor(clock.wall() / 1000))
  const issuer = `spiffe://${trustDomain}/sallyport`
  const verifier = makeVerifier({ keys, proofs, issuer, clock, revoked })
  return {
    verify: verifier.verify,
    exchange: makeExchange({ keys, proofs, verifier, issuer, clock, newId, revoked }),
  }
}
