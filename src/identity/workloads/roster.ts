import { timingSafeEqual } from 'node:crypto'
import type { Clock } from '../../contract/clock.ts'
import type { Principal } from '../../contract/principal.ts'
import { refuse, type Refusal } from '../../contract/verdict.ts'
import type { CertificateRow, EnrolmentRow, WorkloadRow, Workloads } from '../../store/interfaces.ts'
import type { Issued } from '../ca/authority.ts'
import type { AuthorityFacts, Ca } from '../ca/ca.ts'
import type { SoundRequest } from '../ca/csr.ts'
import { hashUnder, type NamedSecret } from '../secret.ts'
import { keyScope, principalOf, type KeyScope } from '../settings.ts'
import { enrolmentSpec, newToken, readToken, workloadId, type EnrolmentSpec } from './enrolment.ts'
import type { Trust, Workload } from './registry.ts'

/** A certificate as its workload gets it. */
export interface Svid {
  readonly id: string
  readonly serial: string
  /** PEM, the leaf first. */
  readonly svid: string
  /** PEM of the roots in force. */
  readonly bundle: string
  readonly sequence: number
  /** Milliseconds since the Unix epoch. */
  readonly expires: number
}

/** What may be told about a workload. */
export interface WorkloadFacts extends KeyScope {
  readonly id: string
  readonly tenant: string
  readonly created?: number
  readonly revoked?: number
  /** `offered`: nobody has enrolled with its token yet. */
  readonly state: 'active' | 'revoked' | 'offered'
  /** Certificates that have neither ended nor been revoked, and when the last of them ends. */
  readonly certificates: readonly { readonly serial: string; readonly expires: number }[]
  /** End of an enrolment token that nobody has used yet. */
  readonly offered?: number
}

export interface Minted {
  /** Shown once, kept nowhere. */
  readonly token: string
  readonly enrolment: string
  readonly id: string
  readonly tenant: string
  readonly expires: number
}

/** The enrolled workloads of this house: all in memory, the store behind. */
export interface Roster extends Trust {
  /** @throws {ZodError} for an unsound spec, {RosterError} for what cannot be. `url` counts where the spec has none. */
  mint(spec: EnrolmentSpec, url: string | undefined): Promise<Minted>
  /** Whom a token would enrol; its detail says why not. Never waits. */
  enrolling(token: string): Principal | Refusal
  /** Uses up the enrolment that made `principal`: of many at the same moment one gets the certificate. */
  enrol(principal: Principal, request: SoundRequest): Promise<Svid | Refusal>
  /** A further certificate for a workload that showed one (`proof.kind` is `mtls`). */
  renew(principal: Principal, request: SoundRequest): Promise<Svid | Refusal>
  /**
   * Revokes a workload by its SPIFFE id, with all that it holds and every token offered to it, or one certificate by its
   * serial number, with all that were renewed with it. Refused from this very call on; durable when resolved. Undefined when nothing was left to revoke.
   */
  revoke(what: string): Promise<{ readonly tenant: string; readonly workload: string } | undefined>
  /** Whether it is a workload or a certificate of this house, and revoked. */
  ended(what: string): boolean
  list(): readonly WorkloadFacts[]
  /** See `Ca.rotate`; a compromised CA takes every certificate with it. @throws {CaError} */
  rotate(compromised: boolean): Promise<AuthorityFacts>
  /** Forgets what ended over an hour ago. */
  sweep(): Promise<void>
  /** Reads the store again. */
  reload(): Promise<void>
}

/** What the operator can do something about; the message says what. */
export class RosterError extends Error {}

export interface RosterOptions {
  readonly store: Workloads
  readonly secret: NamedSecret
  readonly ca: Ca
  readonly clock: Clock
  /** Told of every SPIFFE id and serial number that was just revoked, so that what runs under it can be stopped. */
  readonly onRevoked: (ids: readonly string[]) => void
}

const KEEP_ENDED_MS = 3_600_000
/** Replicas share an id, and each has two for a moment; more than this is a client that runs wild. */
const MOST_CERTIFICATES = 1000
const SERIAL = /^[0-9A-F]{32}$/

