import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ReplyGuardOptions } from '../../contract/guard.ts'
import type { ReplyEvent } from '../../contract/reply.ts'
import type { Refusal } from '../../contract/verdict.ts'
import { refuse } from '../../contract/verdict.ts'
import { asked, delta, end, event, guardWith, segment, signal, textIn, whole } from '../guard.fixture.ts'
import type { WrittenGuardrails } from '../settings.ts'

const KEY = 'AIzaYKjhAYW6PKvRnUPueP6ZpNFklABgzV0lr_o'
const ALLOW: ReplyGuardOptions = { mode: 'balanced', onDenied: 'fail', signal, decide: () => ({ allow: true }) }

function replyTo(written: WrittenGuardrails = [], options: Partial<ReplyGuardOptions> = {}) {
  return guardWith(written).reply(asked(), { ...ALLOW, ...options })
}

async function through(events: readonly ReplyEvent[], written: WrittenGuardrails = [], options: Partial<ReplyGuardOptions> = {}) {
  const guard = replyTo(written, options)
  const steps: (readonly ReplyEvent[])[] = []
  let refusal: Refusal | undefined
  for (const one of events) {
    const step = await guard.push(one)
    steps.push(step.release)
    refusal ??= step.refusal
  }
  const last = await guard.end()
  steps.push(last.release)
  return { steps, released: steps.flat(), refusal: refusal ?? last.refusal, findings: guard.findings() }
}

test('text that can be no part of a match leaves with the event that brought it, untouched', async () => {
  const events = ['Hello', ' there', ', this', ' is', ' plain', ' text.'].map((text) => delta(text))
  const { steps } = await through(events)
  assert.deepEqual(steps.slice(0, events.length), events.map((one) => [one]))
  assert.ok(steps.slice(0, events.length).every(([released], i) => released === events[i]))
})

test('only the tail that may begin a secret waits', async () => {
  const guard = replyTo()
  const first = await guard.push(delta('The key is AI'))
  assert.equal(textIn(first.release), 'The key is ')
  const second = await guard.push(delta('r conditioning.'))
  assert.equal(textIn(second.release), 'AIr conditioning.')
})

test('a secret that arrives in pieces is redacted, and none of it leaves', async () => {
  const { released, findings, refusal } = await through([...`Use ${KEY} now`].map((one) => delta(one)).concat(end(['0/text'])))
  assert.equal(textIn(released), 'Use [REDACTED_API_KEY] now')
  assert.equal(refusal, undefined)
  assert.deepEqual(findings.map(({ rule, mode, start, end: stop }) => ({ rule, mode, start, stop })), [{ rule: 'google_api_key', mode: 'enforce', start: 4, stop: 4 + KEY.length }])
  assert.ok(!findings.some(({ excerpt }) => excerpt.includes(KEY.slice(6))))
})

test('what still waits when the channel closes leaves before the closing event', async () => {
  const { released } = await through([delta('ends in g'), event({ closes: ['0/text'] }), end()])
  assert.equal(textIn(released), 'ends in g')
  assert.deepEqual(released.at(-2)?.closes, ['0/text'])
})

test('a stream that breaks off gives what waited, decided as it stands', async () => {
  const { released } = await through([delta('ends in gh'), delta('p_')])
  assert.equal(textIn(released), 'ends in ghp_')
})

test('deny ends the reply and nothing that waited leaves', async () => {
  const { released, refusal } = await through([delta('a '), delta(KEY.slice(0, 20)), delta(KEY.slice(20)), delta(' and more'), end(['0/text'])], [{ use: 'secrets', action: 'deny' }])
  assert.equal(refusal?.refuse, 'leak_in_answer')
  assert.equal(textIn(released), 'a ')
})

test('reasoning and every choice are covered, and order is kept', async () => {
  const { released } = await through([
    delta(`think ${KEY.slice(0, 10)}`, '0/reasoning', 'reasoning'),
    delta('one ', '0/text'),
    delta(`${KEY.slice(10)} done`, '0/reasoning', 'reasoning'),
    delta(`two ${KEY}`, '1/text'),
    end(['0/reasoning', '0/text', '1/text']),
  ])
  assert.equal(textIn(released, '0/reasoning'), 'think [REDACTED_API_KEY] done')
  assert.equal(textIn(released, '1/text'), 'two [REDACTED_API_KEY]')
  assert.equal(textIn(released, '0/text'), 'one ')
})

test('strict lets nothing go before the channel is complete', async () => {
  const guard = replyTo([], { mode: 'strict' })
  assert.deepEqual((await guard.push(delta('harmless'))).release, [])
  const closing = await guard.push(end(['0/text']))
  assert.equal(textIn(closing.release), 'harmless')
})

