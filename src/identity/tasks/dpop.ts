import { createHash } from 'node:crypto'
import { calculateJwkThumbprint, decodeProtectedHeader, errors, importJWK, jwtVerify, type CryptoKey, type JWK } from 'jose'
import * as z from 'zod'
import type { Arrival } from '../../contract/arrival.ts'
import type { Clock } from '../../contract/clock.ts'
import { isRefusal, refuse, type Refusal } from '../../contract/verdict.ts'
import { makeReplays, type Replays } from './replays.ts'

/** Demonstrations that the caller has a key (RFC 9449). */
export interface ProofDesk {
  /**
   * The thumbprint (RFC 7638) of the key that signed the arrival's proof, which is then used up. `owner`: on whose
   * account it is remembered. `token`: the token presented with it, whose hash it must have. `jkt`: the key it must be of.
   */
  check(arrival: Arrival, expected: { readonly owner: string; readonly token?: string; readonly jkt?: string }): Promise<string | Refusal>
}

/** How far a proof's time may be off, to either side. */
export const SKEW_SECONDS = 60
const LONGEST_PROOF = 4096
/** Asymmetric, and cheap to verify whatever key somebody makes up. */
const ALGORITHMS: readonly string[] = ['ES256', 'ES384', 'EdDSA', 'Ed25519']
const REMEMBERED_KEYS = 4096

const point = z.string().regex(/^[A-Za-z0-9_-]{1,128}$/)
/** Strict: a private part, or a member that says something else than the key, is no public key. */
const publicKey = z.union([
  z.strictObject({ kty: z.literal('EC'), crv: z.enum(['P-256', 'P-384']), x: point, y: point, ...described() }),
  z.strictObject({ kty: z.literal('OKP'), crv: z.literal('Ed25519'), x: point, ...described() }),
])
const payloadSchema = z.object({
  htm: z.string().min(1).max(32),
  htu: z.string().min(1).max(2048),
  iat: z.number(),
  jti: z.string().min(1).max(256),
  ath: z.string().max(64).optional(),
})

function described() {
  return { alg: z.string().max(16).optional(), use: z.literal('sig').optional(), kid: z.string().max(256).optional(), key_ops: z.array(z.literal('verify')).optional() }
}

interface KnownKey {
  readonly key: CryptoKey
  readonly jkt: string
}

/** `since`: seconds since the Unix epoch before which nobody remembers what was used, so that a restart lets no proof be used again. */
export function makeProofDesk(clock: Clock, replays: Replays = makeReplays(clock), since = 0): ProofDesk {
  // Importing a key costs as much as verifying with it, and an agent uses one key for long.
  const keys = new Map<string, KnownKey>()

  const keyOf = async (jwk: z.infer<typeof publicKey>, alg: string): Promise<KnownKey> => {
    const name = `${alg} ${jwk.crv} ${jwk.x} ${'y' in jwk ? jwk.y : ''}`
    const known = keys.get(name)
    if (known !== undefined) return known
    const bare: JWK = { kty: jwk.kty, crv: jwk.crv, x: jwk.x, ...('y' in jwk && { y: jwk.y }) }
    const made = { key: (await importJWK(bare, alg)) as CryptoKey, jkt: await calculateJwkThumbprint(bare) }
    if (keys.size >= REMEMBERED_KEYS) keys.delete(keys.keys().next().value as string)
    keys.set(name, made)
    return made
  }

  const signed = async (proof: string): Promise<{ readonly jkt: string; readonly payload: z.infer<typeof payloadSchema> } | Refusal> => {
    try {
      const header = decodeProtectedHeader(proof)
      if (header.typ !== 'dpop+jwt') return wrong('its typ is not dpop+jwt')
      if (header.alg === undefined || !ALGORITHMS.includes(header.alg)) return wrong('its alg is not accepted')
      const jwk = publicKey.safeParse(header.jwk)
      if (!jwk.success) return wrong('its jwk is not a public key of an accepted kind, or has a private part')
      const { key, jkt } = await keyOf(jwk.data, header.alg)
      const verified = await jwtVerify(proof, key, { algorithms: [header.alg], typ: 'dpop+jwt', currentDate: new Date(clock.wall()), clockTolerance: SKEW_SECONDS })
      const payload = payloadSchema.safeParse(verified.payload)
      return payload.success ? { jkt, payload: payload.data } : wrong('a claim is missing or malformed')
    } catch (error) {
      return wrong(error instanceof errors.JOSEError ? error.code : 'it cannot be read')
    }
  }

  return {
    async check(arrival, { owner, token, jkt: expected }) {
      const proof = proofOf(arrival)
      if (isRefusal(proof)) return proof
      const read = await signed(proof)
      if (isRefusal(read)) return read
      const { jkt, payload } = read
      if (expected !== undefined && jkt !== expected) return wrong('it is of another key than the token')
      if (payload.htm !== arrival.verb) return wrong('htm is another method')
      if (!samePlace(payload.htu, arrival)) return wrong('htu is another address')
      if (Math.abs(clock.wall() / 1000 - payload.iat) > SKEW_SECONDS) return wrong('iat is not now')
      if (payload.iat < since) return wrong('it was made before this house started, and may have been used then')
      if (token === undefined ? payload.ath !== undefined : payload.ath !== athOf(token)) return wrong('ath is not the hash of the token presented with it')
      switch (replays.use(owner, `${jkt} ${payload.jti}`, (payload.iat + SKEW_SECONDS) * 1000)) {
        case 'replayed':
          return wrong('it was used before')
        case 'full':
          return refuse('identity_unavailable', { param: 'DPoP', detail: 'DPoP: more proofs than can be remembered' })
        case 'first':
          return jkt
      }
    },
  }
}

/** The hash that a proof has of the token it goes with. */
export function athOf(token: string): string {
  return createHash('sha256').update(token).digest('base64url')
}

export function hasProof({ fields }: Pick<Arrival, 'fields'>): boolean {
  return fields.some(([name]) => name.length === 4 && name.toLowerCase() === 'dpop')
}

function proofOf({ fields }: Arrival): string | Refusal {
  const proofs = fields.filter(([name]) => name.length === 4 && name.toLowerCase() === 'dpop')
  if (proofs.length !== 1) return wrong(proofs.length === 0 ? 'there is none' : 'there is more than one')
  const proof = (proofs[0] as readonly [string, string])[1].trim()
  return proof.length <= LONGEST_PROOF ? proof : wrong('it is too long')
}

/** RFC 9449 section 4.3: the address of the request, whatever query it has. The path must be written the same. */
function samePlace(htu: string, { fields, target, peer }: Arrival): boolean {
  const hosts = fields.filter(([name]) => name.toLowerCase() === 'host')
  if (hosts.length !== 1 || !target.startsWith('/')) return false
  try {
    const claimed = new URL(htu)
    const scheme = peer.secure === true ? 'https:' : 'http:'
    const here = new URL(`${scheme}//${(hosts[0] as readonly [string, string])[1]}`)
    const mark = target.indexOf('?')
    return claimed.username === '' && claimed.password === '' && claimed.protocol === scheme && claimed.host === here.host && claimed.pathname === (mark < 0 ? target : target.slice(0, mark))
  } catch {
    return false
  }
}

function wrong(why: string): Refusal {
  return refuse('unauthenticated', { param: 'DPoP', say: 'The DPoP proof is missing or does not fit this request.', detail: `DPoP: ${why}` })
}
