import { timingSafeEqual } from 'node:crypto'
import * as z from 'zod'
import type { Clock } from '../contract/clock.ts'
import type { Principal } from '../contract/principal.ts'
import { refuse, type Refusal } from '../contract/verdict.ts'
import type { KeyRow, Keys } from '../store/interfaces.ts'
import { keyId, newKey } from './key.ts'
import { hashUnder, type NamedSecret } from './secret.ts'
import { NAME, principalOf } from './settings.ts'

const name = z.string().regex(NAME, 'letters, digits, dot, underscore and hyphen; at most 64')
const people = z.string().min(1).max(128).regex(/^[^\p{C}\p{Zl}\p{Zp}]+$/u, 'no control characters')
// As a caller's chain names it: compared exactly, so nothing that looks alike but is not.
const identity = z.string().min(1).max(256).regex(/^[^\s\p{C}]+$/u, 'no blanks and no control characters')

/** What a reviewer may do; kept as JSON beside the key's hash. `kind` tells it from the scope of an agent's key. */
export const reviewerScope = z.strictObject({
  kind: z.literal('reviewer'),
  identity: identity.optional().describe('Whom it is as a user of agents, as in principal.chain: it never decides about its own calls.'),
  groups: z.array(name).max(64).optional().describe('Approver groups that it belongs to, as policies name them.'),
  rights: z.array(z.enum(['author'])).max(1).optional().describe('author: may make rules of its decisions.'),
})
export type ReviewerScope = z.infer<typeof reviewerScope>

/** What `createReviewer` takes. */
export const reviewerSpec = reviewerScope.omit({ kind: true }).extend({
  name: people.describe("The person's name."),
  tenant: name.optional().describe('Whose holds it decides about; "default" if none.'),
  expires: z.number().int().positive().optional().describe('Milliseconds since the Unix epoch at which the credential ends.'),
})
export type ReviewerSpec = z.infer<typeof reviewerSpec>

/** What may be told about a reviewer: everything but the key. */
export interface ReviewerFacts {
  readonly id: string
  readonly tenant: string
  readonly name: string
  readonly identity?: string
  readonly groups: readonly string[]
  readonly rights: readonly 'author'[]
  readonly created: number
  readonly expires?: number
  readonly revoked?: number
  /** `unusable`: made under another secret, or its scope cannot be read; it is refused. */
  readonly state: 'active' | 'expired' | 'revoked' | 'unusable'
}

/** The people who decide about holds: credentials of their own kind, in the table of keys, all of them in memory. */
export interface Reviewers {
  /** Whose key it is; never waits. Unknown, malformed and wrong keys cost and say the same. */
  verify(key: string): Principal | Refusal
  /** The person behind a principal that `verify` gave, while its credential is good; undefined after that. */
  active(principal: Principal): ReviewerFacts | undefined
  /** Durable when resolved. The key itself is in the answer and nowhere else. @throws {ZodError} for an unsound spec. */
  createReviewer(spec: ReviewerSpec): Promise<{ readonly key: string; readonly facts: ReviewerFacts }>
  /** Refused from this very call on; durable when resolved. False when there is no such reviewer, or it was revoked before. */
  revokeReviewer(id: string): Promise<boolean>
  listReviewers(): readonly ReviewerFacts[]
  /** Calls `fire` whenever somebody was revoked. Gives what ends that. */
  onRevoked(fire: () => void): () => void
  /** Reads the store again: picks up what another process created or revoked. */
  reload(): Promise<void>
}

interface Entry {
  readonly row: KeyRow
  readonly scope: ReviewerScope | undefined
  readonly principal: Principal | undefined
  revoked: number | undefined
}