test('observe lets everything go at once and only records', async () => {
  const { steps, findings, refusal } = await through([delta(`x ${KEY}`), end(['0/text'])], [{ use: 'secrets', action: 'deny' }], { mode: 'observe' })
  assert.equal(textIn(steps[0] ?? []), `x ${KEY}`)
  assert.equal(refusal, undefined)
  assert.deepEqual(findings.map(({ rule, mode }) => [rule, mode]), [['google_api_key', 'shadow']])
})

test('a shadow guardrail records and holds nothing', async () => {
  const { steps, findings } = await through([delta('mail jo'), delta('@example.org'), end(['0/text'])], [{ use: 'pii', mode: 'shadow' }])
  assert.equal(textIn(steps[0] ?? []), 'mail jo')
  assert.deepEqual(findings.map(({ category, mode }) => [category, mode]), [['email', 'shadow']])
})

test('a recap loses what its deltas lost, and is found once', async () => {
  const text = `Use ${KEY} now`
  const { released, findings } = await through([delta(text.slice(0, 12)), delta(text.slice(12)), event({ closes: ['0/text'], leaves: [{ channel: '0/text', origin: 'assistant', text, whole: true }] }), end()])
  assert.equal(textIn(released), 'Use [REDACTED_API_KEY] nowUse [REDACTED_API_KEY] now')
  assert.equal(findings.length, 1)
})

test('a whole reply is inspected complete', async () => {
  const { released } = await through([{ ...whole(`key ${KEY}.`), kind: 'end' as const, closes: ['0/text'] }])
  assert.equal(textIn(released), 'key [REDACTED_API_KEY].')
})

const open = event({ opensCall: true, leaves: [{ channel: '0/tool/0', origin: 'tool_call', text: '', whole: false }] })
const proposal = { channel: '0/tool/0', id: 'c1', name: 'send' }

test('from its first byte on, a tool call and all that follows wait for the decision', async () => {
  const asks: string[] = []
  const guard = replyTo([], { decide: ({ name }, args) => (asks.push(`${name} ${args}`), { allow: true }) })
  assert.equal(textIn((await guard.push(delta('ok '))).release), 'ok ')
  assert.deepEqual((await guard.push(open)).release, [])
  assert.deepEqual((await guard.push(delta('{"a":', '0/tool/0', 'tool_call'))).release, [])
  assert.deepEqual((await guard.push(delta('meanwhile'))).release, [])
  assert.deepEqual((await guard.push(delta('1}', '0/tool/0', 'tool_call'))).release, [])
  const done = await guard.push(event({ closes: ['0/tool/0'], proposals: [proposal] }))
  assert.deepEqual(asks, ['send {"a":1}'])
  assert.equal(textIn(done.release, '0/tool/0'), '{"a":1}')
  assert.equal(textIn(done.release), 'meanwhile')
})

test('parallel calls leave together, once each has been decided', async () => {
  const asks: string[] = []
  const guard = replyTo([], { decide: ({ id }) => (asks.push(id), { allow: true }) })
  const both = event({ opensCall: true, leaves: [{ channel: 'a', origin: 'tool_call', text: '{}', whole: false }, { channel: 'b', origin: 'tool_call', text: '{}', whole: false }] })
  assert.deepEqual((await guard.push(both)).release, [])
  assert.deepEqual((await guard.push(event({ closes: ['a'], proposals: [{ channel: 'a', id: '1', name: 'x' }] }))).release, [])
  assert.equal((await guard.push(event({ closes: ['b'], proposals: [{ channel: 'b', id: '2', name: 'y' }] }))).release.length, 3)
  assert.deepEqual(asks, ['1', '2'])
})

test('a call that is announced without a leaf waits too', async () => {
  const guard = replyTo()
  assert.deepEqual((await guard.push(event({ opensCall: true }))).release, [])
  assert.deepEqual((await guard.push(delta('{"q":1}', '0/tool/0', 'tool_call'))).release, [])
  assert.equal((await guard.push(event({ closes: ['0/tool/0'], proposals: [proposal] }))).release.length, 3)
})

test('a denied call fails the turn', async () => {
  const { released, refusal } = await through([delta('hm '), open, delta('{}', '0/tool/0', 'tool_call'), event({ closes: ['0/tool/0'], proposals: [proposal] }), end()], [], {
    decide: () => ({ allow: false, refusal: refuse('call_denied') }),
  })
  assert.equal(refusal?.refuse, 'call_denied')
  assert.equal(textIn(released), 'hm ')
  assert.equal(textIn(released, '0/tool/0'), '')
})

test('or is dropped where the route says so, and the rest goes on', async () => {
  const { released, refusal } = await through([delta('hm '), open, delta('{}', '0/tool/0', 'tool_call'), event({ closes: ['0/tool/0'], proposals: [proposal] }), delta('after'), end()], [], {
    onDenied: 'drop',
    decide: () => ({ allow: false, refusal: refuse('call_denied') }),
  })
  assert.equal(refusal, undefined)
  assert.equal(textIn(released), 'hm after')
  assert.ok(!released.some(({ leaves, proposals }) => proposals.length > 0 || leaves.some(({ channel }) => channel === '0/tool/0')))
})

