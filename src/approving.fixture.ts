import type { TestContext } from 'node:test'
import { openApproving, type Approving } from './approving.ts'
import { DeskError, type ApprovalSummary, type ApprovalView, type Choice, type Decided, type Desk, type DeskEvent, type Reviewer, type Standing } from './approvals/desk.ts'
import { adminHandler } from './console/admin.ts'
import type { Clock } from './contract/clock.ts'
import type { Act } from './contract/receipt.ts'
import { systemClock } from './edge/clock.ts'
import { listen } from './edge/listen/http.ts'
import { makeAdminDoor } from './identity/admin.ts'
import { newKey } from './identity/key.ts'
import { openReviewers, type Reviewers, type ReviewerSpec } from './identity/reviewers.ts'
import type { KeyRow, Keys } from './store/interfaces.ts'

/** One action that waits, as an attacker would like it to look. */
export function summaryOf(id: string, more: Partial<ApprovalSummary> = {}): ApprovalSummary {
  return {
    id, hash: `hash-of-${id}`, tenant: 'default', state: 'pending', workload: 'key:bot', chain: ['bob@example.com'], agent: 'bot', task: 'tx-1', action: 'tool.propose',
    resource: 'Tool::send_email', route: 'default', exchange: 'x-1', policies: ['no-exfiltration'], message: 'Read untrusted content.', reviewers: 1, agreed: [],
    created: Date.now(), expires: Date.now() + 60_000, waiting: 1, ...more,
  }
}

/** A desk that keeps what it was asked, and decides as told: the surfaces are what is tested. */
export interface FakeDesk extends Desk {
  readonly waiting: Map<string, ApprovalSummary>
  readonly past: ApprovalSummary[]
  readonly stands: Standing[]
  readonly asked: { readonly by: Reviewer; readonly what: string; readonly choice?: Choice }[]
  view: Partial<ApprovalView>
  tell(event: DeskEvent): void
}

export function fakeDesk(): FakeDesk {
  const told: DeskEvent[] = []
  let wake = Promise.withResolvers<void>()
  const sees = (who: Reviewer, { tenant, group }: ApprovalSummary): boolean => who.admin || (tenant === who.tenant && (group === undefined || who.groups.includes(group)))
  const desk: FakeDesk = {
    waiting: new Map(),
    past: [],
    stands: [],
    asked: [],
    view: {},
    tell(event) {
      told.push(event)
      wake.resolve()
      wake = Promise.withResolvers()
    },
    list: (by) => [...desk.waiting.values()].filter((one) => sees(by, one)),
    get(by, id) {
      desk.asked.push({ by, what: `get ${id}` })
      const found = desk.waiting.get(id) ?? desk.past.find((one) => one.id === id)
      if (found === undefined || !sees(by, found)) return Promise.reject(new DeskError('not_found', 'There is no such approval.'))
      return Promise.resolve({ ...found, effects: [], attributes: {}, findings: [], similar: { approved: 0, denied: 0, expired: 0, last: [] }, ...desk.view } as ApprovalView)
    },
    decide(by, id, hash, choice) {
      desk.asked.push({ by, what: `decide ${id}`, choice })
      const found = desk.waiting.get(id)
      if (found === undefined) return Promise.reject(new DeskError('conflict', 'It was decided already.'))
      if (found.hash !== hash) return Promise.reject(new DeskError('conflict', 'It is not the action that you looked at.'))
      if (choice.kind === 'rule' && !by.rights.includes('author')) return Promise.reject(new DeskError('forbidden', 'Making rules takes the right author.'))
      desk.waiting.delete(id)
      const approval: ApprovalSummary = { ...found, state: choice.kind === 'deny' || choice.kind === 'end' ? 'denied' : 'approved', waiting: 0, decision: { kind: choice.kind, by: [by.name], at: Date.now(), tookMs: 5 } }
      desk.past.unshift(approval)
      desk.tell({ kind: 'decided', at: Date.now(), approval })
      return Promise.resolve({ id, result: approval.state === 'denied' ? 'denied' : 'released', released: 1, missing: 0 } satisfies Decided)
    },
    history: (by, { limit, before }) => Promise.resolve(desk.past.filter((one) => sees(by, one) && (before === undefined || one.created < before)).slice(0, limit)),
    wouldMatch: (by, text, tenant) => {
      desk.asked.push({ by, what: `match ${text} ${tenant ?? ''}` })
      return text.startsWith('permit') ? Promise.resolve({ looked: 3, matched: 1, matches: [] }) : Promise.reject(new DeskError('invalid', 'A rule is a permit.'))
    },
    standing: () => Promise.resolve(desk.stands),
    withdraw(_by, id) {
      const at = desk.stands.findIndex((one) => one.id === id)
      if (at < 0) return Promise.reject(new DeskError('not_found', 'Nothing like that stands.'))
      desk.stands.splice(at, 1)
      return Promise.resolve()
    },
    proposals(by) {
      if (!by.rights.includes('author')) throw new DeskError('forbidden', 'Proposals are for policy authors.')
      return [{ id: 'p1', tenant: 'default', at: 0, action: 'tool.propose', resource: 'Tool::x', policies: ['h'], approved: 9, denied: 0, medianMs: 900, why: 'Never denied.', kind: 'stop_asking', text: 'permit (principal, action, resource);' }]
    },
    adopt: (by, id, text) => Promise.resolve({ id: 'r1', kind: 'rule', tenant: 'default', approval: id, by: [by.name], since: 0, until: 1, policies: ['h'], text }),
    dismiss: () => Promise.resolve(),
    habits: () => [{ decisions: 40, approved: 39, fast: 39, medianMs: 800, lastHour: 40, tight: true }],
    async *watch(_by, signal) {
      let next = told.length
      const over = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
      while (!signal.aborted) {
        const event = told[next]
        if (event !== undefined) {
          next++
          yield event
        } else await Promise.race([wake.promise, over])
      }
    },
  }
  return desk
}

