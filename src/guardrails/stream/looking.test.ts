import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Finding } from '../../contract/finding.ts'
import type { OutputMode } from '../../contract/guard.ts'
import type { Origin } from '../../contract/segment.ts'
import { makeGuard } from '../engine.ts'
import { asked, clock, delta, end, event, signal, textIn } from '../guard.fixture.ts'
import type { Guardrail } from '../guardrail.ts'
import type { Entry } from '../settings.ts'
import { MOST_LOOKS } from './windows.ts'

const entry = (more: Partial<Entry> = {}): Entry => ({
  use: 'test', on: ['assistant', 'tool_call'], mode: 'enforce', action: 'deny', threshold: 0.5, onError: 'closed', timeout: 60_000, phase: 'both', except: { routes: [], workloads: [], cohorts: [] }, ...more,
})

// Finds every `bad`, as a classifier would: with a score.
const look = (seen: string[]): NonNullable<Guardrail['look']> => (text) => {
  seen.push(text)
  const spans = [...text.matchAll(/bad/g)].map(({ index }) => ({ kind: { guardrail: 'test', rule: 'deep:odd', category: 'odd', score: 0.9, least: 0.5, layer: 'deep' as const }, start: index, end: index + 3 }))
  return Promise.resolve({ spans, score: spans.length > 0 ? 0.9 : 0 })
}
const member = (more: Partial<Guardrail>): Guardrail => ({
  id: 'test', about: '', layer: 'deep', categories: ['odd'], on: ['assistant'], phase: 'both', action: 'deny', threshold: 0.5,
  postures: { observe: 'shadow', guard: 'enforce', strict: 'enforce' }, refusal: { request: 'content_refused', reply: 'answer_refused' },
  marker: () => '[ODD]', mask: (_, text) => text, ...more,
})

interface Setting {
  readonly mode?: OutputMode
  readonly entry?: Partial<Entry>
  readonly guardrail?: Partial<Guardrail>
  readonly signal?: AbortSignal
  readonly onShadow?: (findings: readonly Finding[]) => void
}

function replyOf(setting: Setting) {
  const guard = makeGuard(
    { entries: [entry(setting.entry)] },
    { clock, cacheBytes: 0, guardrails: [member(setting.guardrail ?? {})], ...(setting.onShadow && { onShadow: (_, findings) => setting.onShadow?.(findings) }) },
  )
  return guard.reply(asked(), { mode: setting.mode ?? 'balanced', onDenied: 'fail', signal: setting.signal ?? signal, decide: () => ({ allow: true }) })
}

async function streamed(chunks: readonly string[], setting: Setting) {
  const seen: string[] = []
  const reply = replyOf({ guardrail: { look: look(seen) }, ...setting })
  let text = ''
  let refusal: string | undefined
  for (const one of [...chunks.map((chunk) => delta(chunk)), end(['0/text'])]) {
    const step = await reply.push(one)
    text += textIn(step.release)
    refusal ??= step.refusal?.refuse
    if (refusal !== undefined) break
  }
  const last = await reply.end()
  text += textIn(last.release)
  return { text, refusal: refusal ?? last.refusal?.refuse, seen, findings: reply.findings() }
}

function chunked(text: string, cuts: readonly number[]): string[] {
  const at = [...new Set(cuts.map((one) => one % (text.length + 1)))].sort((a, b) => a - b)
  return [...at, text.length].map((to, i) => text.slice(i === 0 ? 0 : at[i - 1], to))
}

const sentences = fc.array(fc.oneof({ weight: 8, arbitrary: fc.lorem({ maxCount: 2, mode: 'sentences' }) }, { weight: 1, arbitrary: fc.constantFrom('It is bad. ', 'bad', 'y'.repeat(250)) }), { minLength: 1, maxLength: 40 }).map((parts) => parts.join(' '))
const cutting = fc.array(fc.nat({ max: 9000 }), { maxLength: 40 })
const LONG = 'Nothing to see in this sentence. '.repeat(200)

