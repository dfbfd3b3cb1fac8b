import * as z from 'zod'
import { AdminError, type AdminRoute } from './console/admin.ts'
import type { Clock } from './contract/clock.ts'
import type { Audit } from './contract/receipt.ts'
import { CaError, type Ca } from './identity/ca/ca.ts'
import { enrolmentSpec } from './identity/workloads/enrolment.ts'
import { RevokedIdsError, type RevokedIds } from './identity/revocations.ts'
import { RosterError, type Roster } from './identity/workloads/roster.ts'

export interface Enrolling {
  readonly roster: Roster
  readonly revokedIds: RevokedIds
  readonly ca: Ca
  readonly audit: Pick<Audit, 'act'>
  readonly clock: Clock
  readonly newId: () => string
  /** Where workloads reach the secure listener; undefined while there is none. */
  readonly secureUrl: () => string | undefined
}

/** How workloads elsewhere reach the secure listener: by the first name that its certificate has, where settings give one. */
export function reachableUrl(secureUrl: string | undefined, serverNames: readonly string[]): string | undefined {
  if (secureUrl === undefined) return undefined
  const url = new URL(secureUrl)
  const [name] = serverNames
  if (name !== undefined) url.hostname = name.includes(':') ? `[${name}]` : name
  else if (url.hostname === '0.0.0.0' || url.hostname === '[::]') url.hostname = 'localhost'
  return url.origin
}

const DAY_MS = 86_400_000
const id = z.string().max(2048).regex(/^[^\s\p{C}]+$/u, 'no blanks and no control characters')
const revoking = z.strictObject({ what: id, for: z.int().min(1000).max(366 * DAY_MS).optional() })
const lifting = z.strictObject({ what: id })
const rotating = z.strictObject({ compromised: z.boolean().optional() })

/** What an operator may ask about workloads and the CA over the admin port. Each change leaves a record of who made it. */
export function identityRoutes({ roster, revokedIds, ca, audit, clock, newId, secureUrl }: Enrolling): readonly AdminRoute[] {
  const record = (by: string, tenant: string, act: string, detail: Readonly<Record<string, string | number | boolean>>): Promise<void> =>
    audit.act({ kind: 'act', exchange: newId(), tenant, at: clock.wall(), by, act, detail })
  return [
    { verb: 'GET', path: 'identity/workloads', run: () => ({ workloads: roster.list(), revoked: revokedIds.list() }) },
    {
      verb: 'POST',
      path: 'identity/tokens',
      async run({ operator, body }) {
        const spec = asked(enrolmentSpec, body)
        const made = await said(() => roster.mint(spec, secureUrl()))
        await record(operator.workload, made.tenant, 'identity.token', { workload: made.id, enrolment: made.enrolment, expires: made.expires })
        return made
      },
    },
    {
      verb: 'POST',
      path: 'identity/revoke',
      async run({ operator, body }) {
        const { what, for: ms } = asked(revoking, body)
        const revoked = ms === undefined ? await roster.revoke(what) : undefined
        if (revoked !== undefined) {
          await record(operator.workload, revoked.tenant, 'identity.revoke', { workload: revoked.workload, what })
          return { revoked: what, workload: revoked.workload }
        }
        if (ms === undefined && roster.ended(what)) throw new AdminError(404, 'It was revoked before.')
        const { until } = await said(() => revokedIds.add(what, ms ?? DAY_MS, operator.workload))
        await record(operator.workload, 'default', 'identity.revoke', { what, until })
        return { revoked: what, until }
      },
    },
    {
      verb: 'POST',
      path: 'identity/lift',
      async run({ operator, body }) {
        const { what } = asked(lifting, body)
        if (!(await revokedIds.lift(what))) throw new AdminError(404, 'It is not on the list of revoked ids. A workload that was revoked comes back with a new token.')
        await record(operator.workload, 'default', 'identity.lift', { what })
        return { lifted: what }
      },
    },
    {
      verb: 'POST',
      path: 'identity/rotate',
      async run({ operator, body }) {
        const { compromised = false } = asked(rotating, body)
        const made = await said(() => roster.rotate(compromised))
        await record(operator.workload, 'default', 'identity.rotate', { authority: made.id, from: made.from, compromised })
        return made
      },
    },
    {
      verb: 'GET',
      path: 'identity/bundle',
      run: () => ({ trustDomain: ca.trustDomain, bundle: JSON.parse(ca.bundle().json) as unknown, pem: ca.bundle().pem, authorities: ca.authorities() }),
    },
  ]
}

function asked<T>(shape: z.ZodType<T>, body: unknown): T {
  const read = shape.safeParse(body)
  if (!read.success) throw new AdminError(400, z.prettifyError(read.error))
  return read.data
}

async function said<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof RosterError || error instanceof RevokedIdsError || error instanceof CaError) throw new AdminError(409, error.message)
    throw error
  }
}
