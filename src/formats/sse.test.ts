import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { SseError, type SseEvent, sseParser, sseText } from './sse.ts'

const limits = { line: 10_000, event: 20_000 }
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

function parse(input: string | Uint8Array, cuts: readonly number[] = [], within = limits): { events: SseEvent[]; pending: boolean } {
  const all = typeof input === 'string' ? bytes(input) : input
  const parser = sseParser(within)
  const events: SseEvent[] = []
  let from = 0
  for (const cut of [...cuts.map((at) => at % (all.length + 1)).sort((a, b) => a - b), all.length]) {
    events.push(...parser.push(all.subarray(from, cut)))
    from = cut
  }
  events.push(...parser.end())
  return { events, pending: parser.pending }
}

test('the examples of the standard', () => {
  assert.deepEqual(parse('data: YHOO\ndata: +2\ndata: 10\n\n').events, [{ data: 'YHOO\n+2\n10' }])
  assert.deepEqual(parse(': test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n').events, [
    { data: 'first event', id: '1' },
    { data: 'second event', id: '' },
    { data: ' third event' },
  ])
  const odd = parse('data\n\ndata\ndata\n\ndata:')
  assert.deepEqual(odd.events, [{ data: '' }, { data: '\n' }])
  assert.equal(odd.pending, true)
  assert.deepEqual(parse('data:test\n\ndata: test\n\n').events, [{ data: 'test' }, { data: 'test' }])
})

test('event names, comments, unknown fields, retry and ids with NUL', () => {
  const text = ':hello\nevent: delta\nretry: 10\nfoo: bar\ndata: x\nid: a\0b\n\nevent: alone\n\ndata: y\n\n'
  const { events, pending } = parse(text)
  assert.deepEqual(events, [{ event: 'delta', data: 'x' }, { data: 'y' }])
  assert.equal(pending, false)
})

test('a byte order mark is skipped at the start and only there', () => {
  assert.deepEqual(parse('\ufeffdata: a\n\n', [1, 2, 3]).events, [{ data: 'a' }])
  assert.deepEqual(parse('\ufeff\ufeffdata: a\n\n').events, [])
  assert.deepEqual(parse('data: \ufeffa\n\n').events, [{ data: '\ufeffa' }])
})

test('cut anywhere, with any line ends, the events are the same', () => {
  const line = fc.string({ unit: fc.constantFrom('a', ' ', ':', '{', 'é', '€', '😀', '\ufeff', '\u2028'), maxLength: 12 })
  const event = fc.record({ event: fc.option(fc.constantFrom('delta', 'é'), { nil: undefined }), lines: fc.array(line, { minLength: 1, maxLength: 3 }), comment: fc.boolean() })
  fc.assert(
    fc.property(fc.array(event, { maxLength: 5 }), fc.array(fc.nat(), { maxLength: 30 }), fc.constantFrom('\n', '\r', '\r\n'), (made, cuts, newline) => {
      const text = made.map((one) => (one.comment ? ': ping\n' : '') + (one.event === undefined ? '' : `event: ${one.event}\n`) + one.lines.map((data) => `data: ${data}\n`).join('') + '\n').join('')
      const expected = made.map((one) => (one.event === undefined ? { data: one.lines.join('\n') } : { event: one.event, data: one.lines.join('\n') }))
      const result = parse(text.replaceAll('\n', newline), cuts)
      assert.deepEqual(result.events, expected)
      assert.equal(result.pending, false)
    }),
    { numRuns: 1_000 },
  )
})

test('byte by byte, mixed line ends', () => {
  const text = 'data: 😀\r\ndata: b\rdata: c\n\r\ndata: d\r\r'
  const all = bytes(text)
  assert.deepEqual(parse(all, [...all.keys()]).events, [{ data: '😀\nb\nc' }, { data: 'd' }])
})

test('what the writer writes, the parser reads', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.option(fc.stringMatching(/^[a-z_.]{1,12}$/), { nil: undefined }), (data, event) => {
      const expected = data.replace(/\r\n|\r/g, '\n')
      assert.deepEqual(parse(sseText(event, data)).events, [event === undefined ? { data: expected } : { event, data: expected }])
    }),
  )
  assert.equal(sseText('delta', '{"a":1}'), 'event: delta\ndata: {"a":1}\n\n')
  assert.equal(sseText(undefined, 'a\nb'), 'data: a\ndata: b\n\n')
  assert.throws(() => sseText('a\ndata: forged', 'x'), RangeError)
})

test('an unfinished event is dropped and said to be pending', () => {
  for (const text of ['data: a', 'data: a\n', 'event: x\n', 'data: a\r', 'x'])
    assert.deepEqual(parse(text), { events: [], pending: true }, JSON.stringify(text))
  assert.equal(parse(bytes('data: a\n\n€').subarray(0, 10)).pending, true)
  for (const text of ['', 'data: a\n\n', 'data: a\n\n: bye\n', '\n\n']) assert.equal(parse(text).pending, false, JSON.stringify(text))
})

function refuses(kind: SseError['kind'], run: () => unknown): void {
  assert.throws(run, (error: unknown) => error instanceof SseError && error.kind === kind)
}

test('bytes that are not UTF-8 are an error, wherever they are cut, and the parser stays failed', () => {
  for (const bad of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xe2, 0x28], [0x80], [0xf8, 0x88, 0x80, 0x80]]) {
    const all = Uint8Array.from([...bytes('data: '), ...bad, 10, 10])
    for (const cuts of [[], [7], [8], [...all.keys()]]) refuses('encoding', () => parse(all, cuts))
  }
  const parser = sseParser(limits)
  refuses('encoding', () => parser.push(Uint8Array.from([0xff])))
  refuses('encoding', () => parser.push(bytes('data: a\n\n')))
  refuses('encoding', () => parser.end())
})

test('lines and events are bounded, in one chunk and in many', () => {
  const small = { line: 20, event: 30 }
  const many = Array.from({ length: 80 }, (_, at) => at)
  for (const cuts of [[], many]) {
    refuses('line_too_long', () => parse('data: ' + 'a'.repeat(15), cuts, small))
    refuses('line_too_long', () => parse(':' + 'a'.repeat(20) + '\n', cuts, small))
    refuses('event_too_long', () => parse('data: 1234567890\n'.repeat(3) + '\n', cuts, small))
    refuses('event_too_long', () => parse('data\n'.repeat(40), cuts, small))
    assert.equal(parse('data: 12345678901234\n\n'.repeat(9), cuts, small).events.length, 9)
    assert.equal(parse(':2345678901234567890\n'.repeat(99), cuts, small).events.length, 0)
  }
})

test('a long line in tiny chunks costs linear work', () => {
  const parser = sseParser({ line: 1_000_000, event: 1_000_000 })
  const byte = bytes('a')
  parser.push(bytes('data: '))
  for (let count = 0; count < 500_000; count++) parser.push(byte)
  assert.equal(parser.push(bytes('\n\n'))[0]?.data.length, 500_000)
})