test('arguments are inspected before the decision and stay JSON after redaction', async () => {
  const asks: string[] = []
  const args = '{"to":"jo@example.org","card":4111111111111111}'
  const { released } = await through([open, ...(args.match(/.{1,5}/g) ?? []).map((text) => delta(text, '0/tool/0', 'tool_call')), event({ closes: ['0/tool/0'], proposals: [proposal] }), end()], [{ use: 'pii', mode: 'enforce' }], {
    decide: (_, text) => (asks.push(text), { allow: true }),
  })
  const expected = '{"to":"[REDACTED_EMAIL]","card":"[REDACTED_CARD]"}'
  assert.deepEqual(asks, [expected])
  assert.equal(textIn(released, '0/tool/0'), expected)
})

test('escapes in arguments hide nothing', async () => {
  const asks: string[] = []
  const args = '{"to":"jo\\u0040example.org","note":"line\\njim@example.org"}'
  await through([open, ...(args.match(/.{1,3}/g) ?? []).map((text) => delta(text, '0/tool/0', 'tool_call')), event({ closes: ['0/tool/0'], proposals: [proposal] }), end()], [{ use: 'pii', mode: 'enforce' }], {
    decide: (_, text) => (asks.push(text), { allow: true }),
  })
  assert.deepEqual(asks, ['{"to":"[REDACTED_EMAIL]","note":"line\\n[REDACTED_EMAIL]"}'])
})

test('a repeated call with other arguments is refused', async () => {
  const { refusal } = await through([
    open,
    delta('{"path":"a"}', '0/tool/0', 'tool_call'),
    event({ closes: ['0/tool/0'], proposals: [proposal], leaves: [{ channel: '0/tool/0', origin: 'tool_call', text: '{"path":"/etc"}', whole: true }] }),
  ])
  assert.equal(refusal?.refuse, 'upstream_malformed')
})

test('a reply that ends inside a call is refused; one that is cut loses the call', async () => {
  const ended = await through([open, delta('{"a"', '0/tool/0', 'tool_call'), end(['0/tool/0'])])
  assert.equal(ended.refusal?.refuse, 'upstream_malformed')
  const cut = await through([delta('text'), open, delta('{"a"', '0/tool/0', 'tool_call')])
  assert.equal(textIn(cut.released), 'text')
  assert.equal(textIn(cut.released, '0/tool/0'), '')
})

test('a decision that throws lets nothing go', async () => {
  const guard = replyTo([], { decide: () => Promise.reject(new Error('no answer')) })
  await guard.push(open)
  await assert.rejects(Promise.resolve(guard.push(event({ closes: ['0/tool/0'], proposals: [proposal] }))))
  assert.deepEqual((await guard.end()).release, [])
})

test('rules that break in mid-stream refuse, unless they may fail open', async () => {
  const broken = {
    id: 'broken', about: '', layer: 'rules' as const, categories: [], on: ['assistant' as const], phase: 'both' as const, action: 'deny' as const, threshold: 0.5,
    postures: { observe: 'shadow' as const, guard: 'enforce' as const, strict: 'enforce' as const },
    refusal: { request: 'content_refused' as const, reply: 'answer_refused' as const },
    matchers: [{ literals: ['boom'], maxLength: 4, find: () => { throw new Error('broken rule') } }],
    marker: () => '', mask: () => '',
  }
  const entry = { use: 'broken', on: ['assistant' as const], mode: 'enforce' as const, action: 'deny' as const, threshold: 0.5, timeout: 100, phase: 'both' as const, except: { routes: [], workloads: [], cohorts: [] } }
  const { makeGuard } = await import('../engine.ts')
  const { clock } = await import('../guard.fixture.ts')
  for (const onError of ['closed', 'open'] as const) {
    const guard = makeGuard({ entries: [{ ...entry, onError }] }, { clock, cacheBytes: 0, guardrails: [broken] }).reply(asked(), ALLOW)
    const step = await guard.push(delta('a boom b'))
    assert.equal(step.refusal?.refuse, onError === 'closed' ? 'guard_failed' : undefined)
    assert.equal(textIn(step.release), onError === 'closed' ? '' : 'a boom b')
    assert.deepEqual(guard.findings().map(({ score }) => score), ['inconclusive'])
  }
})

test('segments of a request and text of a reply are judged apart', () => {
  const guard = guardWith([{ use: 'secrets', phase: 'reply', action: 'deny' }])
  const inspection = guard.inspect(asked(), [segment(`my key ${KEY}`)], 'request', signal)
  assert.ok(!(inspection instanceof Promise))
  assert.equal(inspection.verdict, 'allow')
})
