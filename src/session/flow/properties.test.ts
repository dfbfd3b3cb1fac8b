import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { FlowDecision } from '../../contract/flow.ts'
import { decideCall } from './decide.ts'
import { decide, result, sessionOf, system, user } from './flow.fixture.ts'
import type { FlowSegment } from './reading.ts'

const RANK = { allow: 0, hold: 1, deny: 2 } as const
const milder = (after: FlowDecision, before: FlowDecision): boolean => RANK[after.verdict] < RANK[before.verdict]

const told = { tools: { vault: { attributes: { sensitivity: 3 } }, crm: { attributes: { sensitivity: 1 } }, contacts: { trust: 'directory' } } } as const

const addresses = ['ann@own.example', 'bob.stone@else.example', 'eve@evil.example', 'desk@evil.example']
const scraps = ['Send the report to', 'Please mail', 'delete the file notes.txt', 'Bob Stone', 'https://evil.example/a?b=1', 'https://own.example/start', 'DE89370400440532013000', 'token: abcdef123456', 'id 4471', 'and then', 'summarise it.', '\n', 'Ünïcode', '日本語のメモ', ...addresses]
const words = fc.array(fc.oneof(fc.constantFrom(...scraps), fc.string({ maxLength: 12 })), { minLength: 1, maxLength: 14 }).map((all) => all.join(' '))
const json = fc.oneof(fc.record({ email: fc.constantFrom(...addresses), note: words }).map((one) => JSON.stringify(one)), fc.array(fc.record({ id: fc.nat(9999), text: words }), { maxLength: 3 }).map((one) => JSON.stringify(one)))

/** What tools and unknown others say, and never anything that a directory says. */
const prose: fc.Arbitrary<FlowSegment> = fc.oneof(
  words.map((text) => result(text)),
  words.map((text) => result(text, { tool: 'crm' })),
  words.map((text): FlowSegment => ({ origin: 'assistant', text })),
  words.map((text): FlowSegment => ({ origin: 'document', text })),
  words.map((text): FlowSegment => ({ ...user(text), untrusted: true })),
)
const segment: fc.Arbitrary<FlowSegment> = fc.oneof(prose, words.map(user), words.map(system), json.map((text) => result(text)), json.map((text) => result(text, { tool: 'contacts' })), words.map((text) => result(text, { tool: 'vault' })))
const conversation = fc.array(segment, { maxLength: 7 })
const call = fc.oneof(
  fc.record({ to: fc.constantFrom(...addresses), body: words }).map((args) => ({ tool: 'send_email', args })),
  fc.record({ to: fc.constantFrom(...addresses), cc: fc.constantFrom(...addresses), file: fc.constant('notes.txt'), body: words }).map((args) => ({ tool: 'forward_email', args })),
  fc.record({ url: fc.constantFrom('https://evil.example/a?b=1', 'https://own.example/start') }).map((args) => ({ tool: 'fetch_page', args })),
  fc.record({ path: fc.constantFrom('notes.txt', 'other/notes.txt', '../x') }).map((args) => ({ tool: 'delete_file', args })),
  fc.record({ event_id: fc.constantFrom('4471', '12'), title: words }).map((args) => ({ tool: 'update_event', args })),
  fc.record({ iban: fc.constantFrom('DE89370400440532013000', 'DE00'), amount: fc.nat(100) }).map((args) => ({ tool: 'transfer_money', args })),
)

test('what is deferred comes to the same as what is taken at once: labels before anybody looks, and every decision', () => {
  const spoken = fc.oneof(segment, words.map((text): FlowSegment => ({ origin: 'assistant', text, known: true })), words.map((text) => user(`<document>${text}</document>`)), fc.constantFrom('ok', '', '42', 'true').map((text) => result(text)))
  fc.assert(fc.property(fc.array(spoken, { maxLength: 7 }), call, fc.constantFrom('role', 'attested'), (segments, { tool, args }, provenance) => {
    const eager = sessionOf(segments, { ...told, flow: { provenance } })
    const lazy = sessionOf([], { ...told, flow: { provenance } })
    for (const one of segments) lazy.defer(one)
    assert.deepEqual(lazy.labels(), eager.view().labels)
    assert.deepEqual(decide(lazy, tool, args), decide(eager, tool, args))
    assert.deepEqual(lazy.view().labels, eager.view().labels)
  }), { numRuns: 400 })
})

test('labels only rise', () => {
  fc.assert(fc.property(conversation, (segments) => {
    const session = sessionOf([], told)
    let last = session.view().labels
    for (const one of segments) {
      session.take(one)
      const { labels } = session.view()
      assert.ok(labels.sensitivity >= last.sensitivity && (labels.untrusted || !last.untrusted))
      last = labels
    }
  }), { numRuns: 200 })
})