test('strict: whatever the chunks, the same windows are looked at, the same leaves, and the same is decided', async () => {
  await fc.assert(
    fc.asyncProperty(sentences, cutting, fc.constantFrom<Entry['action']>('deny', 'redact', 'flag'), async (text, cuts, action) => {
      const setting: Setting = { mode: 'strict', entry: { action } }
      const { text: left, ...got } = await streamed(chunked(text, cuts), setting)
      const { text: expected, ...same } = await streamed([text], setting)
      assert.deepEqual(got, same)
      // Where it was refused, what had been cleared before that may have left already, or may not.
      if (got.refusal === undefined) assert.equal(left, expected)
      else assert.ok(text.startsWith(left) && !left.includes('bad'))
    }),
    { numRuns: 150 },
  )
})

test('balanced: whatever the chunks, the same is decided, and no more than what came leaves', async () => {
  await fc.assert(
    fc.asyncProperty(sentences, cutting, async (text, cuts) => {
      const [got, expected] = [await streamed(chunked(text, cuts), {}), await streamed([text], {})]
      assert.equal(got.refusal, expected.refusal)
      assert.equal(got.refusal === undefined, !text.includes('bad'))
      assert.ok(text.startsWith(got.text))
      if (got.refusal === undefined) assert.deepEqual(got, expected)
    }),
    { numRuns: 150 },
  )
})

test('redaction by a slow layer waits for its window in every mode, and changes what leaves', async () => {
  for (const mode of ['strict', 'balanced'] as const) {
    const { text, refusal } = await streamed([`${LONG}It is b`, `ad, is it? ${LONG}`], { mode, entry: { action: 'redact' } })
    assert.equal(refusal, undefined)
    assert.equal(text, `${LONG}It is [ODD], is it? ${LONG}`)
  }
})

test('strict: what no window has cleared does not leave, and what stands in two waits for both', async () => {
  const { text, refusal } = await streamed([LONG, 'Here comes bad news. ', LONG], { mode: 'strict' })
  assert.equal(refusal, 'answer_refused')
  assert.ok(LONG.startsWith(text) && text.length > 0)
})

test('balanced: text leaves while a window is looked at; a late block ends the reply', async () => {
  const answer = Promise.withResolvers<Awaited<ReturnType<NonNullable<Guardrail['look']>>>>()
  const reply = replyOf({ guardrail: { look: () => answer.promise } })
  const first = reply.push(delta(LONG.slice(0, 500)))
  assert.ok(!(first instanceof Promise))
  assert.equal(textIn(first.release), LONG.slice(0, 500))
  const second = reply.push(delta('and more'))
  assert.ok(!(second instanceof Promise) && second.refusal === undefined)
  answer.resolve({ spans: [{ kind: { guardrail: 'test', rule: 'deep:odd', category: 'odd', score: 0.9, least: 0.5, layer: 'deep' }, start: 0, end: 5 }] })
  await turn()
  const third = await reply.push(delta('never'))
  assert.deepEqual([third.release, third.refusal?.refuse], [[], 'answer_refused'])
})

test('balanced: the end waits for the last look, and a stream that runs ahead waits too', async () => {
  const open: (() => void)[] = []
  const reply = replyOf({ guardrail: { look: () => new Promise((resolve) => open.push(() => resolve({ spans: [] }))) } })
  const pushed = reply.push(delta(LONG))
  assert.ok(pushed instanceof Promise)
  const letting = setInterval(() => open.splice(0).forEach((go) => go()), 1)
  assert.equal(textIn((await pushed).release), LONG)
  await reply.push(end(['0/text']))
  clearInterval(letting)
  assert.equal(open.length, 0)
})

