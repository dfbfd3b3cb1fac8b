import * as z from 'zod'
import { DeskError, type ApprovalState, type ApprovalSummary, type Choice, type Desk, type DeskEvent, type DeskFault, type Reviewer, type Standing } from '../approvals/desk.ts'
import type { Principal } from '../contract/principal.ts'
import { AdminError, type AdminAsked, type AdminRoute } from './admin.ts'
import type { Feed } from './events.ts'

export interface ApprovalsDeps {
  readonly desk: Desk
  readonly feed: Pick<Feed<DeskEvent>, 'stream'>
  /** The person behind a credential of the admin port; undefined once it is no longer good. */
  readonly reviewer: (operator: Principal) => Reviewer | undefined
  /** Keeps what a reviewer noted beside a decision. */
  readonly note: (reviewer: Reviewer, approval: string, text: string) => Promise<void>
}

const statuses: Readonly<Record<DeskFault, number>> = { not_found: 404, forbidden: 403, conflict: 409, expired: 410, invalid: 400, slow: 429, unavailable: 503 }

const MOST_LISTED = 200
const hour = 3_600_000
const forMs = z.int().min(1_000).max(366 * 24 * hour)
const text = z.string().min(1).max(32_000)
const message = z.string().min(1).max(500)
const hash = z.string().min(1).max(256)
const more = { hash, note: z.string().min(1).max(500).optional() }

/** What `POST approvals/:id/decide` takes; `hash` is the one of the approval that was shown. Durations are milliseconds. */
const decision = z.discriminatedUnion('decision', [
  z.strictObject({ ...more, decision: z.literal('once'), calls: z.int().min(1).max(1_000).optional() }),
  z.strictObject({ ...more, decision: z.literal('task'), forMs: forMs.optional(), anyTask: z.literal(true).optional() }),
  z.strictObject({ ...more, decision: z.literal('value'), paths: z.array(z.string().min(1).max(256)).min(1).max(64), forMs: forMs.optional() }),
  z.strictObject({ ...more, decision: z.literal('rule'), text, forMs }),
  z.strictObject({ ...more, decision: z.literal('deny'), message: message.optional() }),
  z.strictObject({ ...more, decision: z.literal('end'), message: message.optional() }),
])
const preview = z.strictObject({ text, tenant: z.string().min(1).max(64).optional() })
const adoption = z.strictObject({ text, forMs })

/** What reviewers ask over the admin port: each sees and decides only what the desk lets that person. */
export function approvalRoutes({ desk, feed, reviewer, note }: ApprovalsDeps): readonly AdminRoute[] {
  const answer = (verb: AdminRoute['verb'], path: string, run: (who: Reviewer, asked: AdminAsked) => unknown): AdminRoute => ({
    verb,
    path: `approvals${path}`,
    for: 'reviewers',
    async run(asked) {
      const who = reviewer(asked.operator)
      if (who === undefined) throw new AdminError(401, 'This credential is no longer valid.', 'key_revoked')
      try {
        return await run(who, asked)
      } catch (error) {
        if (error instanceof DeskError) throw new AdminError(statuses[error.fault], error.message, error.fault)
        throw error
      }
    },
  })
  return [
    answer('GET', '', async (who, { query }) => ({ approvals: await listed(desk, who, query) })),
    { verb: 'GET', path: 'approvals/events', for: 'reviewers', stream: feed.stream },
    answer('GET', '/fatigue', (who) => ({ habits: desk.habits(who) })),
    answer('GET', '/proposals', (who) => ({ proposals: desk.proposals(who) })),
    answer('POST', '/proposals/:id/adopt', async (who, { params, body }) => {
      const asked = read(adoption, body)
      return await desk.adopt(who, idOf(params), asked.text, asked.forMs)
    }),
    answer('DELETE', '/proposals/:id', async (who, { params }) => {
      await desk.dismiss(who, idOf(params))
      return { dismissed: idOf(params) }
    }),
    answer('GET', '/standing', async (who, { query }) => {
      const kind = query.get('kind')
      if (kind !== null && !isStanding(kind)) throw new AdminError(400, `kind is one of ${standings.join(', ')}.`, 'invalid')
      const all = await desk.standing(who)
      return { standing: kind === null ? all : all.filter((one) => one.kind === kind) }
    }),
    answer('DELETE', '/standing/:id', async (who, { params }) => {
      await desk.withdraw(who, idOf(params))
      return { withdrawn: idOf(params) }
    }),
    answer('POST', '/preview', async (who, { body }) => {
      const asked = read(preview, body)
      return await desk.wouldMatch(who, asked.text, asked.tenant)
    }),
    answer('GET', '/:id', (who, { params }) => desk.get(who, idOf(params))),
    answer('POST', '/:id/decide', async (who, { params, body }) => {
      const asked = read(decision, body)
      const id = idOf(params)
      const decided = await desk.decide(who, id, asked.hash, choiceOf(asked))
      if (asked.note !== undefined) await note(who, id, asked.note)
      return decided
    }),
  ]
}

