import { importJWK, type CryptoKey } from 'jose'
import { field } from '../contract/arrival.ts'
import type { Clock } from '../contract/clock.ts'
import type { Dial } from '../contract/dial.ts'
import { refuse, type Refusal } from '../contract/verdict.ts'
import { parseJson, toPlain } from '../formats/json.ts'
import type { SettledOidc } from './settings.ts'

/** Whose keys: what of an issuer's settings says where they are and how long they last. */
export type KeySource = Pick<SettledOidc, 'issuer' | 'jwks' | 'graceMs'>

/** Public keys of issuers, fetched when needed and kept; they outlive a change of settings. */
export interface KeySets {
  /**
   * The key that a token's header names, for its algorithm. Refusals: `unauthenticated` where the issuer has no such
   * key, `identity_unavailable` where it cannot be asked and nothing that it said before is young enough.
   */
  key(source: KeySource, header: { readonly alg: string; readonly kid?: string }): Promise<CryptoKey | Refusal>
}

/** What became of one look at an issuer's keys. `problem` absent = they were fetched. */
export interface KeysFetched {
  readonly issuer: string
  readonly keys?: number
  readonly problem?: string
}

const FRESH_MS = 600_000
/** From this age on keys are fetched again while calls go on with what is there. */
const RENEW_MS = 300_000
/** Between two looks for a key that the issuer did not have, and between two that failed. */
const PAUSE_MS = 30_000
const FAILED_PAUSE_MS = 5_000
/** For each of the two answers: both together must end before a call counts as hung. */
const WAIT_MS = 2_000
const MOST_BYTES = 262_144
const MOST_KEYS = 64
const DEPTH = 16
const MOST_NODES = 20_000
const LEAST_RSA_BITS = 2048
/** Members of a JWK that only private and symmetric keys have (RFC 7518, 6; RFC 8037). */
const SECRET_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv']

interface PublicKey {
  readonly jwk: Readonly<Record<string, unknown>>
  readonly kid: string | undefined
  /** By algorithm. */
  readonly imported: Map<string, Promise<CryptoKey | undefined>>
}

interface KeySet {
  keys: readonly PublicKey[]
  /** Milliseconds of the monotonic clock; undefined = never. */
  fetched: number | undefined
  tried: number | undefined
  failed: boolean
  running: Promise<void> | undefined
}

/** `on` hears of each fetch: the log's business. */
export function makeKeySets({ dial, clock, on }: { readonly dial: Dial; readonly clock: Clock; readonly on?: (fetched: KeysFetched) => void }): KeySets {
  const sets = new Map<string, KeySet>()

  const setOf = (source: KeySource): KeySet => {
    const name = `${source.issuer}\n${source.jwks ?? ''}`
    let set = sets.get(name)
    if (set === undefined) {
      set = { keys: [], fetched: undefined, tried: undefined, failed: false, running: undefined }
      sets.set(name, set)
    }
    return set
  }

  const get = async (url: string): Promise<Readonly<Record<string, unknown>>> => {
    const giveUp = new AbortController()
    const cancel = clock.timer(WAIT_MS, () => giveUp.abort())
    try {
      const reply = await dial({ method: 'GET', url, fields: [['accept', 'application/json']], signal: giveUp.signal, timeouts: { connectMs: WAIT_MS, headMs: WAIT_MS } })
      try {
        if (reply.status !== 200) throw new Lie(`${url} answered ${reply.status}`)
        const type = field(reply.fields, 'content-type') ?? ''
        if (!/^application\/([a-z0-9.+-]+\+)?json\s*(;|$)/i.test(type)) throw new Lie(`${url} is not JSON`)
        const tree = toPlain(parseJson(await reply.body.whole(MOST_BYTES), { depth: DEPTH, nodes: MOST_NODES }))
        if (!isRecord(tree)) throw new Lie(`${url} is no JSON object`)
        return tree
      } finally {
        reply.abort()
      }
    } finally {
      cancel()
    }
  }

  const fetch = async (source: KeySource): Promise<readonly PublicKey[]> => {
    let url = source.jwks
    if (url === undefined) {
      const told = await get(`${source.issuer.replace(/\/$/, '')}/.well-known/openid-configuration`)
      // OpenID Connect Discovery, 4.3: another issuer's configuration proves nothing about this one.
      if (told['issuer'] !== source.issuer) throw new Lie('its configuration is of another issuer')
      const named = told['jwks_uri']
      if (typeof named !== 'string' || URL.parse(named)?.origin !== new URL(source.issuer).origin) throw new Lie("its keys are not on the issuer's origin: write where they are under jwks")
      url = named
    }
    return keysIn(await get(url))
  }

  const refresh = (source: KeySource, set: KeySet): Promise<void> => {
    const run = async (): Promise<void> => {
      set.tried = clock.monotonic()
      try {
        set.keys = await fetch(source)
        set.fetched = set.tried
        set.failed = false
        on?.({ issuer: source.issuer, keys: set.keys.length })
      } catch (error) {
        set.failed = true
        on?.({ issuer: source.issuer, problem: error instanceof Error ? error.message : String(error) })
      } finally {
        set.running = undefined
      }
    }
    return (set.running ??= run())
  }

  return {
    async key(source, header) {
      const set = setOf(source)
      const age = (): number => (set.fetched === undefined ? Infinity : clock.monotonic() - set.fetched)
      const rested = (): boolean => set.tried === undefined || clock.monotonic() - set.tried >= (set.failed ? FAILED_PAUSE_MS : PAUSE_MS)
      if (set.running !== undefined && age() >= FRESH_MS) await set.running
      else if (age() >= RENEW_MS && rested()) {
        const run = refresh(source, set)
        if (age() >= FRESH_MS) await run
      }
      if (age() >= FRESH_MS + source.graceMs) return unavailable(source)
      let found = pick(set.keys, header)
      if (found === undefined && (set.running !== undefined || rested())) {
        // The issuer may have begun to use a new key a moment ago.
        await refresh(source, set)
        found = pick(set.keys, header)
      }
      if (found === undefined) return set.failed ? unavailable(source) : refuse('unauthenticated', { detail: `token: ${source.issuer} has no key ${header.kid ?? 'for it'}` })
      return (await imported(found, header.alg)) ?? refuse('unauthenticated', { detail: `token: the key ${header.kid ?? 'of the issuer'} is not for ${header.alg}` })
    },
  }
}

