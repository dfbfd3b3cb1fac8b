import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UNKNOWN_TOOL } from './contract/tool.ts'
import type { Epoch } from './contract/epoch.ts'
import type { Errand } from './contract/gateway.ts'
import type { Candidate, Reading } from './contract/exchange.ts'
import type { Principal } from './contract/principal.ts'
import type { AuditRecord, Receipt } from './contract/receipt.ts'
import type { Reply, ReplyEvent } from './contract/reply.ts'
import type { Refusal } from './contract/verdict.ts'
import type { Facts, Step, Stepped } from './contract/facts.ts'
import { NO_USAGE } from './contract/exchange.ts'
import { refuse } from './contract/verdict.ts'
import { ORDER, pass, type Spine, type StepName } from './spine.ts'
import { close } from './steps/close.ts'
import { noFlow } from './steps/flow.fixture.ts'
import { makeRefusalMemory } from './steps/memory.ts'
import { makeSteps } from './steps/make.ts'
import type { House } from './steps/house.ts'

const clock = {
  wall: () => Date.now(),
  monotonic: () => performance.now(),
  timer(ms: number, fire: () => void) {
    const timer = setTimeout(fire, ms)
    return () => clearTimeout(timer)
  },
}

const principal: Principal = {
  tenant: 'acme',
  workload: 'key:1',
  chain: [],
  roles: [],
  proof: { kind: 'api_key', id: '1' },
  scope: { rights: [] },
}

const candidate: Candidate = {
  id: 'p/m',
  resource: { type: 'Model', id: 'p/m', attributes: {} },
  provider: 'p',
  model: 'm',
  role: 'primary',
}

function reading(more: Partial<Reading> = {}): Reading {
  const made: Reading = {
    action: 'llm.generate',
    resource: { type: 'Route', id: 'default', attributes: {} },
    route: 'default',
    direction: 'outbound',
    effect: 'dial',
    overlapsIntent: true,
    stream: false,
    segments: [{ origin: 'user', text: 'hello', path: [], group: '0' }],
    effects: [],
    parameters: {},
    subordinates: [],
    estimate: { input: 1, choices: 1 },
    apply: () => made,
    fingerprint: () => 'same',
    ...more,
  }
  return made
}

function event(text: string, more: Partial<ReplyEvent> = {}): ReplyEvent {
  const made: ReplyEvent = {
    kind: 'content',
    leaves: [{ channel: '0/text', origin: 'assistant', text, whole: false }],
    closes: [],
    opensCall: false,
    proposals: [],
    rewrite: ([changed]) => event(changed as string, more),
    drop: () => made,
    ...more,
  }
  return made
}

