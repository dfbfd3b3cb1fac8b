import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { HoldRequest, Released, Unreleased } from '../contract/approval.ts'
import type { Shown } from '../contract/shown.ts'
import type { Clock } from '../contract/clock.ts'
import type { Decision, Question } from '../contract/policy.ts'
import type { Principal } from '../contract/principal.ts'
import { uuid7Maker } from '../formats/ids.ts'
import { openEmbedded } from '../store/embedded/open.ts'
import type { Approvals as ApprovalStore } from '../store/interfaces.ts'
import { openApprovals, type OpenApprovals } from './approvals.ts'
import type { Recorded } from './core.ts'
import type { Choice, Decided, DeskEvent, Reviewer } from './desk.ts'
import type { Ended } from './ends.ts'
import { openSealer } from './sealer.ts'
import { settleApprovals, type ApprovalsWritten } from './settings.ts'

/** Time that passes when told. */
export function standingClock(start = 1_000_000_000): Clock & { advance(ms: number): void } {
  let now = start
  let timers: { readonly at: number; readonly fire: () => void }[] = []
  return {
    wall: () => now,
    monotonic: () => now,
    timer(ms, fire) {
      const timer = { at: now + ms, fire }
      timers.push(timer)
      return () => void (timers = timers.filter((one) => one !== timer))
    },
    advance(ms) {
      const end = now + ms
      for (;;) {
        const [due] = timers.filter((one) => one.at <= end).toSorted((a, b) => a.at - b.at)
        if (due === undefined) break
        timers = timers.filter((one) => one !== due)
        now = Math.max(now, due.at)
        due.fire()
      }
      now = end
    },
  }
}

export const admin: Reviewer = { id: 'admin', name: 'administrator', groups: [], rights: ['author'], admin: true }

export function reviewer(name: string, more: Partial<Reviewer> = {}): Reviewer {
  return { id: `r-${name}`, name, tenant: 'default', groups: [], rights: [], admin: false, ...more }
}

export const bot: Principal = {
  tenant: 'default', workload: 'spiffe://sallyport.internal/bot', chain: ['user:bob'], roles: [], agent: 'helper', task: 'txn-1',
  proof: { kind: 'task_token', id: 'jti-1', from: ['key-7', 'svid-3'] }, vouched: [{ kind: 'oidc', id: 'oidc-9' }], scope: { rights: [] },
}

export const shown: Shown = {
  body: '{"amount":5,"to":["acme-1"]}', class: 'money', undo: 'no', task: 'Pay ACME.',
  values: [{ path: 'to.0', value: 'acme-1', control: true, sources: [] }, { path: 'amount', value: 5, control: false, sources: [] }],
}

/** What is held, unless said otherwise: five to acme-1 by `pay`. */
export interface Holding {
  readonly principal?: Partial<Principal>
  readonly decision?: Partial<Decision>
  readonly shown?: Shown
  readonly fingerprint?: string
  readonly resource?: string
  readonly sensitivity?: number
  readonly show?: () => Shown
}

let exchanges = 0

export function requestOf(of: Holding = {}): HoldRequest {
  const decision: Decision = { verdict: 'hold', policies: ['pay-waits'], message: 'Payments wait.', shadow: [], errors: [], cached: false, ...of.decision }
  return {
    exchange: { id: `x-${++exchanges}`, gateway: 'llm', startedAt: 0, epoch: 'e' },
    principal: { ...bot, ...of.principal },
    action: 'tool.propose',
    route: 'default',
    effects: ['money'],
    findings: [],
    held: { decision, resource: { type: 'Tool', id: of.resource ?? 'pay', attributes: { sensitivity: 1 } }, context: { labels: { untrusted: true, sensitivity: of.sensitivity ?? 1 } } },
    fingerprint: of.fingerprint ?? 'f-5-acme-1',
    show: of.show ?? (() => of.shown ?? shown),
  }
}

/** A rule in these tests is `permit <resource>` or `permit *`; an epoch may know none. */
function compile(text: string, epoch: string): { matches(question: Question): boolean } {
  const [word, what] = text.split(' ')
  if (epoch === 'without') throw new Error('the schema knows no such thing')
  if (word !== 'permit' || what === undefined) throw new Error('a rule is a permit')
  return { matches: ({ resource }) => what === '*' || `${resource.type}::${resource.id}` === what }
}

