import { timingSafeEqual } from 'node:crypto'
import type { Clock } from '../contract/clock.ts'
import { withinScope, type Principal } from '../contract/principal.ts'
import { refuse, type Refusal } from '../contract/verdict.ts'
import type { KeyRow, Keys } from '../store/interfaces.ts'
import { keyId, newKey } from './key.ts'
import { ended } from './live.ts'
import { isReviewer } from './reviewers.ts'
import { hashUnder, type NamedSecret } from './secret.ts'
import { keyScope, keySpec, principalOf, type KeyScope, type KeySpec } from './settings.ts'

/** What may be told about a key: everything but the key. */
export interface KeyFacts extends KeyScope {
  readonly id: string
  readonly tenant: string
  readonly name: string
  readonly created: number
  readonly expires?: number
  readonly revoked?: number
  /** `unusable`: made under another secret, or its scope cannot be read; it is refused. */
  readonly state: 'active' | 'expired' | 'revoked' | 'unusable'
}

/** The API keys of this house: all of them in memory, the store behind. */
export interface Keyring {
  /** Whose key it is; never waits. Unknown, malformed and wrong keys cost and say the same. */
  verify(key: string): Principal | Refusal
  isRevoked(id: string): boolean
  /** Durable when resolved. The key itself is in the answer and nowhere else. @throws {ZodError} for an unsound spec. */
  createKey(spec: KeySpec): Promise<{ readonly key: string; readonly facts: KeyFacts }>
  /** Refused from this very call on; durable when resolved. False when there is no such key, or it was revoked before. */
  revokeKey(id: string): Promise<boolean>
  listKeys(): readonly KeyFacts[]
  /**
   * Workloads of the active keys of a tenant, or of one cohort or agent in it; for `route`, those whose scope has it.
   * The same array until keys change. Undefined for anything else.
   */
  members(tenant: string, per: string, value: string): readonly string[] | undefined
  /** Reads the store again: picks up what another process created or revoked. */
  reload(): Promise<void>
}

interface Entry {
  readonly row: KeyRow
  readonly scope: KeyScope | undefined
  readonly principal: Principal | undefined
  revoked: number | undefined
}

export async function openKeyring({ keys, secret, clock }: { readonly keys: Keys; readonly secret: NamedSecret; readonly clock: Clock }): Promise<Keyring> {
  let index = new Map<string, Entry>()
  // Compared against for unknown ids, so that they take as long as known ones.
  const nobody = hashUnder(secret, 'nobody')

  const shared = new Map<string, string[]>()

  const add = (row: KeyRow): Entry => {
    shared.clear()
    const entry = entryOf(row, secret.id)
    index.set(row.id, entry)
    return entry
  }

  const verify = (presented: string): Principal | Refusal => {
    const id = keyId(presented, 'sp')
    const entry = id === undefined ? undefined : index.get(id)
    const right = timingSafeEqual(hashUnder(secret, presented), entry?.principal === undefined ? nobody : entry.row.hash)
    if (!right || entry?.principal === undefined) return refuse('unauthenticated', { detail: 'unknown, malformed or wrong key' })
    if (entry.revoked !== undefined) return ended('key_revoked', entry.principal, `key ${entry.row.id}`)
    if (entry.row.expires !== undefined && clock.wall() >= entry.row.expires) return ended('key_expired', entry.principal, `key ${entry.row.id}`)
    return entry.principal
  }

  // One reading at a time; what is created meanwhile is not in the store's answer yet.
  let arrived: KeyRow[] = []
  let reloading = Promise.resolve()
  const read = async (): Promise<void> => {
    arrived = []
    const rows = await keys.all()
    const before = index
    index = new Map()
    shared.clear()
    for (const row of [...arrived, ...rows]) {
      if (isReviewer(row)) continue
      const entry = add(row)
      // Revoked here, and the store has not said so yet.
      entry.revoked ??= before.get(row.id)?.revoked
    }
  }

  const keyring: Keyring = {
    verify,
    isRevoked: (id) => index.get(id)?.revoked !== undefined,
    async createKey(spec) {
      const { name, tenant = 'default', expires, ...scope } = keySpec.parse(spec)
      const { id, key } = newKey('sp')
      const row: KeyRow = {
        id,
        tenant,
        name,
        hash: hashUnder(secret, key),
        under: secret.id,
        created: clock.wall(),
        ...(expires !== undefined && { expires }),
        scope: JSON.stringify(scope),
      }
      await keys.insert(row)
      arrived.push(row)
      return { key, facts: factsOf(add(row), clock.wall()) }
    },
    async revokeKey(id) {
      const at = clock.wall()
      // Not known here: another process made it a moment ago, or it is no key of an agent.
      if (!index.has(id)) await keyring.reload()
      const entry = index.get(id)
      if (entry === undefined) return false
      entry.revoked ??= at
      shared.clear()
      return await keys.revoke(id, at)
    },
    listKeys: () => [...index.values()].map((entry) => factsOf(entry, clock.wall())).sort((a, b) => a.created - b.created || (a.id < b.id ? -1 : 1)),
    members(tenant, per, value) {
      const key = `${per}\n${tenant}\n${value}`
      let known = shared.get(key)
      if (known === undefined) {
        const belongs = belonging[per]
        if (belongs === undefined) return undefined
        known = []
        for (const { principal, revoked } of index.values()) {
          if (principal?.tenant === tenant && revoked === undefined && belongs(principal, value)) known.push(principal.workload)
        }
        if (shared.size >= MOST_SHARED) shared.clear()
        shared.set(key, known)
      }
      return known
    },
    reload: () => (reloading = reloading.then(read, read)),
  }
  await keyring.reload()
  return keyring
}

const MOST_SHARED = 4096

const belonging: Readonly<Record<string, (principal: Principal, value: string) => boolean>> = {
  tenant: () => true,
  cohort: (principal, value) => principal.cohort === value,
  agent: (principal, value) => principal.agent === value,
  route: (principal, value) => withinScope(principal.scope.routes, value),
}

function entryOf(row: KeyRow, under: string): Entry {
  const scope = scopeOf(row.scope)
  const usable = scope !== undefined && row.under === under && row.hash.length === 32
  return {
    row,
    scope,
    principal: usable
      ? principalOf({ tenant: row.tenant, workload: `key:${row.id}`, proof: { kind: 'api_key', id: row.id }, scope, ...(row.expires !== undefined && { expires: row.expires }) })
      : undefined,
    revoked: row.revoked,
  }
}

/** A scope that cannot be read must not become an unlimited one. */
function scopeOf(text: string): KeyScope | undefined {
  try {
    return keyScope.parse(JSON.parse(text))
  } catch {
    return undefined
  }
}

function factsOf({ row, scope, principal, revoked }: Entry, now: number): KeyFacts {
  const state = revoked !== undefined ? 'revoked' : principal === undefined ? 'unusable' : row.expires !== undefined && now >= row.expires ? 'expired' : 'active'
  return {
    ...scope,
    id: row.id,
    tenant: row.tenant,
    name: row.name,
    created: row.created,
    ...(row.expires !== undefined && { expires: row.expires }),
    ...(revoked !== undefined && { revoked }),
    state,
  }
}
