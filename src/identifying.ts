import { X509Certificate } from 'node:crypto'
import { join } from 'node:path'
import type { Arrival, Outlet, Peer } from './contract/arrival.ts'
import type { Clock } from './contract/clock.ts'
import type { Dial } from './contract/dial.ts'
import type { Principal } from './contract/principal.ts'
import { isRefusal, refuse, type Refusal } from './contract/verdict.ts'
import { executableHash, sameProcess } from './edge/listen/process.ts'
import type { IdentityDesk } from './gateways/identity/errand.ts'
import type { TokenDesk } from './gateways/token/errand.ts'
import { openCa, type Ca } from './identity/ca/ca.ts'
import { readRequest } from './identity/ca/csr.ts'
import { openHouseCertificate, type HouseCertificate } from './identity/ca/server.ts'
import { makeDoor } from './identity/door.ts'
import { makeKeySets, type KeysFetched } from './identity/jwks.ts'
import type { Keyring } from './identity/keyring.ts'
import { ended, makeLive, type Live } from './identity/live.ts'
import { makeLocal } from './identity/local.ts'
import { makeOidc, type Oidc } from './identity/oidc.ts'
import type { NamedSecret } from './identity/secret.ts'
import type { SettledIdentity } from './identity/settings.ts'
import { openRevokedIds, type RevokedIds } from './identity/revocations.ts'
import { makeSvids } from './identity/svid.ts'
import { openTasks } from './identity/tasks/tasks.ts'
import { idsOf } from './identity/tasks/verify.ts'
import { openRoster, type Roster } from './identity/workloads/roster.ts'
import type { Revocations, Workloads } from './store/interfaces.ts'

export interface IdentifyingParts {
  readonly folder: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** Of the first epoch: a CA keeps its trust domain for as long as the process runs. */
  readonly settings: SettledIdentity
  readonly keyring: Keyring
  readonly secret: NamedSecret
  readonly workloads: Workloads
  readonly revocations: Revocations
  readonly clock: Clock
  readonly newId: () => string
  /** Fetches the keys of issuers: those of the epoch in force. */
  readonly dial: Dial
  readonly onKeys: (fetched: KeysFetched) => void
  /** Told of principals that count no more, so that nothing is kept for them. */
  readonly onRevoked: (fits: (principal: Principal) => boolean) => void
  readonly onDefect: (step: string, error: unknown) => void
}

/** Everything that says who calls, and outlives epochs. */
export interface Identifying {
  readonly live: Live
  readonly roster: Roster
  readonly ca: Ca
  /** What nothing else can be asked to revoke. */
  readonly revokedIds: RevokedIds
  /**
   * Who calls under these settings. The call is stopped when its credential is revoked, until `leave` is called. `admit`
   * is for who was identified by something else than the arrival.
   */
  enter(outlet: Pick<Outlet, 'stop'>, settings: SettledIdentity): { readonly identify: (arrival: Arrival) => Principal | Refusal | Promise<Principal | Refusal>; readonly admit: (who: Principal) => Principal | Refusal; leave(): void }
  /** Who signed in at an issuer, by its ID token. */
  readonly signedIn: Oidc['signedIn']
  /** What the paths for enrolment and token exchange work with. */
  desks(identify: IdentityDesk['identify'], settings: SettledIdentity): { readonly identity: IdentityDesk; readonly token: TokenDesk }
  /** The certificate of the secure listener. */
  certificate(names: readonly string[]): Promise<HouseCertificate>
  /** Ends what runs under any of these: key ids, serials, SPIFFE ids, token ids. */
  revoked(ids: readonly string[]): void
  /** Told of revocations, so that listeners drop connections of those certificates. */
  onRevoked(told: (held: (peer: Peer) => boolean) => void): void
  close(): void
}

