import * as z from 'zod'
import type { Desk, DeskEvent, Reviewer } from './approvals/desk.ts'
import { concerns } from './approvals/feed.ts'
import { samePerson } from './approvals/people.ts'
import { slackOf, toldOf, type Telling } from './approvals/webhooks/payload.ts'
import type { ReadyWebhook } from './approvals/webhooks/settings.ts'
import { AdminError, type AdminRoute } from './console/admin.ts'
import { approvalRoutes } from './console/approvals.ts'
import { makeFeed } from './console/events.ts'
import type { Clock } from './contract/clock.ts'
import type { Principal } from './contract/principal.ts'
import type { Audit } from './contract/receipt.ts'
import { makeDialer, type Dialer } from './edge/dial/dialer.ts'
import { reviewerSpec, type Reviewers } from './identity/reviewers.ts'
import type { Log } from './telemetry/log.ts'
import type { Metrics } from './telemetry/metrics.ts'
import { makeWebhook, type Webhook } from './telemetry/webhook.ts'

export interface ApprovingDeps {
  readonly desk: Desk
  readonly reviewers: Reviewers
  readonly audit: Pick<Audit, 'act'>
  readonly clock: Clock
  readonly newId: () => string
  /** Where reviewers reach the admin port, without a slash at its end. */
  readonly adminUrl: () => string
  readonly log: Log
  readonly metrics: Pick<Metrics, 'approval' | 'webhookFailed'>
  readonly onDefect: (step: string, error: unknown) => void
}

export interface Approving {
  readonly routes: readonly AdminRoute[]
  /** Replaces the webhooks: those of a new epoch. What waits for the old ones is still delivered for a while. */
  notify(webhooks: readonly ReadyWebhook[]): void
  /** Ends what is watched, with a word, and gives up what waits for webhooks. */
  close(): Promise<void>
}

/** Everybody's events, so that they can be told again to whoever lost the line; who may see them is asked for each. */
const EVERYTHING: Reviewer = Object.freeze({ id: 'sallyport', name: 'sallyport', groups: [], rights: [], admin: true })
const AGAIN_MS = 1_000
/** What a replaced webhook may take to deliver what waits for it: three attempts and their pauses. */
const LEAVE_MS = 60_000

interface Place {
  readonly webhook: Webhook
  readonly of: ReadyWebhook
}

/** The surfaces of approvals that outlive epochs: routes of the admin port, live events and webhooks. */
export function openApproving(deps: ApprovingDeps): Approving {
  const { desk, reviewers, clock, newId } = deps
  const reviewer = (operator: Principal): Reviewer | undefined => reviewerOf(operator, reviewers)
  const feed = makeFeed<DeskEvent>({
    clock,
    active: (operator) => reviewer(operator) !== undefined,
    sees(operator, event) {
      const who = reviewer(operator)
      return who !== undefined && concerns(who, event)
    },
  })
  const stopRevoked = reviewers.onRevoked(() => feed.check())
  const closed = new AbortController()
  let places: readonly Place[] = []
  const open = new Set<() => Promise<void>>()

  const notify = (webhooks: readonly ReadyWebhook[]): void => {
    const before = [...open]
    clock.timer(LEAVE_MS, () => {
      for (const close of before) void close().catch((error: unknown) => deps.onDefect('approvals', error))
    })
    if (webhooks.length === 0) {
      places = []
      return
    }
    const dialer = makeDialer({ origins: webhooks.map(({ url, allowPrivate }) => ({ origin: new URL(url).origin, allowPrivate })), connections: 2 })
    places = webhooks.map((of) => ({ of, webhook: webhookOf(of, dialer, deps) }))
    const made = places
    const close = async (): Promise<void> => {
      if (!open.delete(close)) return
      for (const { webhook } of made) webhook.close()
      await dialer.close()
    }
    open.add(close)
  }

  const tell = (event: Telling): void => {
    for (const { of, webhook } of places) {
      if (!of.events.has(event.kind)) continue
      const told = toldOf(event, (id) => `${of.link ?? deps.adminUrl()}/api/approvals/${encodeURIComponent(id)}`)
      webhook.send(of.kind === 'slack' ? slackOf(told, event.kind) : { ...told })
    }
  }

  const take = (event: DeskEvent): void => {
    // Whoever watches must list anew, as we would.
    if (event.kind === 'missed') return feed.forget()
    note(event, deps)
    feed.publish({ name: event.kind, data: event })
    tell(event)
  }

  const follow = async (): Promise<void> => {
    while (!closed.signal.aborted) {
      try {
        for await (const event of desk.watch(EVERYTHING, closed.signal)) take(event)
      } catch (error) {
        if (!closed.signal.aborted) deps.onDefect('approvals', error)
      }
      if (closed.signal.aborted) return
      // What happens until the next look would be missing.
      feed.forget()
      await new Promise<void>((resolve) => clock.timer(AGAIN_MS, resolve))
    }
  }
  void follow()

  const keepNote = (by: Reviewer, approval: string, text: string): Promise<void> =>
    deps.audit.act({ kind: 'act', exchange: newId(), tenant: by.tenant ?? 'default', at: clock.wall(), by: by.admin ? `admin:${by.id}` : `reviewer:${by.id}`, act: 'approval.note', detail: { approval, note: text } })

  return {
    routes: [...approvalRoutes({ desk, feed, reviewer, note: keepNote }), ...reviewerRoutes(deps)],
    notify,
    async close() {
      closed.abort()
      stopRevoked()
      feed.close()
      await Promise.all([...open].map((one) => one()))
    },
  }
}

