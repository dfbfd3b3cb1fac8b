import 'reflect-metadata'
import { hash, X509Certificate } from 'node:crypto'
import { BasicConstraintsExtension, ExtendedKeyUsageExtension, KeyUsageFlags, KeyUsagesExtension, SubjectAlternativeNameExtension, X509Certificate as Parsed } from '@peculiar/x509'
import type { Clock } from '../contract/clock.ts'
import type { Principal } from '../contract/principal.ts'
import { refuse, type Refusal } from '../contract/verdict.ts'
import { ended } from './live.ts'
import { principalOf } from './settings.ts'
import { isWorkloadId } from './spiffe.ts'
import type { Trust, Workload } from './workloads/registry.ts'

export interface Svids {
  /**
   * The workload whose certificate this is, by X509-SVID (sections 2 to 5) and RFC 5280 as far as it applies: `chain` is
   * DER, the leaf first, as the handshake gave it, whose signature proved that the peer has the leaf's key. Never waits.
   */
  verify(chain: readonly Uint8Array[]): Principal | Refusal
}

const SKEW_MS = 60_000
const MOST_CERTIFICATES = 5
const LARGEST_CERTIFICATE = 16_384
/** Certificates between a leaf and its anchor. */
const DEEPEST = 4
const MOST_CACHED = 4096

const BASIC_CONSTRAINTS = '2.5.29.19'
const KEY_USAGE = '2.5.29.15'
const EXTENDED_KEY_USAGE = '2.5.29.37'
const ALTERNATIVE_NAME = '2.5.29.17'
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2'
/** What is understood here: any other critical extension refuses (RFC 5280, 4.2), name constraints among them. */
const UNDERSTOOD = new Set([BASIC_CONSTRAINTS, KEY_USAGE, EXTENDED_KEY_USAGE, ALTERNATIVE_NAME])
/** ECDSA and RSA (PKCS#1, PSS) with SHA-256 or longer, Ed25519. PSS names its hash in parameters: OpenSSL refuses weak ones. */
const SIGNATURES = new Set(['1.2.840.10045.4.3.2', '1.2.840.10045.4.3.3', '1.2.840.10045.4.3.4', '1.2.840.113549.1.1.11', '1.2.840.113549.1.1.12', '1.2.840.113549.1.1.13', '1.2.840.113549.1.1.10', '1.3.101.112'])

interface Certificate {
  readonly der: Uint8Array
  readonly node: X509Certificate
  readonly from: number
  readonly until: number
  readonly ca: boolean
  readonly pathLength: number | undefined
  readonly usage: number | undefined
  readonly usageCritical: boolean
  readonly extendedUsage: readonly string[] | undefined
  readonly uris: readonly string[]
}

/** A leaf that was found good, and until when. Whether it still counts is asked anew at each call. */
interface Good {
  readonly id: string
  /** Serial numbers of the leaf and of all that it leads through. */
  readonly serials: readonly string[]
  readonly until: number
  readonly expires: number
  row: Workload
  principal: Principal
}

export function makeSvids({ trust, clock }: { readonly trust: Trust; readonly clock: Clock }): Svids {
  const cache = new Map<string, Good>()
  let cachedUnder = trust.anchors()

  const verified = (chain: readonly Uint8Array[], now: number): Omit<Good, 'row' | 'principal'> => {
    if (chain.length > MOST_CERTIFICATES || chain.some((der) => der.length > LARGEST_CERTIFICATE)) throw new Bad('more or larger certificates than are read')
    const [leaf, ...others] = chain.map(read)
    if (leaf === undefined) throw new Bad('no certificate')
    const id = leafId(leaf, trust.trustDomain)
    const anchors = cachedUnder.map(read)
    if (anchors.some((one) => same(one, leaf))) throw new Bad('a signing certificate does not authenticate')
    inTime(leaf, now)
    const path = pathTo(leaf, others, anchors, now, 0)
    if (path === undefined) throw new Bad('leads to no trusted certificate authority')
    return { id, serials: [leaf, ...path].map((one) => one.node.serialNumber), until: Math.min(leaf.until, ...path.map((one) => one.until)), expires: leaf.until }
  }

  return {
    verify(chain) {
      const [leaf] = chain
      if (leaf === undefined) return refuse('unauthenticated', { detail: 'no certificate' })
      const now = clock.wall()
      const anchors = trust.anchors()
      if (anchors !== cachedUnder) {
        cachedUnder = anchors
        cache.clear()
      }
      const key = hash('sha256', leaf, 'base64')
      let good = cache.get(key)
      if (good !== undefined && now >= good.until) {
        cache.delete(key)
        good = undefined
      }
      let found: Omit<Good, 'row' | 'principal'>
      try {
        found = good ?? verified(chain, now)
      } catch (error) {
        return refuse('unauthenticated', { detail: `certificate: ${error instanceof Bad ? error.message : 'cannot be read'}` })
      }
      const row = trust.find(found.id)
      const dead = found.serials.find((serial) => trust.isRevoked(serial))
      if (dead !== undefined) return row === undefined ? refuse('revoked', { detail: `certificate ${dead} of ${found.id}` }) : ended('revoked', principalFor(found, row), `certificate ${dead} of ${found.id}`)
      if (row === undefined) return refuse('unauthenticated', { detail: `certificate: ${found.id} is not enrolled` })
      if (row.revoked !== undefined) return ended('revoked', principalFor(found, row), `workload ${found.id}`)
      if (good === undefined) {
        good = { ...found, row, principal: principalFor(found, row) }
        if (cache.size >= MOST_CACHED) cache.delete(cache.keys().next().value as string)
        cache.set(key, good)
      } else if (good.row !== row) {
        good.row = row
        good.principal = principalFor(good, row)
      }
      return good.principal
    },
  }
}