/** One exchange in a house of real steps over small parts; says what left, what was dialled and what was recorded. */
function stage(options: { replace?: Partial<Record<StepName, Step>>; reading?: Partial<Reading>; deny?: string[]; hold?: string[]; proposals?: boolean; intentFails?: boolean } = {}) {
  const records: AuditRecord[] = []
  const seen = { dialled: 0, aborted: 0, sent: [] as string[], refused: [] as Refusal[], reserved: 0, settled: 0, released: 0, defects: [] as string[] }
  const epoch: Epoch = {
    id: 'e1',
    serial: 1,
    posture: 'guard',
    authorize: ({ action }) => ({
      verdict: options.deny?.includes(action) ? 'deny' : options.hold?.includes(action) ? 'hold' : 'allow',
      policies: ['p1'],
      shadow: [],
      errors: [],
      cached: false,
    }),
    release: () => ({ verdict: 'deny', policies: ['p1'], shadow: [], errors: [], cached: false }),
    history: { read: () => undefined, reserve: () => true },
    tool: () => UNKNOWN_TOOL,
    flow: noFlow,
    guard: {
      inspect: () => ({ findings: [], verdict: 'allow', edits: [], micros: 1, reused: 0 }),
      reply: (_asked, { decide }) => ({
        async push(one) {
          for (const proposal of one.proposals) {
            const outcome = await decide(proposal, '{}')
            if (!outcome.allow) return { release: [], refusal: outcome.refusal }
          }
          return { release: [one] }
        },
        end: () => ({ release: [] }),
        findings: () => [],
        micros: () => 0,
      }),
    },
    budgets: {
      reserve: () => (seen.reserved++, { id: 'r', cost: 0, tokens: 0, bounded: false, rows: [] }),
      dialled: () => undefined,
      settle: () => void seen.settled++,
      release: () => void seen.released++,
      answered: () => undefined,
      meter: () => () => true,
    },
    route: () => ({ output: 'balanced', onDeniedCall: 'fail' }),
  }
  const house: House = {
    clock,
    audit: {
      intent: (record) => (records.push(record), options.intentFails === true ? Promise.reject(new Error('disk full')) : Promise.resolve()),
      receipt: (record) => (records.push(record), Promise.resolve()),
      act: () => Promise.resolve(),
      healthy: () => true,
    },
    refusals: makeRefusalMemory(clock),
    keepReplyBytes: 1000,
    keepPayload: 'full',
    observe: () => undefined,
    approvals: { hold: () => Promise.resolve({ waited: 0, refusal: refuse('approval_expired') }), ended: () => undefined },
    history: { commit: () => undefined, release: () => undefined },
    anomaly: () => 0,
    epoch: () => epoch,
    pass: (errand) => pass(spine, errand),
  }
  let ids = 0
  const real = makeSteps(house)
  const spine: Spine = {
    clock,
    newId: () => `x${ids++}`,
    epoch: () => epoch,
    // A fault concerns the exchange from the wire; the children it might have take the real steps.
    steps: Object.fromEntries(
      ORDER.map((name) => [name, (facts, signal) => (facts.errand.parent === undefined ? (options.replace?.[name] ?? real[name]) : real[name])(facts, signal)] satisfies [string, Step]),
    ) as Record<StepName, Step>,
    limits: Object.fromEntries(ORDER.map((name) => [name, 40])) as Record<StepName, number>,
    close: close(house),
    onDefect: (step) => void seen.defects.push(step),
  }
  const gone = new AbortController()
  const errand: Errand = {
    gateway: 'test',
    signal: gone.signal,
    identify: () => principal,
    read: () => reading(options.reading),
    resolve: () => [candidate],
    dial(): Reply {
      seen.dialled++
      return {
        events: (async function* () {
          yield event('hel')
          yield event('lo', options.proposals === true ? { proposals: [{ channel: '0/tool/0', id: 'c1', name: 'wire_money' }] } : {})
          yield event('', { kind: 'end', leaves: [] })
        })(),
        attempts: () => [{ candidate: 'p/m', role: 'primary', model: 'm', outcome: 'answered', usage: NO_USAGE, cost: 0, startedAt: 0, took: 1 }],
        usage: () => NO_USAGE,
        released: () => undefined,
        abort: () => void seen.aborted++,
        finished: () => Promise.resolve(),
      }
    },
    async deliver(guarded) {
      for await (const one of guarded.events) for (const leaf of one.leaves) seen.sent.push(leaf.text)
      return { status: 200, bytes: 5, complete: true }
    },
    refuse: (refusal) => (seen.refused.push(refusal), { status: 403, bytes: 1, complete: true }),
  }
  return {
    seen,
    records,
    gone,
    run: () => pass(spine, errand),
    receipt: () => records.find((one): one is Receipt => one.kind === 'receipt' && one.parent === undefined),
  }
}

test('a benign exchange is answered, settled once and leaves an intent and a receipt', async () => {
  const { run, seen, records } = stage()
  await run()
  assert.equal(seen.sent.join(''), 'hello')
  assert.deepEqual(records.map((one) => one.kind), ['intent', 'receipt'])
  assert.equal(seen.settled, 1)
  assert.deepEqual(seen.defects, [])
})

const hang: Step = () => new Promise<Stepped>(() => undefined)
const faults: Record<string, Step> = {
  throws: () => {
    throw new Error('boom')
  },
  rejects: () => Promise.reject(new Error('boom')),
  hangs: hang,
  'returns null': () => null as never,
  'returns a string': () => 'allow' as never,
  'returns empty facts under the wrong keys': () => ({ principal: {}, reading: {}, candidates: 'all', permit: { exchange: 'another', candidates: [] }, inspection: { verdict: 'sure' }, committed: true, reply: {}, guarded: {}, reservation: {} }) as never,
  'returns an array': () => [] as never,
}

for (const name of ORDER) {
  for (const [fault, step] of Object.entries(faults)) {
    test(`${name} ${fault}: nothing passes and a receipt says so`, async () => {
      const { run, seen, receipt } = stage({ replace: { [name]: step } })
      const passed = await run()
      assert.equal(seen.sent.join(''), '')
      if (name !== 'dial' && name !== 'guard') assert.equal(seen.dialled, 0)
      assert.equal(passed.refusal?.refuse, fault === 'hangs' ? 'step_timeout' : 'step_failed')
      assert.equal(seen.refused.length, 1)
      assert.equal(receipt()?.outcome, 'failed')
      assert.equal(receipt()?.step, name)
      assert.equal(seen.reserved, seen.settled + seen.released)
    })
  }
}

for (const name of ['authorize', 'reauthorize'] as const) {
  test(`${name} that adds a target nobody resolved permits nothing`, async () => {
    const { run, seen } = stage({
      replace: { [name]: ({ exchange }: Facts) => ({ permit: { exchange: exchange.id, candidates: [{ ...candidate, id: 'evil' }] }, decisions: [{ verdict: 'allow', policies: [], shadow: [], errors: [], cached: false }] }) },
    })
    assert.equal((await run()).refusal?.refuse, 'step_failed')
    assert.equal(seen.dialled, 0)
  })
}