test('appending untrusted text never turns a hold into an allow, nor a denial into a hold', () => {
  fc.assert(fc.property(conversation, fc.array(prose, { minLength: 1, maxLength: 4 }), call, (segments, more, { tool, args }) => {
    const before = decide(sessionOf(segments, told), tool, args)
    const after = decide(sessionOf([...segments, ...more], told), tool, args)
    assert.ok(!milder(after, before), `${before.verdict} became ${after.verdict}`)
    // The same session, going on.
    const session = sessionOf(segments, told)
    decide(session, tool, args)
    for (const one of more) session.take(one)
    assert.equal(decide(session, tool, args).verdict, after.verdict)
  }), { numRuns: 400 })
})

test('nor does appending structures, where names do not open addresses', () => {
  const strict = { ...told, flow: { named_recipients: false } }
  const untrusted = fc.oneof(prose, json.map((text) => result(text)))
  fc.assert(fc.property(conversation, fc.array(untrusted, { minLength: 1, maxLength: 4 }), call, (segments, more, { tool, args }) => {
    assert.ok(!milder(decide(sessionOf([...segments, ...more], strict), tool, args), decide(sessionOf(segments, strict), tool, args)))
  }), { numRuns: 300 })
})

test('splitting a tool result in two changes nothing', () => {
  fc.assert(fc.property(conversation, fc.oneof(words, json), fc.constantFrom('read_page', 'contacts', 'vault', 'crm'), fc.double({ min: 0, max: 1, noNaN: true }), conversation, call, (before, text, tool, share, after, { tool: sink, args }) => {
    const cut = Math.floor(text.length * share)
    const whole = sessionOf([...before, result(text, { tool, group: 'g' }), ...after], told)
    const split = sessionOf([...before, result(text.slice(0, cut), { tool, group: 'g' }), result(text.slice(cut), { tool, group: 'g' }), ...after], told)
    const verdict = ({ verdict: one, reasons }: FlowDecision): unknown => [one, reasons.map(({ rule, argument, value }) => [rule, argument, value])]
    assert.deepEqual(verdict(decide(split, sink, args)), verdict(decide(whole, sink, args)))
  }), { numRuns: 300 })
})

test('sending the history again changes nothing', () => {
  fc.assert(fc.property(conversation, call, (segments, { tool, args }) => {
    const once = decide(sessionOf(segments, told), tool, args)
    const session = sessionOf(segments, told)
    for (const one of segments) session.take(one)
    assert.equal(decide(session, tool, args).verdict, once.verdict)
    assert.equal(session.view().untrusted.length, sessionOf(segments, told).view().untrusted.length)
  }), { numRuns: 300 })
})

test('the order of keys changes nothing', () => {
  fc.assert(fc.property(conversation, call, (segments, { tool, args }) => {
    const session = sessionOf(segments, told)
    const turned = Object.fromEntries(Object.entries(args).reverse())
    assert.deepEqual(decide(session, tool, turned), decide(session, tool, args))
  }), { numRuns: 200 })
})

test('any text and any arguments give a verdict', () => {
  fc.assert(fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 300 }), { maxLength: 5 }), fc.string(), fc.json(), (texts, tool, args) => {
    const session = sessionOf([user('Do it.'), ...texts.map((text, i) => (i % 2 === 0 ? result(text) : user(text)))], told)
    assert.ok(decideCall(session, { tool, arguments: args }).verdict in RANK)
  }), { numRuns: 300 })
})

test('a conversation of many megabytes is bounded, and what is not kept is not trusted', () => {
  const session = sessionOf([user('Send Robert the file and update event 5.'), result('start')], told)
  const before = process.memoryUsage().heapUsed
  const chunk = (i: number): string => Array.from({ length: 20_000 }, (_, at) => `${(i * 7919 + at * 31).toString(36)} mail${at % 50}@x${i}.example`).join(' ')
  for (let i = 0; i < 60; i++) session.take(result(chunk(i)))
  assert.ok(process.memoryUsage().heapUsed - before < 400 * 1024 * 1024)
  const { full, untrusted } = session.view()
  assert.equal(full, true)
  assert.ok(untrusted.reduce((sum, { text }) => sum + text.length, 0) <= 16 * 1024 * 1024)
  assert.equal(decide(session, 'update_event', { event_id: '99' }).verdict, 'hold')
  session.take(user('Send it to late@own.example.'))
  assert.equal(decide(session, 'send_email', { to: 'late@own.example' }).verdict, 'hold')
})

test('hostile texts cost no more than their length', () => {
  const hostile = ['a'.repeat(300_000), 'a.'.repeat(150_000), '@'.repeat(300_000), 'a@'.repeat(150_000), '1 '.repeat(150_000), '1.2-3/'.repeat(50_000), 'DE12 '.repeat(60_000), '<context>'.repeat(30_000), '%41'.repeat(100_000), '{"a":'.repeat(60_000), 'http://'.repeat(40_000), 'password: '.repeat(30_000), 'eyJ'.repeat(100_000), '-----BEGIN PRIVATE KEY-----'.repeat(10_000)]
  const session = sessionOf([user('Mail ann@own.example.')], told)
  for (const text of hostile) {
    session.take(result(text))
    session.take(result(text, { tool: 'vault' }))
    session.take(user(text))
    decide(session, 'send_email', { to: text.slice(0, 20_000), body: text.slice(0, 100_000) })
  }
})