/** Why a certificate is not accepted: for the record, never for the caller. */
class Bad extends Error {}

function principalFor({ id, serials, expires }: Omit<Good, 'row' | 'principal'>, row: Workload): Principal {
  return principalOf({ tenant: row.tenant, workload: id, proof: { kind: 'mtls', id: serials[0] as string }, scope: row.scope, expires })
}

function read(der: Uint8Array): Certificate {
  const node = new X509Certificate(der)
  const parsed = new Parsed(der)
  // OpenSSL checked the handshake and the signatures, the other reader names the extensions: both must mean the same bytes.
  if (Buffer.compare(node.raw, der) !== 0 || parsed.rawData.byteLength !== der.byteLength) throw new Bad('has bytes that belong to nothing')
  if (!SIGNATURES.has(node.signatureAlgorithmOid ?? '')) throw new Bad('is signed with an algorithm that is not accepted')
  const seen = new Set<string>()
  for (const { type, critical } of parsed.extensions) {
    if (seen.has(type)) throw new Bad(`has the extension ${type} twice`)
    seen.add(type)
    if (critical && !UNDERSTOOD.has(type)) throw new Bad(`has the critical extension ${type}, which is not understood`)
  }
  const basic = parsed.getExtension(BasicConstraintsExtension)
  const usage = parsed.getExtension(KeyUsagesExtension)
  const extended = parsed.getExtension(ExtendedKeyUsageExtension)
  const names = parsed.getExtension(SubjectAlternativeNameExtension)
  return {
    der,
    node,
    from: node.validFromDate.getTime(),
    until: node.validToDate.getTime(),
    ca: basic?.ca === true,
    pathLength: basic?.pathLength,
    usage: usage?.usages,
    usageCritical: usage?.critical === true,
    extendedUsage: extended?.usages.map(String),
    uris: (names?.names.items ?? []).filter((one) => one.type === 'url').map((one) => one.value),
  }
}

/** X509-SVID, sections 4 and 5.2: what a leaf must be. Gives its SPIFFE id. */
function leafId(leaf: Certificate, trustDomain: string): string {
  if (leaf.ca) throw new Bad('a signing certificate does not authenticate')
  if (leaf.usage === undefined) throw new Bad('has no key usage')
  if (!leaf.usageCritical) throw new Bad('has a key usage that is not critical')
  if ((leaf.usage & (KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign)) !== 0) throw new Bad('a signing certificate does not authenticate')
  if ((leaf.usage & KeyUsageFlags.digitalSignature) === 0) throw new Bad('is not for signatures')
  if (leaf.extendedUsage !== undefined && !leaf.extendedUsage.includes(CLIENT_AUTH)) throw new Bad('is not for clients')
  const [id, second] = leaf.uris
  if (id === undefined) throw new Bad('has no URI name')
  if (second !== undefined) throw new Bad('has several URI names')
  if (!isWorkloadId(id, trustDomain)) throw new Bad(`does not name a workload of ${trustDomain}`)
  return id
}

/** The certificates that the first one leads through, the anchor last; `below` = how many are between it and the leaf. */
function pathTo(of: Certificate, others: readonly Certificate[], anchors: readonly Certificate[], now: number, below: number): readonly Certificate[] | undefined {
  for (const anchor of anchors) if (mayIssue(anchor, of, now, below) && signed(anchor, of)) return [anchor]
  if (below >= DEEPEST) return undefined
  for (const one of others) {
    if (!mayIssue(one, of, now, below)) continue
    const rest = pathTo(one, others.filter((other) => other !== one), anchors, now, below + 1)
    // From the anchor down: a stranger's key, which may be made to cost much, is never calculated with.
    if (rest !== undefined && signed(one, of)) return [one, ...rest]
  }
  return undefined
}

function mayIssue(issuer: Certificate, subject: Certificate, now: number, below: number): boolean {
  // X509-SVID, section 4: a signing certificate has no path in its SPIFFE id.
  if (!issuer.ca || issuer.usage === undefined || (issuer.usage & KeyUsageFlags.keyCertSign) === 0 || issuer.uris.some((uri) => /^spiffe:\/\/[^/]*\/./.test(uri))) return false
  if (issuer.pathLength !== undefined && issuer.pathLength < below) return false
  if (now < issuer.from - SKEW_MS || now >= issuer.until) return false
  return subject.node.checkIssued(issuer.node)
}

function signed(issuer: Certificate, subject: Certificate): boolean {
  return subject.node.verify(issuer.node.publicKey)
}

/** A clock that is behind ours is put up with; nobody needs a certificate after its end, which is renewed long before. */
function inTime(leaf: Certificate, now: number): void {
  if (now < leaf.from - SKEW_MS) throw new Bad('is not valid yet')
  if (now >= leaf.until) throw new Bad('has expired')
}

function same(one: Certificate, other: Certificate): boolean {
  return Buffer.compare(one.der, other.der) === 0
}
