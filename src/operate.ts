import * as z from 'zod'
import type { AuditLog } from './audit/audit.ts'
import { tail } from './audit/read.ts'
import { problemLine, type Problem } from './config/problem.ts'
import { AdminError, type AdminRoute } from './console/admin.ts'
import type { Clock } from './contract/clock.ts'
import type { Epoch } from './contract/epoch.ts'
import type { Keyring } from './identity/keyring.ts'
import { keySpec } from './identity/settings.ts'
import { StoreError, type Receipts } from './store/interfaces.ts'
import type { JudgedToday } from './judging.ts'
import type { Log } from './telemetry/log.ts'

export interface Operated {
  readonly keyring: Keyring
  readonly audit: AuditLog
  readonly receipts: Pick<Receipts, 'tail'>
  readonly reload: () => Promise<readonly Problem[]>
  readonly clock: Clock
  readonly newId: () => string
  readonly epoch: () => Epoch
  readonly log: Log
  /** Ends the calls that run under these credentials. */
  readonly revoked: (ids: readonly string[]) => void
  /** Erases what approvals keep of a subject; gives how many. */
  readonly forget: (subject: string) => Promise<number>
  /** What judging came to today. */
  readonly judged: () => JudgedToday
}

/** What an operator may ask over the admin port. Whatever changes something leaves a record of who did it. */
export function adminRoutes({ keyring, audit, receipts, reload, clock, newId, epoch, log, revoked, forget, judged }: Operated): readonly AdminRoute[] {
  const record = (by: string, tenant: string, act: string, detail: Readonly<Record<string, string | number | boolean>>): Promise<void> =>
    audit.act({ kind: 'act', exchange: newId(), tenant, at: clock.wall(), by, act, detail })
  return [
    { verb: 'GET', path: 'status', run: () => ({ epoch: epoch().id, serial: epoch().serial, posture: epoch().posture, healthy: audit.healthy(), judge: judged() }) },
    {
      verb: 'GET',
      path: 'receipts',
      async run({ query }) {
        const tenant = query.get('tenant') ?? undefined
        // Receipts wait a moment for company: whoever looks wants them all.
        await audit.flush()
        const newest = await tail(receipts, { limit: Math.min(Math.max(Math.trunc(Number(query.get('limit'))) || 100, 1), 1000), ...(tenant !== undefined && { tenant }) })
        return { receipts: newest.map((one) => one.record).filter((one) => one.kind === 'receipt').reverse() }
      },
    },
    { verb: 'GET', path: 'keys', run: () => ({ keys: keyring.listKeys() }) },
    {
      verb: 'POST',
      path: 'keys',
      async run({ operator, body }) {
        const spec = keySpec.safeParse(body)
        if (!spec.success) throw new AdminError(400, z.prettifyError(spec.error))
        const made = await keyring.createKey(spec.data)
        await record(operator.workload, made.facts.tenant, 'key.create', { key: made.facts.id, name: made.facts.name })
        log('key', { act: 'create', id: made.facts.id, tenant: made.facts.tenant, by: operator.workload })
        return made
      },
    },
    {
      verb: 'DELETE',
      path: 'keys/:id',
      async run({ operator, params }) {
        const id = params['id'] ?? ''
        const tenant = keyring.listKeys().find((one) => one.id === id)?.tenant ?? 'default'
        const stored = keyring.revokeKey(id)
        // It counts from now on, whatever becomes of the store.
        revoked([id])
        if (!(await stored)) throw new AdminError(404, 'There is no such key, or it was revoked before.')
        await record(operator.workload, tenant, 'key.revoke', { key: id })
        log('key', { act: 'revoke', id, tenant, by: operator.workload })
        return { revoked: id }
      },
    },
    {
      verb: 'POST',
      path: 'reload',
      async run() {
        const problems = await reload()
        if (problems.length > 0) throw new AdminError(400, problems.map(problemLine).join('\n'))
        return { epoch: epoch().id, serial: epoch().serial }
      },
    },
    {
      verb: 'POST',
      path: 'erase',
      async run({ operator, body }) {
        const asked = z.strictObject({ subject: z.string().min(1).max(512), tenant: z.string().min(1).max(64) }).safeParse(body)
        if (!asked.success) throw new AdminError(400, z.prettifyError(asked.error))
        try {
          const dropped = await audit.erase({ ...asked.data, by: operator.workload })
          return { dropped, approvals: await forget(asked.data.subject) }
        } catch (error) {
          if (error instanceof StoreError && error.fault === 'held') throw new AdminError(409, `A legal hold protects this subject: ${error.message}`)
          throw error
        }
      },
    },
    {
      verb: 'POST',
      path: 'hold',
      async run({ operator, body }) {
        const asked = z
          .strictObject({ subject: z.string().min(1).max(512), tenant: z.string().min(1).max(64), reason: z.string().min(1).max(1000), until: z.int().min(0).optional() })
          .safeParse(body)
        if (!asked.success) throw new AdminError(400, z.prettifyError(asked.error))
        const { until, reason, ...whose } = asked.data
        await audit.hold({ ...whose, by: operator.workload }, until, reason)
        return { subject: whose.subject, held: until === undefined || until > clock.wall() }
      },
    },
  ]
}