export async function openRoster({ store, secret, ca, clock, onRevoked }: RosterOptions): Promise<Roster> {
  const audience = `${ca.trustDomain}/${secret.id}`
  // Compared against for unknown tokens, so that they take as long as known ones.
  const nobody = hashUnder(secret, 'nobody')
  let workloads = new Map<string, Workload>()
  let enrolments = new Map<string, EnrolmentRow>()
  let certificates = new Map<string, CertificateRow>()
  let held = new Map<string, Set<string>>()

  const hold = (row: CertificateRow): void => {
    certificates.set(row.serial, row)
    let mine = held.get(row.workload)
    if (mine === undefined) held.set(row.workload, (mine = new Set()))
    mine.add(row.serial)
  }

  /** Marks in memory; gives what was not revoked before. */
  const mark = (id: string, at: number): string[] => {
    const ended: string[] = []
    const workload = workloads.get(id)
    if (workload !== undefined && workload.revoked === undefined) {
      workloads.set(id, Object.freeze({ ...workload, revoked: at }))
      ended.push(id)
    }
    for (const serial of held.get(id) ?? []) ended.push(...markOne(serial, at))
    for (const row of enrolments.values()) if (row.workload === id && row.used === undefined) enrolments.set(row.id, { ...row, used: at })
    return ended
  }
  const markOne = (serial: string, at: number): string[] => {
    const row = certificates.get(serial)
    if (row === undefined || row.revoked !== undefined) return []
    certificates.set(serial, { ...row, revoked: at })
    return [serial]
  }
  /** With all that were renewed with it: whoever stole a key may have renewed meanwhile. */
  const markAll = (serial: string, at: number): string[] => {
    const workload = certificates.get(serial)?.workload
    const family = new Set([serial])
    for (const id of family) for (const one of held.get(workload ?? '') ?? []) if (certificates.get(one)?.parent === id) family.add(one)
    return [...family].flatMap((one) => markOne(one, at))
  }
  const tell = (ids: readonly string[]): void => {
    if (ids.length > 0) onRevoked(ids)
  }

  const handed = (issued: Issued, id: string): { readonly row: CertificateRow; readonly svid: Svid } => {
    const { pem, sequence } = ca.bundle()
    return {
      row: { serial: issued.serial, workload: id, authority: issued.authority, expires: issued.expires },
      svid: { id, serial: issued.serial, svid: issued.pem, bundle: pem, sequence, expires: issued.expires },
    }
  }
  const overfull = (id: string): Refusal | undefined => {
    const now = clock.wall()
    let live = 0
    for (const serial of held.get(id) ?? []) {
      const row = certificates.get(serial)
      if (row !== undefined && row.revoked === undefined && row.expires > now) live += 1
    }
    return live < MOST_CERTIFICATES ? undefined : refuse('rate_limited', { detail: `${live} certificates of ${id} are alive`, retryAfterMs: 60_000 })
  }

  let reloading = Promise.resolve()
  const read = async (): Promise<void> => {
    const all = await store.all()
    const before = { workloads, certificates }
    workloads = new Map()
    enrolments = new Map()
    certificates = new Map()
    held = new Map()
    for (const row of all.workloads) workloads.set(row.id, workloadOf(row, before.workloads.get(row.id)))
    for (const row of all.enrolments) enrolments.set(row.id, row)
    // What was revoked here, and the store has not said so yet, stays so.
    for (const row of all.certificates) hold({ ...row, ...(row.revoked === undefined && before.certificates.get(row.serial)?.revoked !== undefined && { revoked: clock.wall() }) })
  }

  const roster: Roster = {
    trustDomain: ca.trustDomain,
    anchors: () => ca.anchors(),
    find: (id) => workloads.get(id),
    isRevoked: (serial) => certificates.get(serial)?.revoked !== undefined,

    async mint(spec, usualUrl) {
      const { id: path, tenant = 'default', ttl, url = usualUrl, ...scope } = enrolmentSpec.parse(spec)
      const id = workloadId(ca.trustDomain, path)
      if (id === undefined) throw new RosterError(`"${path}" is no path of a workload's SPIFFE id: write it as /agents/researcher (letters, digits, dots, hyphens and underscores; /sallyport is the house's own)`)
      const owner = workloads.get(id)?.tenant ?? tenant
      if (owner !== tenant) throw new RosterError(`${id} belongs to the tenant ${owner}`)
      if (url === undefined) throw new RosterError('there is no secure listener, so no certificate could be shown or renewed: set listen.secure, or say with --url where the workload reaches this house')
      if (!isSafe(url)) throw new RosterError(`a token must not travel in the clear to ${new URL(url).host}: use an https address`)
      const created = clock.wall()
      const expires = created + ttl
      const { id: enrolment, token } = newToken({ aud: audience, url: url.replace(/\/+$/, ''), ca: ca.fingerprints(), exp: expires })
      const row: EnrolmentRow = { id: enrolment, workload: id, tenant, scope: JSON.stringify(scope), hash: hashUnder(secret, token), under: secret.id, created, expires }
      await store.offer(row)
      enrolments.set(enrolment, row)
      return { token, enrolment, id, tenant, expires }
    },

    enrolling(token) {
      const facts = readToken(token)
      if (facts === undefined) return refused('the token is malformed')
      if (facts.aud !== audience) return refused('the token is for another house')
      const row = enrolments.get(facts.id)
      const right = timingSafeEqual(hashUnder(secret, token), row?.under === secret.id && row.hash.length === nobody.length ? row.hash : nobody)
      if (!right || row === undefined) return refused('the token is unknown, or was changed')
      if (row.used !== undefined) return refused(`the token ${row.id} was used or withdrawn before`)
      if (clock.wall() >= row.expires) return refused(`the token ${row.id} has expired`)
      const scope = scopeOf(row.scope)
      if (scope === undefined) return refused(`the scope of the token ${row.id} cannot be read`)
      return principalOf({ tenant: row.tenant, workload: row.workload, proof: { kind: 'enrolment', id: row.id }, scope, expires: row.expires })
    },

    async enrol({ workload: id, proof }, { publicKey }) {
      if (proof.kind !== 'enrolment') return refused('not an enrolment token')
      const full = overfull(id)
      if (full !== undefined) return full
      const { row, svid } = handed(await ca.issue({ publicKey, id }), id)
      const at = clock.wall()
      if (!(await store.enrol(proof.id, at, row))) return refused(`the token ${proof.id} was used, withdrawn or expired meanwhile`)
      const enrolment = enrolments.get(proof.id)
      if (enrolment === undefined) throw new Error(`the enrolment ${proof.id} is not in memory`)
      enrolments.set(proof.id, { ...enrolment, used: at })
      workloads.set(id, workloadOf({ id, tenant: enrolment.tenant, scope: enrolment.scope, created: workloads.get(id)?.created ?? at }, undefined))
      hold(row)
      return svid
    },

    async renew({ workload: id, proof }, { publicKey }) {
      if (proof.kind !== 'mtls') return refuse('unauthenticated', { say: 'Renewal takes the current certificate, shown in the TLS handshake.', detail: `proof ${proof.kind}` })
      const full = overfull(id)
      if (full !== undefined) return full
      const { row: made, svid } = handed(await ca.issue({ publicKey, id }), id)
      const row = { ...made, parent: proof.id }
      if (!(await store.renew(row))) return refuse('revoked', { detail: `${id} or its certificate ${proof.id} was revoked` })
      hold(row)
      return svid
    },

    async revoke(what) {
      const at = clock.wall()
      const serial = serialOf(what)
      if (SERIAL.test(serial)) {
        const workload = certificates.get(serial)?.workload
        tell(markAll(serial, at))
        const found = await store.revokeCertificate(serial, at)
        // One that was renewed with it meanwhile has come in since.
        tell(markAll(serial, at))
        if (!found || workload === undefined) return undefined
        return { workload, tenant: workloads.get(workload)?.tenant ?? 'default' }
      }
      const tenant = workloads.get(what)?.tenant ?? [...enrolments.values()].find((row) => row.workload === what)?.tenant ?? 'default'
      tell(mark(what, at))
      const revoked = await store.revoke(what, at)
      // A certificate that was on its way when this began was kept before the revocation, and has come in since.
      if (revoked) tell(mark(what, at))
      return revoked ? { workload: what, tenant } : undefined
    },

    ended: (what) => workloads.get(what)?.revoked !== undefined || certificates.get(serialOf(what))?.revoked !== undefined,

    list() {
      const now = clock.wall()
      const offered = new Map<string, EnrolmentRow>()
      for (const row of enrolments.values()) if (row.used === undefined && row.expires > now) offered.set(row.workload, row)
      const facts = [...workloads.values()].map((one): WorkloadFacts => {
        const offer = offered.get(one.id)
        offered.delete(one.id)
        const live = [...(held.get(one.id) ?? [])].flatMap((serial) => certificates.get(serial) ?? []).filter((row) => row.revoked === undefined && row.expires > now)
        return {
          ...one.scope,
          id: one.id,
          tenant: one.tenant,
          created: one.created,
          ...(one.revoked !== undefined && { revoked: one.revoked }),
          state: one.revoked === undefined ? 'active' : 'revoked',
          certificates: live.map((row) => ({ serial: row.serial, expires: row.expires })),
          ...(offer !== undefined && { offered: offer.expires }),
        }
      })
      for (const { workload, tenant, scope, expires } of offered.values()) facts.push({ ...scopeOf(scope), id: workload, tenant, state: 'offered', certificates: [], offered: expires })
      return facts
    },

    async rotate(compromised) {
      const ends = new Map<string, number>()
      for (const { authority, expires } of certificates.values()) ends.set(authority, Math.max(ends.get(authority) ?? 0, expires))
      const made = await ca.rotate((authority) => ends.get(authority), compromised)
      if (compromised) {
        const at = clock.wall()
        const lost = [...certificates.values()].filter(({ authority, revoked }) => authority !== made.id && revoked === undefined).map(({ serial }) => serial)
        tell(lost.flatMap((serial) => markOne(serial, at)))
        await Promise.all(lost.map((serial) => store.revokeCertificate(serial, at)))
      }
      return made
    },

    async sweep() {
      const before = clock.wall() - KEEP_ENDED_MS
      await store.sweep(before)
      for (const row of certificates.values()) {
        if (row.expires >= before) continue
        certificates.delete(row.serial)
        held.get(row.workload)?.delete(row.serial)
      }
      for (const row of enrolments.values()) if (row.expires < before) enrolments.delete(row.id)
    },
    reload: () => (reloading = reloading.then(read, read)),
  }
  await roster.reload()
  return roster
}

/** As certificates are told by, however a tool wrote it. */
function serialOf(text: string): string {
  return text.toUpperCase().replaceAll(':', '')
}

/** The caller hears that it was refused, and no more: which part of a token was right is nobody's business. */
function refused(detail: string): Refusal {
  return refuse('enrolment_refused', { detail })
}

/** A scope that cannot be read must not become an unlimited one. */
function scopeOf(text: string): KeyScope | undefined {
  try {
    return keyScope.parse(JSON.parse(text))
  } catch {
    return undefined
  }
}

function workloadOf({ id, tenant, scope: written, created, revoked }: WorkloadRow, before: Workload | undefined): Workload {
  const scope = scopeOf(written)
  // Nobody can be let in with a scope that says nothing: as good as revoked.
  const ended = revoked ?? before?.revoked ?? (scope === undefined ? created : undefined)
  return Object.freeze({ id, tenant, scope: Object.freeze(scope ?? {}), created, ...(ended !== undefined && { revoked: ended }) })
}

function isSafe(url: string): boolean {
  const { protocol, hostname } = new URL(url)
  return protocol === 'https:' || /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(hostname)
}
