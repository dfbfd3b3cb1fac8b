import { timingSafeEqual } from 'node:crypto'
import type { Arrival } from '../contract/arrival.ts'
import type { Principal } from '../contract/principal.ts'
import { refuse, type Refusal } from '../contract/verdict.ts'
import { credentialOf } from './credential.ts'
import { keyId } from './key.ts'
import type { Reviewers } from './reviewers.ts'
import { hashUnder, type NamedSecret } from './secret.ts'
import { principalOf } from './settings.ts'

export type IdentifyAdmin = (arrival: Pick<Arrival, 'fields' | 'target'>) => Principal | Refusal

/**
 * The door of the admin port: the administrator's key and those of reviewers, other kinds than those of the data port,
 * and neither opens the other. What a reviewer may do behind it, each route says (`for: 'reviewers'`).
 * @throws {Error} when `key` is no administrator's key.
 */
export function makeAdminDoor(key: string, secret: NamedSecret, reviewers?: Pick<Reviewers, 'verify'>): IdentifyAdmin {
  const id = keyId(key, 'spa')
  if (id === undefined) throw new Error('the admin key file holds no administrator key')
  const hash = hashUnder(secret, key)
  const principal = principalOf({ tenant: 'default', workload: `admin:${id}`, proof: { kind: 'admin', id }, scope: { roles: ['admin'], rights: ['admin', 'scores'] } })
  return (arrival) => {
    const credential = credentialOf(arrival.fields, arrival.target)
    if (typeof credential === 'object') return credential
    if (credential === undefined) return refuse('unauthenticated', { detail: 'no credential', say: 'The admin key or a reviewer\'s key is required.' })
    if (reviewers !== undefined && credential.startsWith('spr_')) return reviewers.verify(credential)
    return timingSafeEqual(hashUnder(secret, credential), hash) ? principal : refuse('unauthenticated', { detail: 'not the admin key' })
  }
}