test('a permit without an allowing decision is no permit', async () => {
  const { run, seen } = stage({ replace: { authorize: ({ exchange, candidates }) => ({ permit: { exchange: exchange.id, candidates: candidates ?? [] }, decisions: [] }) } })
  assert.equal((await run()).refusal?.refuse, 'step_failed')
  assert.equal(seen.dialled, 0)
})

test('what is held is not dialled unless somebody released it, whatever the steps claim', async () => {
  const shown = { body: '{}', values: [], undo: 'unknown' } as const
  const unreleased = { hold: ['llm.generate'], reading: { show: () => shown } }
  const cases = [
    [{ hold: ['llm.generate'] }, 'approval_unavailable'],
    [unreleased, 'approval_expired'],
    [{ ...unreleased, replace: { approve: () => ({}) } }, 'step_failed'],
    [{ ...unreleased, replace: { approve: () => ({ approval: { id: 'a', verdict: 'denied', policies: [], waited: 0 } }) } }, 'step_failed'],
    // Consent for a hold does not make up for a permit that was never given.
    [{ ...unreleased, replace: { approve: () => ({ approval: { id: 'a', verdict: 'released', policies: [], waited: 0 } }) } }, 'step_failed'],
  ] as const
  for (const [options, code] of cases) {
    const { run, seen, receipt } = stage(options as Parameters<typeof stage>[0])
    assert.equal((await run()).refusal?.refuse, code)
    assert.equal(receipt()?.verdict, code === 'step_failed' ? 'deny' : 'hold')
    assert.deepEqual([seen.dialled, seen.reserved, seen.released], [0, 1, 1], 'the budget gets back what was set aside')
  }
})

test('an upstream reply that comes after its step was given up is aborted', async () => {
  const { run, seen } = stage({
    replace: {
      dial: () =>
        new Promise((resolve) =>
          setTimeout(() => resolve({ reply: { events: (async function* () {})(), attempts: () => [], usage: () => NO_USAGE, released: () => undefined, abort: () => void seen.aborted++, finished: () => Promise.resolve() } }), 80),
        ),
    },
  })
  await run()
  await new Promise((resolve) => setTimeout(resolve, 80))
  assert.equal(seen.aborted, 1)
})

test('no byte leaves when the intent cannot be committed', async () => {
  const { run, seen, receipt } = stage({ intentFails: true })
  assert.equal((await run()).refusal?.refuse, 'audit_unavailable')
  assert.equal(seen.sent.length, 0)
  assert.ok(receipt())
})

test('an effect that does not overlap its intent waits for it before the dial', async () => {
  const { run, seen } = stage({ intentFails: true, reading: { overlapsIntent: false } })
  assert.equal((await run()).refusal?.refuse, 'audit_unavailable')
  assert.equal(seen.dialled, 0)
})

test('a proposed tool call is a child exchange with its own receipt, and its denial ends the turn', async () => {
  const { run, seen, records } = stage({ proposals: true, deny: ['tool.propose'] })
  const passed = await run()
  assert.equal(passed.refusal?.refuse, 'call_denied')
  const child = records.find((one): one is Receipt => one.kind === 'receipt' && one.action === 'tool.propose')
  assert.equal(child?.parent, passed.exchange.id)
  assert.equal(child?.resource, 'Tool::wire_money')
  assert.equal(child?.code, 'denied')
  assert.deepEqual(seen.sent, ['hel'])
})

test('what the provider would do behind our back is asked about before anything is spent', async () => {
  const { run, seen, records } = stage({
    deny: ['llm.fetch_url'],
    reading: { subordinates: [{ action: 'llm.fetch_url', resource: { type: 'Host', id: 'evil.example', attributes: {} }, effects: ['url_fetch'] }] },
  })
  assert.equal((await run()).refusal?.refuse, 'url_fetch_denied')
  assert.equal(seen.reserved, 0)
  assert.ok(records.some((one) => one.kind === 'receipt' && one.action === 'llm.fetch_url'))
})

test('a caller who hangs up is recorded as cancelled and its upstream is ended', async () => {
  const { run, seen, receipt, gone } = stage({ replace: { inspect: hang } })
  const running = run()
  gone.abort()
  assert.equal((await running).refusal?.refuse, 'cancelled')
  assert.equal(receipt()?.outcome, 'cancelled')
  assert.equal(seen.dialled, 0)
})

test('a refusal that cannot be rendered still leaves its receipt', async () => {
  const { run, seen, receipt } = stage({ deny: ['llm.generate'], replace: {} })
  seen.refused.push = () => {
    throw new Error('socket gone')
  }
  assert.equal((await run()).refusal?.refuse, 'denied')
  assert.equal(receipt()?.code, 'denied')
})

test('the same refused request again is refused from memory', async () => {
  const first = stage({ deny: ['llm.generate'] })
  await first.run()
  await first.run()
  const receipts = first.records.filter((one): one is Receipt => one.kind === 'receipt')
  assert.deepEqual(receipts.map((one) => one.step), ['authorize', 'read'])
  assert.equal(refuse('denied').refuse, receipts[1]?.code)
})