export interface Waiting {
  readonly exchange: string
  readonly end: Promise<Released | Unreleased>
  readonly abort: (reason?: unknown) => void
}

/** Approvals over a real store and a clock that stands still. */
export async function opened(t: Pick<TestContext, 'after'>, options: { readonly written?: ApprovalsWritten; readonly store?: (real: ApprovalStore) => ApprovalStore } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-approvals-'))
  const embedded = await openEmbedded({ folder })
  const store = options.store?.(embedded.approvals) ?? embedded.approvals
  const clock = standingClock()
  const events: DeskEvent[] = []
  const records: Recorded[] = []
  const ends: Ended[] = []
  const withdrawn: string[] = []
  const defects: unknown[] = []
  const epoch = { id: 'e1' }
  const recording = { fails: false }
  const newId = uuid7Maker(() => clock.wall())
  const settings = settleApprovals(options.written)
  const open = (): Promise<OpenApprovals> =>
    openApprovals({
      store, clock, newId, epoch: () => epoch, rule: (text) => compile(text, epoch.id), settings: () => settings,
      sealer: openSealer(folder),
      suggest: ({ resource }) => `permit ${resource.type}::${resource.id}`,
      record: (act) => (recording.fails ? Promise.reject(new Error('the disk is full')) : Promise.resolve(void records.push(act))),
      onEnd: (ended) => ends.push(ended),
      onWithdrawn: (approval) => withdrawn.push(approval),
      onDefect: (error) => defects.push(error),
    })
  const follow = async (of: OpenApprovals): Promise<void> => {
    for await (const event of of.desk.watch(admin, watching.signal)) events.push(event)
  }
  const watching = new AbortController()
  let approvals = await open()
  void follow(approvals)
  t.after(async () => {
    watching.abort()
    approvals.close()
    await embedded.close()
    rmSync(folder, { recursive: true })
  })
  const harness = {
    folder, store, clock, events, records, ends, defects, recording, epoch, settings, subjects: embedded.subjects,
    get approvals() {
      return approvals
    },
    get desk() {
      return approvals.desk
    },
    /** As after a crash: whoever waited hears nothing good. */
    async restart() {
      approvals.close()
      approvals = await open()
      void follow(approvals)
    },
    hold(of: Holding = {}): Waiting {
      const gone = new AbortController()
      const request = requestOf(of)
      return { exchange: request.exchange.id, end: approvals.hold(request, gone.signal), abort: (reason) => gone.abort(reason) }
    },
    /** Resolves with the only approval that anybody waits for (or the only one, for none) once `calls` do. */
    async pending(calls = 1) {
      for (;;) {
        const [one, ...more] = approvals.desk.list(admin).filter((each) => calls === 0 || each.waiting > 0)
        if (one !== undefined && more.length === 0 && one.waiting === calls) {
          await store.get(one.tenant, one.id)
          return one
        }
        await new Promise((resolve) => setTimeout(resolve, 2))
      }
    },
    /** Holds, and decides as soon as it waits. */
    async decided(of: Holding, choice: Choice, by: Reviewer = reviewer('anna', { rights: ['author'] })): Promise<{ readonly decided: Decided; readonly end: Released | Unreleased }> {
      const held = harness.hold(of)
      const { id, hash } = await harness.pending()
      await approvals.desk.get(by, id)
      const decided = await approvals.desk.decide(by, id, hash, choice)
      return { decided, end: await held.end }
    },
    /** What becomes of a further call: released and how, or the code of its refusal; `waits` when people are asked. */
    async passes(of: Holding = {}): Promise<string> {
      const gone = new AbortController()
      const waiting = (): number => approvals.desk.list(admin).reduce((sum, one) => sum + one.waiting, 0)
      const before = waiting()
      const request = requestOf(of)
      const end = approvals.hold(request, gone.signal).then((said) => ('refusal' in said ? said.refusal.refuse : said.how))
      const asks = async (): Promise<string> => {
        for (let tries = 0; tries < 500; tries++) {
          if (waiting() > before) return 'waits'
          await new Promise((resolve) => setTimeout(resolve, 2))
        }
        return 'nothing'
      }
      const said = await Promise.race([end, asks()])
      gone.abort()
      await end
      return said
    },
  }
  return harness
}

export type Harness = Awaited<ReturnType<typeof opened>>