export async function openReviewers({ keys, secret, clock }: { readonly keys: Keys; readonly secret: NamedSecret; readonly clock: Clock }): Promise<Reviewers> {
  let index = new Map<string, Entry>()
  const listeners = new Set<() => void>()
  // Compared against for unknown ids, so that they take as long as known ones.
  const nobody = hashUnder(secret, 'nobody')

  let arrived: KeyRow[] = []
  let reloading = Promise.resolve()
  const read = async (): Promise<void> => {
    arrived = []
    const rows = await keys.all()
    const before = index
    index = new Map()
    let fewer = false
    for (const row of [...arrived, ...rows]) {
      if (!isReviewer(row)) continue
      const entry = entryOf(row, secret.id)
      const was = before.get(row.id)
      // Revoked here, and the store has not said so yet.
      entry.revoked ??= was?.revoked
      fewer ||= entry.revoked !== undefined && was?.revoked === undefined
      index.set(row.id, entry)
    }
    if (fewer) for (const fire of listeners) fire()
  }

  const isOver = ({ row, revoked }: Entry): boolean => revoked !== undefined || (row.expires !== undefined && clock.wall() >= row.expires)

  const reviewers: Reviewers = {
    verify(presented) {
      const id = keyId(presented, 'spr')
      const entry = id === undefined ? undefined : index.get(id)
      const right = timingSafeEqual(hashUnder(secret, presented), entry?.principal === undefined ? nobody : entry.row.hash)
      if (!right || entry?.principal === undefined) return refuse('unauthenticated', { detail: 'unknown, malformed or wrong reviewer key' })
      if (isOver(entry)) return refuse(entry.revoked === undefined ? 'key_expired' : 'key_revoked', { detail: `reviewer ${entry.row.id}` })
      return entry.principal
    },
    active({ proof }) {
      const entry = proof.kind === 'reviewer' ? index.get(proof.id) : undefined
      return entry?.principal === undefined || isOver(entry) ? undefined : factsOf(entry, clock.wall())
    },
    async createReviewer(spec) {
      const { name, tenant = 'default', expires, ...scope } = reviewerSpec.parse(spec)
      const { id, key } = newKey('spr')
      const row: KeyRow = {
        id,
        tenant,
        name,
        hash: hashUnder(secret, key),
        under: secret.id,
        created: clock.wall(),
        ...(expires !== undefined && { expires }),
        scope: JSON.stringify({ kind: 'reviewer', ...scope } satisfies ReviewerScope),
      }
      await keys.insert(row)
      arrived.push(row)
      const entry = entryOf(row, secret.id)
      index.set(id, entry)
      return { key, facts: factsOf(entry, clock.wall()) }
    },
    async revokeReviewer(id) {
      const at = clock.wall()
      // Another process may have made it a moment ago.
      if (!index.has(id)) await reviewers.reload()
      const entry = index.get(id)
      if (entry === undefined) return false
      entry.revoked ??= at
      for (const fire of listeners) fire()
      return await keys.revoke(id, at)
    },
    listReviewers: () => [...index.values()].map((entry) => factsOf(entry, clock.wall())).sort((a, b) => a.created - b.created || (a.id < b.id ? -1 : 1)),
    onRevoked(fire) {
      listeners.add(fire)
      return () => void listeners.delete(fire)
    },
    reload: () => (reloading = reloading.then(read, read)),
  }
  await reviewers.reload()
  return reviewers
}

/** Whether a row of the table of keys is a reviewer's. Scopes of agents' keys have no `kind`. */
export function isReviewer(row: Pick<KeyRow, 'scope'>): boolean {
  try {
    const scope: unknown = JSON.parse(row.scope)
    return typeof scope === 'object' && scope !== null && 'kind' in scope && scope.kind === 'reviewer'
  } catch {
    return false
  }
}

function entryOf(row: KeyRow, under: string): Entry {
  const parsed = reviewerScope.safeParse(JSON.parse(row.scope))
  const scope = parsed.success ? parsed.data : undefined
  const usable = scope !== undefined && row.under === under && row.hash.length === 32
  return { row, scope, principal: usable ? reviewerOf(row, scope) : undefined, revoked: row.revoked }
}

function reviewerOf({ id, tenant, expires }: KeyRow, { identity, groups, rights }: ReviewerScope): Principal {
  const proof = { kind: 'reviewer', id } as const
  const base = principalOf({ tenant, workload: `reviewer:${id}`, proof, scope: { roles: groups, rights: ['review', ...(rights ?? [])] }, ...(expires !== undefined && { expires }) })
  return identity === undefined ? base : Object.freeze({ ...base, chain: Object.freeze([identity]), vouched: Object.freeze([base.proof]) })
}

function factsOf({ row, scope, principal, revoked }: Entry, now: number): ReviewerFacts {
  const state = revoked !== undefined ? 'revoked' : principal === undefined ? 'unusable' : row.expires !== undefined && now >= row.expires ? 'expired' : 'active'
  return {
    id: row.id,
    tenant: row.tenant,
    name: row.name,
    ...(scope?.identity !== undefined && { identity: scope.identity }),
    groups: scope?.groups ?? [],
    rights: scope?.rights ?? [],
    created: row.created,
    ...(row.expires !== undefined && { expires: row.expires }),
    ...(revoked !== undefined && { revoked }),
    state,
  }
}