export function memoryKeys(): Keys {
  const rows: KeyRow[] = []
  return {
    all: () => Promise.resolve([...rows]),
    insert: (row) => Promise.resolve(void rows.push(row)),
    revoke(id, at) {
      const index = rows.findIndex((row) => row.id === id && row.revoked === undefined)
      if (index === -1) return Promise.resolve(false)
      rows[index] = { ...(rows[index] as KeyRow), revoked: at }
      return Promise.resolve(true)
    },
  }
}

export interface Surfaces {
  readonly desk: FakeDesk
  readonly approving: Approving
  readonly reviewers: Reviewers
  readonly keys: Keys
  readonly url: string
  readonly adminKey: string
  readonly acts: Act[]
  readonly failed: { readonly place: string; readonly error: unknown }[]
  /** What the metrics were told. */
  readonly counted: string[]
  reviewer(spec?: Partial<ReviewerSpec>): Promise<{ readonly key: string; readonly id: string }>
  ask(key: string | undefined, verb: string, path: string, body?: unknown): Promise<{ readonly status: number; readonly said: Record<string, never> }>
}

/** The surfaces of approvals behind a real listener on a free port. */
export async function surfaces(t: TestContext, more: { readonly clock?: Clock } = {}): Promise<Surfaces> {
  const clock = more.clock ?? systemClock
  const secret = { id: 'test', bytes: Buffer.alloc(32, 7) }
  const keys = memoryKeys()
  const reviewers = await openReviewers({ keys, secret, clock })
  const adminKey = newKey('spa').key
  const desk = fakeDesk()
  const acts: Act[] = []
  const failed: { place: string; error: unknown }[] = []
  const counted: string[] = []
  const defects: unknown[] = []
  let ids = 0
  const newId = (): string => `id-${++ids}`
  let url = ''
  const approving = openApproving({
    desk, reviewers, clock, newId,
    audit: { act: (record) => Promise.resolve(void acts.push(record)) },
    adminUrl: () => url,
    log: (name, fields) => void (name === 'webhook_failed' && failed.push(fields as { place: string; error: unknown })),
    metrics: { approval: (event) => counted.push(event), webhookFailed: (what) => counted.push(`failed ${what}`) },
    onDefect: (_step, error) => defects.push(error),
  })
  const handle = adminHandler({
    identify: makeAdminDoor(adminKey, secret, reviewers),
    ready: () => ({ ready: true, why: [] }),
    metrics: () => Promise.resolve({ type: 'text/plain', text: 'figures' }),
    routes: [{ verb: 'GET', path: 'status', run: () => ({ posture: 'guard' }) }, ...approving.routes],
    newId,
    onDefect: (_step, error) => defects.push(error),
  })
  const listener = await listen({ host: '127.0.0.1', port: 0, newId, lingerMs: 100 }, handle)
  url = `http://127.0.0.1:${listener.port}`
  t.after(async () => {
    await approving.close()
    await listener.close({ graceMs: 200 })
    if (defects.length > 0) throw defects[0]
  })
  return {
    desk, approving, reviewers, keys, url, adminKey, acts, failed, counted,
    async reviewer(spec = {}) {
      const { key, facts } = await reviewers.createReviewer({ name: 'Alice', ...spec })
      return { key, id: facts.id }
    },
    async ask(key, verb, path, body) {
      const reply = await fetch(`${url}/${path}`, {
        method: verb,
        headers: { ...(key !== undefined && { authorization: `Bearer ${key}` }), ...(body !== undefined && { 'content-type': 'application/json' }) },
        ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      })
      const text = await reply.text()
      return { status: reply.status, said: (text.startsWith('{') ? JSON.parse(text) : { text }) as Record<string, never> }
    },
  }
}