/** @throws {Error} when a key file is gone, unusable or readable by others. */
export async function openIdentifying(parts: IdentifyingParts): Promise<Identifying> {
  const { folder, keyring, secret, clock, settings } = parts
  const live = makeLive()
  const listeners: ((held: (peer: Peer) => boolean) => void)[] = []
  const revoked = (ids: readonly string[]): void => {
    live.revoked(ids)
    const gone = new Set(ids)
    parts.onRevoked((principal) => idsOf(principal).some((id) => gone.has(id)))
    for (const told of listeners) told((peer) => holds(peer, gone))
  }
  const ca = await openCa({ folder: join(folder, 'ca'), settings, clock, env: parts.env, onDefect: (error) => parts.onDefect('ca', error) })
  const roster = await openRoster({ store: parts.workloads, secret, ca, clock, onRevoked: revoked })
  const revokedIds = await openRevokedIds({ store: parts.revocations, clock, onRevoked: revoked })
  const isRevoked = (id: string): boolean => revokedIds.has(id) || roster.isRevoked(id) || roster.find(id)?.revoked !== undefined || keyring.isRevoked(id)
  const oidc = makeOidc({ keys: makeKeySets({ dial: parts.dial, clock, on: parts.onKeys }), clock })
  const tasks = await openTasks({ file: join(folder, 'task.keys'), trustDomain: settings.trustDomain, clock, newId: parts.newId, revoked: isRevoked })
  const door = makeDoor({ keyring, svids: makeSvids({ trust: roster, clock }), oidc, tasks, local: makeLocal({ executableHash, sameProcess }), revoked: isRevoked })
  /** Who is on the list does not come back by enrolling. */
  const enrolling = (token: string): Principal | Refusal => {
    const who = roster.enrolling(token)
    return isRefusal(who) || !revokedIds.has(who.workload) ? who : refuse('enrolment_refused', { detail: `${who.workload} is revoked` })
  }
  return {
    live,
    roster,
    ca,
    revokedIds,
    revoked,
    signedIn: oidc.signedIn,
    onRevoked: (told) => void listeners.push(told),
    enter(outlet, under) {
      let leave = (): void => undefined
      let left = false
      const met = (who: Principal | Refusal, is?: (id: string) => boolean): Principal | Refusal => {
        if (isRefusal(who)) return who
        // In the turn in which the call counts as under way: whatever is revoked later stops it. Keys and certificates too.
        const gone = is === undefined ? revokedIds.find(() => idsOf(who)) : idsOf(who).find(is)
        if (gone !== undefined) return ended('revoked', who, `${who.proof.kind} ${who.proof.id}: ${gone}`)
        if (!left) leave = live.enter(who, (reason) => outlet.stop(reason))
        return who
      }
      return {
        identify(arrival) {
          const who = door(arrival, under)
          // Who had to be waited for may have been revoked since the door looked.
          return who instanceof Promise ? who.then((one) => met(one, isRevoked)) : met(who)
        },
        admit: (who) => met(who, isRevoked),
        leave() {
          left = true
          leave()
        },
      }
    },
    desks: (identify, under) => ({
      identity: { identify, enrolling, readRequest, enrol: roster.enrol, renew: roster.renew, bundle: () => ca.bundle() },
      token: { identify, exchange: (request, caller, arrival) => tasks.exchange(request, caller, arrival, { users: (token) => oidc.user(token, under), unbound: under.unboundTasks === true }) },
    }),
    certificate: (names) => openHouseCertificate({ ca, names, clock, renewed: () => undefined, onDefect: (error) => parts.onDefect('certificate', error) }),
    close: () => ca.close(),
  }
}

function holds({ certificates }: Peer, gone: ReadonlySet<string>): boolean {
  const [leaf] = certificates ?? []
  if (leaf === undefined) return false
  try {
    const { serialNumber, subjectAltName = '' } = new X509Certificate(leaf)
    return gone.has(serialNumber) || subjectAltName.split(', ').some((name) => name.startsWith('URI:') && gone.has(name.slice(4)))
  } catch {
    // Strangers show what they like: what cannot be read must not keep others from being dropped.
    return true
  }
}