const states: readonly string[] = ['pending', 'approved', 'denied', 'expired', 'all'] satisfies (ApprovalState | 'all')[]
const standings = ['grant', 'task', 'value', 'rule', 'end'] as const satisfies Standing['kind'][]

function isStanding(text: string): text is Standing['kind'] {
  return (standings as readonly string[]).includes(text)
}

/** Pending ones first, oldest first; then what was decided or ran out, newest first. */
async function listed(desk: Desk, who: Reviewer, query: URLSearchParams): Promise<readonly ApprovalSummary[]> {
  const state = query.get('state') ?? 'all'
  if (!states.includes(state)) throw new AdminError(400, `state is one of ${states.join(', ')}.`, 'invalid')
  const limit = wholeOf(query, 'limit', MOST_LISTED) ?? 100
  const before = wholeOf(query, 'before', Number.MAX_SAFE_INTEGER)
  const waiting = (state === 'pending' || state === 'all') && before === undefined ? desk.list(who).slice(0, limit) : []
  if (state === 'pending' || waiting.length === limit) return waiting
  const past: ApprovalSummary[] = []
  let from = before
  // The desk knows no states: pages are read until enough fit, or nothing older is kept.
  for (let pages = 0; pages < 5 && past.length < limit - waiting.length; pages++) {
    const page = await desk.history(who, { limit: MOST_LISTED, ...(from !== undefined && { before: from }) })
    past.push(...page.filter((one) => state === 'all' || one.state === state))
    const oldest = page.at(-1)
    if (page.length < MOST_LISTED || oldest === undefined || state === 'all') break
    from = oldest.closed ?? oldest.created
  }
  return [...waiting, ...past.slice(0, limit - waiting.length)]
}

function wholeOf(query: URLSearchParams, name: string, most: number): number | undefined {
  const written = query.get(name)
  if (written === null) return undefined
  const number = Number(written)
  if (!Number.isInteger(number) || number < 1 || number > most) throw new AdminError(400, `${name} takes a whole number from 1 to ${most}.`, 'invalid')
  return number
}

function read<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body)
  if (!parsed.success) throw new AdminError(400, z.prettifyError(parsed.error), 'invalid')
  return parsed.data
}

const ID = /^[A-Za-z0-9_-]{1,64}$/

function idOf(params: Readonly<Record<string, string>>): string {
  const id = params['id'] ?? ''
  if (!ID.test(id)) throw new AdminError(404, 'There is no such thing here.', 'not_found')
  return id
}

function choiceOf(asked: z.infer<typeof decision>): Choice {
  switch (asked.decision) {
    case 'once':
      return { kind: 'once', ...(asked.calls !== undefined && { calls: asked.calls }) }
    case 'task':
      return { kind: 'task', ...(asked.forMs !== undefined && { forMs: asked.forMs }), ...(asked.anyTask && { anyTask: true }) }
    case 'value':
      return { kind: 'value', paths: asked.paths, ...(asked.forMs !== undefined && { forMs: asked.forMs }) }
    case 'rule':
      return { kind: 'rule', text: asked.text, forMs: asked.forMs }
    case 'deny':
    case 'end':
      return { kind: asked.decision, ...(asked.message !== undefined && { message: asked.message }) }
  }
}