/** Why what an issuer says is not believed. */
class Lie extends Error {}

function unavailable(source: KeySource): Refusal {
  return refuse('identity_unavailable', { retryAfterMs: FAILED_PAUSE_MS, detail: `token: the keys of ${source.issuer} cannot be fetched` })
}

/**
 * The public signature keys of a set (RFC 7517). Keys for other uses and of unknown kinds are left out; a set that has
 * a secret in it, or two keys of one name, is believed in nothing.
 * @throws {Lie}
 */
function keysIn(told: Readonly<Record<string, unknown>>): readonly PublicKey[] {
  const list = told['keys']
  if (!Array.isArray(list)) throw new Lie('has no list of keys')
  if (list.length > MOST_KEYS) throw new Lie(`has more than ${MOST_KEYS} keys`)
  const names = new Set<string>()
  const keys: PublicKey[] = []
  for (const jwk of list as readonly unknown[]) {
    if (!isRecord(jwk)) throw new Lie('has a key that is none')
    if (jwk['kty'] === 'oct' || SECRET_MEMBERS.some((member) => Object.hasOwn(jwk, member))) throw new Lie('shows a secret key')
    const { kid, use, key_ops: operations } = jwk
    if (kid !== undefined && typeof kid !== 'string') throw new Lie('has a key whose name is no text')
    if (kid !== undefined) {
      if (names.has(kid)) throw new Lie('has two keys of one name')
      names.add(kid)
    }
    if (use !== undefined && use !== 'sig') continue
    if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify'))) continue
    if (jwk['kty'] !== 'EC' && jwk['kty'] !== 'RSA' && jwk['kty'] !== 'OKP') continue
    if (jwk['kty'] === 'RSA' && bitsOf(jwk['n']) < LEAST_RSA_BITS) continue
    keys.push({ jwk, kid, imported: new Map() })
  }
  return keys
}

/** By name; a header without one fits where the issuer has one key alone. */
function pick(keys: readonly PublicKey[], { kid }: { readonly kid?: string }): PublicKey | undefined {
  if (kid !== undefined) return keys.find((one) => one.kid === kid)
  return keys.length === 1 ? keys[0] : undefined
}

function imported(key: PublicKey, alg: string): Promise<CryptoKey | undefined> {
  const said = key.jwk['alg']
  if (said !== undefined && said !== alg && !(isEdwards(said) && isEdwards(alg))) return Promise.resolve(undefined)
  let made = key.imported.get(alg)
  if (made === undefined) {
    const { kty, crv, x, y, n, e } = key.jwk
    const part = Object.fromEntries(Object.entries({ kty, crv, x, y, n, e }).filter(([, value]) => value !== undefined))
    made = importJWK(part, alg).then(
      (one) => (one instanceof Uint8Array ? undefined : one),
      () => undefined,
    )
    key.imported.set(alg, made)
  }
  return made
}

/** RFC 9864 calls the same signature Ed25519 that RFC 8037 calls EdDSA. */
function isEdwards(alg: unknown): boolean {
  return alg === 'EdDSA' || alg === 'Ed25519'
}

function bitsOf(modulus: unknown): number {
  if (typeof modulus !== 'string') return 0
  const bytes = Buffer.from(modulus, 'base64url')
  let first = 0
  while (first < bytes.length && bytes[first] === 0) first += 1
  return first === bytes.length ? 0 : (bytes.length - first) * 8 - Math.clz32(bytes[first] as number) + 24
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