/** What happened, for the log and the metrics. */
function note(event: Telling, { log, metrics }: ApprovingDeps): void {
  metrics.approval(event.kind)
  if (event.kind === 'alarm') {
    const { reviewer, decisions, approved, fast } = event.habit
    return log('careless', { tenant: event.tenant, reviewer, decisions, approved, fast })
  }
  if (event.kind === 'released') return log('approval', { event: event.kind, id: event.approval, tenant: event.tenant, decision: event.how, by: event.by })
  const { id, tenant, workload, policies, decision } = event.approval
  log('approval', { event: event.kind, id, tenant, workload, policies, decision: decision?.kind, by: decision?.by })
}

/** Who decides, behind a principal of the admin port. */
function reviewerOf(operator: Principal, reviewers: Pick<Reviewers, 'active' | 'listReviewers'>): Reviewer | undefined {
  if (operator.proof.kind === 'admin') return { id: operator.proof.id, name: 'administrator', groups: [], rights: ['author'], admin: true }
  const facts = reviewers.active(operator)
  if (facts === undefined) return undefined
  const { id, name, tenant, groups, rights } = facts
  // A second key of the same person, made without saying who that is, opens nothing that the first one does not.
  const identity = facts.identity ?? reviewers.listReviewers().find((one) => one.identity !== undefined && samePerson(one, { id, name }) && one.tenant === tenant)?.identity
  return { id, name, tenant, groups, rights, admin: false, ...(identity !== undefined && { identity }) }
}

function webhookOf({ url, secret }: ReadyWebhook, { dial }: Dialer, { clock, newId, log, metrics }: ApprovingDeps): Webhook {
  // Its origin only: the rest of the URL may be a secret.
  const place = new URL(url).origin
  const onFailed = (error: unknown): void => {
    metrics.webhookFailed('approvals')
    log('webhook_failed', { place, error })
  }
  return makeWebhook({ url, dial, clock, onFailed, ...(secret !== undefined && { signing: { secret, newId: () => `msg_${newId()}` } }) })
}

/** Reviewers themselves are the administrator's business. */
function reviewerRoutes({ reviewers, audit, clock, newId, log }: ApprovingDeps): readonly AdminRoute[] {
  const record = async (by: string, act: 'create' | 'revoke', tenant: string, detail: Readonly<Record<string, string>>, id: string): Promise<void> => {
    await audit.act({ kind: 'act', exchange: newId(), tenant, at: clock.wall(), by, act: `reviewer.${act}`, detail })
    log('reviewer', { act, id, tenant, by })
  }
  return [
    { verb: 'GET', path: 'reviewers', run: () => ({ reviewers: reviewers.listReviewers() }) },
    {
      verb: 'POST',
      path: 'reviewers',
      async run({ operator, body }) {
        const spec = reviewerSpec.safeParse(body)
        if (!spec.success) throw new AdminError(400, z.prettifyError(spec.error), 'invalid')
        const made = await reviewers.createReviewer(spec.data)
        const { id, name, tenant } = made.facts
        await record(operator.workload, 'create', tenant, { reviewer: id, name }, id)
        return made
      },
    },
    {
      verb: 'DELETE',
      path: 'reviewers/:id',
      async run({ operator, params }) {
        const id = params['id'] ?? ''
        const tenant = reviewers.listReviewers().find((one) => one.id === id)?.tenant ?? 'default'
        if (!(await reviewers.revokeReviewer(id))) throw new AdminError(404, 'There is no such reviewer, or it was revoked before.', 'not_found')
        await record(operator.workload, 'revoke', tenant, { reviewer: id }, id)
        return { revoked: id }
      },
    },
  ]
}