test('observe: nothing waits, nothing is refused, and what is found is recorded', async () => {
  const { text, refusal } = await streamed(['This is bad. ', 'And on.'], { mode: 'observe' })
  assert.deepEqual([text, refusal], ['This is bad. And on.', undefined])
  const heard = Promise.withResolvers<readonly Finding[]>()
  const reply = replyOf({ mode: 'observe', guardrail: { look: look([]) }, onShadow: heard.resolve })
  void reply.push(delta('This is bad.'))
  const ending = reply.push(end(['0/text']))
  assert.ok(!(ending instanceof Promise) && ending.refusal === undefined)
  assert.ok(!(reply.end() instanceof Promise))
  assert.deepEqual((await heard.promise).map(({ category, mode }) => [category, mode]), [['odd', 'shadow']])
  const stuck = replyOf({ mode: 'observe', entry: { timeout: 2 }, guardrail: { look: () => new Promise(() => undefined) } })
  assert.equal(textIn((await stuck.push(delta('a. '.repeat(40_000)))).release).length, 120_000)
})

test('a shadow layer looks beside the stream and delays nothing', async () => {
  const { text, refusal } = await streamed(['This is bad. ', 'And on.'], { mode: 'strict', entry: { mode: 'shadow' } })
  assert.deepEqual([text, refusal], ['This is bad. And on.', undefined])
})

test('a caller who hangs up ends the look', async () => {
  const caller = new AbortController()
  const told = Promise.withResolvers<void>()
  const reply = replyOf({ mode: 'strict', signal: caller.signal, guardrail: { look: (_text, _glance, _tools, stop) => (stop.addEventListener('abort', () => told.resolve()), new Promise(() => undefined)) } })
  const pushed = reply.push(delta(LONG))
  caller.abort()
  await told.promise
  assert.equal((await pushed).refusal?.refuse, 'guard_failed')
})

test('a layer that has spent its allowance is inconclusive, once, and refuses where the entry says so', async () => {
  const spent: Guardrail['look'] = (_text, { allowance }) => {
    const left = allowance.windows
    allowance.windows = Math.max(0, left - 20)
    return Promise.resolve({ spans: [], ...(left === 0 && { inconclusive: '20 windows were not read' }) })
  }
  const flagged = await streamed([LONG], { guardrail: { look: spent } })
  assert.equal(flagged.refusal, undefined)
  assert.deepEqual(flagged.findings.map(({ category, action }) => [category, action]), [['inconclusive', 'flag']])
  const refused = await streamed([LONG], { guardrail: { look: spent }, entry: { onInconclusive: 'deny' } })
  assert.equal(refused.refusal, 'inconclusive')
})

test('looks of one reply are few, however long it is', async () => {
  const { seen, refusal } = await streamed(Array.from({ length: 60 }, () => LONG), {})
  assert.equal(refusal, undefined)
  assert.ok(seen.length <= MOST_LOOKS)
})

test('a judge looks once, at the whole answer; in strict mode nothing leaves before', async () => {
  for (const mode of ['balanced', 'strict'] as const) {
    const { seen, refusal, text } = await streamed([LONG, 'bad'], { mode, guardrail: { layer: 'judge', look: look([]) } })
    assert.equal(refusal, 'answer_refused')
    assert.equal(text, mode === 'strict' ? '' : `${LONG}bad`)
    assert.equal(seen.length, 0)
  }
})

test('arguments are looked at as one before anybody decides', async () => {
  const seen: string[] = []
  const reply = replyOf({ guardrail: { look: look(seen) } })
  const origin: Origin = 'tool_call'
  await reply.push(event({ opensCall: true, leaves: [{ channel: '0/tool/0', origin, text: '{"a":"ba', whole: false }] }))
  await reply.push(delta('d"}', '0/tool/0', origin))
  const step = await reply.push(event({ closes: ['0/tool/0'], proposals: [{ channel: '0/tool/0', id: 'c', name: 'send' }] }))
  assert.equal(step.refusal?.refuse, 'answer_refused')
  assert.deepEqual(seen, ['{"a":"bad"}'])
})
