import type { Arrival } from '../contract/arrival.ts'
import type { Principal } from '../contract/principal.ts'
import { isRefusal, refuse, type Refusal } from '../contract/verdict.ts'
import { credentialOf, looksLikeToken, presentedAsDpop } from './credential.ts'
import { looksLikeKey } from './key.ts'
import type { Keyring } from './keyring.ts'
import { ended } from './live.ts'
import type { Local } from './local.ts'
import type { Oidc } from './oidc.ts'
import type { SettledIdentity } from './settings.ts'
import type { Svids } from './svid.ts'
import { idsOf, isTaskToken } from './tasks/verify.ts'

/** Who calls on a data listener. Never waits for API keys, certificates and tokens that it has seen before. */
export type Identify = (arrival: Arrival, settled: SettledIdentity) => Principal | Refusal | Promise<Principal | Refusal>

/** What each kind of credential is verified by; what is absent is not accepted. */
export interface DoorParts {
  readonly keyring: Pick<Keyring, 'verify'>
  readonly svids?: Svids
  readonly oidc?: Oidc
  readonly tasks?: { readonly verify: (token: string, arrival: Arrival) => Promise<Principal | Refusal> }
  readonly local?: Local
  /** Whether a credential, workload or user of this id was revoked; asked at every call but those with an API key or a certificate, which say so themselves. */
  readonly revoked?: (id: string) => boolean
}

/**
 * The one door of the data listeners. Exactly one credential decides; nothing falls back to another one that failed.
 *
 * | Connection | Header | Who decides |
 * |---|---|---|
 * | any | two different values, a key in the URL | refused |
 * | no certificate | `sp_…` key | keyring |
 * | no certificate | task token (`typ`), `Bearer` or `DPoP` | tasks, which look for the key it is bound to |
 * | no certificate | other JWT, `Bearer` | oidc, by issuer and audience; users' tokens do not call |
 * | no certificate | `DPoP` with anything but a task token | refused |
 * | certificate | none, or a placeholder | certificate |
 * | certificate | task token of the same workload | tasks; the certificate must be good as well |
 * | certificate | task token of another, key, other JWT | refused: more than one credential |
 * | certificate that is not good | anything | refused |
 * | local socket | key or token | that one, as if it had come over the network |
 * | local socket | none, or a placeholder | `identity.local`, else anonymous |
 * | this machine | none, or a placeholder | anonymous, where settings let it in |
 * | any other | none, or a placeholder | refused |
 *
 * The kernel names the process at the local socket whether it likes it or not, so that this is no second credential;
 * a certificate is shown by choice. A placeholder is what SDKs are given because they insist on some key: text that
 * looks neither like one of our keys nor like a JWT. An enrolment token is not taken here. Callers are told next to
 * nothing; why is in `detail`.
 */
export function makeDoor({ keyring, svids, oidc, tasks, local, revoked }: DoorParts): Identify {
  // Asked when all waiting is over: a call counts as one under way, which revocation stops, from here on.
  const current = (found: Principal | Refusal): Principal | Refusal => {
    if (revoked === undefined || isRefusal(found)) return found
    const gone = idsOf(found).find(revoked)
    return gone === undefined ? found : ended('revoked', found, `${found.proof.kind} ${found.proof.id}: ${gone}`)
  }

  const byToken = (token: string, arrival: Arrival, settled: SettledIdentity): Principal | Refusal | Promise<Principal | Refusal> => {
    const dpop = presentedAsDpop(arrival.fields)
    const known = dpop ? undefined : oidc?.known(token, settled)
    if (known !== undefined) return current(known)
    if (tasks !== undefined && isTaskToken(token)) return tasks.verify(token, arrival).then(current)
    if (dpop) return refuse('unauthenticated', { detail: 'what is presented as DPoP is no task token' })
    if (oidc === undefined || settled.oidc.length === 0) return refuse('unauthenticated', { detail: 'a token, and no issuer is configured' })
    return oidc.verify(token, settled).then(current)
  }

  const byCertificate = (chain: readonly Uint8Array[], credential: string | undefined, arrival: Arrival): Principal | Refusal | Promise<Principal | Refusal> => {
    const holder = svids === undefined ? refuse('unauthenticated', { detail: 'a certificate, and nobody to verify it' }) : svids.verify(chain)
    if (isRefusal(holder) || credential === undefined || isPlaceholder(credential)) return holder
    if (tasks === undefined || !isTaskToken(credential)) return ambiguous(holder, looksLikeKey(credential) ? 'a key' : 'a token')
    return tasks.verify(credential, arrival).then((bearer) => {
      if (isRefusal(bearer) || (bearer.workload === holder.workload && bearer.tenant === holder.tenant)) return current(bearer)
      return ambiguous(holder, `a task token of ${bearer.workload}`)
    })
  }

  return (arrival, settled) => {
    const credential = credentialOf(arrival.fields, arrival.target, true)
    if (typeof credential === 'object') return credential
    const { certificates, process } = arrival.peer
    if (certificates !== undefined && certificates.length > 0) return byCertificate(certificates, credential, arrival)
    if (credential !== undefined && !isPlaceholder(credential)) return looksLikeKey(credential) ? keyring.verify(credential) : byToken(credential, arrival, settled)
    const anybody = (): Principal | Refusal => {
      if (settled.anonymous !== undefined && fromHere(arrival)) return settled.anonymous
      return credential === undefined ? refuse('unauthenticated', { detail: 'no credential' }) : keyring.verify(credential)
    }
    if (process === undefined || local === undefined || settled.local.length === 0) return anybody()
    return local.identify(process, settled).then((found) => (found === undefined ? anybody() : current(found)))
  }
}

function isPlaceholder(credential: string): boolean {
  return !looksLikeKey(credential) && !looksLikeToken(credential)
}

function ambiguous({ workload }: Principal, beside: string): Refusal {
  return refuse('unauthenticated', { say: 'More than one credential was presented; send one.', detail: `the certificate of ${workload}, and ${beside}` })
}

/** From this machine, and not through a proxy on it, behind which anybody might be. */
function fromHere({ peer, fields }: Pick<Arrival, 'fields' | 'peer'>): boolean {
  if (peer.address !== 'local' && !/^(?:::ffff:)?127\.|^::1$/.test(peer.address)) return false
  return !fields.some(([name]) => /^(?:forwarded|x-forwarded-for|x-real-ip|via)$/i.test(name))
}
