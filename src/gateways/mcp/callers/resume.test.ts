import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Outlet } from '../../../contract/arrival.ts'
import { KeptStreams, Shelf } from './resume.ts'
import { EventStream } from './stream.ts'

const clock = { wall: () => 0, monotonic: () => 0, timer: () => () => undefined }

/** A connection, and what was written on it. */
function wire(writing?: () => Promise<void>): { readonly stream: EventStream; readonly text: () => string; readonly ended: () => boolean } {
  let text = ''
  let ended = false
  const outlet: Outlet = {
    committed: false,
    head: () => undefined,
    write(bytes) {
      text += String(bytes)
      return writing?.()
    },
    end(bytes) {
      text += String(bytes ?? '')
      ended = true
    },
    cut: () => undefined,
    stop: () => undefined,
  }
  return { stream: new EventStream(outlet, clock, []), text: () => text, ended: () => ended }
}

const open = (streams: KeptStreams, on: EventStream) => {
  const made = streams.open(on)
  assert.ok(made)
  return made
}
const going = new AbortController().signal

test('who comes back gets what it missed, once, in order, and the answer when it comes', async () => {
  const streams = new KeptStreams(new Shelf())
  const [first, second] = [wire(), wire()]
  const stream = open(streams, first.stream)
  stream.send('"one"')
  first.stream.drop()
  assert.equal(stream.send('"two"'), true)
  assert.match(first.text(), /^id: 1-0\nretry: \d+\ndata:\n\nid: 1-1\nevent: message\ndata: "one"\n\n$/)
  const found = streams.find('1-1')
  assert.equal(found?.after, 1)
  const over = found.stream.resume(second.stream, found.after, going)
  stream.send('"three"')
  stream.end('"answer"')
  await over
  assert.deepEqual(second.text().match(/(?<=data: ).+/g), ['"two"', '"three"', '"answer"'])
  assert.ok(second.ended())
})

test('whoever comes after the end gets the rest at once, as often as it asks', async () => {
  const streams = new KeptStreams(new Shelf())
  const stream = open(streams, wire().stream)
  stream.part()
  stream.end('"answer"')
  for (const from of ['1-0', '1-0', '1-1']) {
    const { stream: on, text, ended } = wire()
    const found = streams.find(from)
    await found?.stream.resume(on, found.after, going)
    assert.ok(ended())
    assert.equal(text().includes('"answer"'), from === '1-0')
  }
})

test('a stream has one reader: the one that came last', async () => {
  const streams = new KeptStreams(new Shelf())
  const [first, second] = [wire(), wire()]
  const stream = open(streams, first.stream)
  const found = streams.find('1-0')
  const hangsUp = new AbortController()
  const over = found?.stream.resume(second.stream, 0, hangsUp.signal)
  assert.ok(first.ended())
  hangsUp.abort()
  await over
  stream.end('"answer"')
  assert.doesNotMatch(second.text(), /answer/)
})

test('names of events that are none, of later, or of what is not kept any more lead nowhere', () => {
  const streams = new KeptStreams(new Shelf())
  const stream = open(streams, wire().stream)
  for (const name of ['', '1', '1-', '-1', '1-1', '2-0', '1-0x', '01e1-0', `${'9'.repeat(40)}-0`]) assert.equal(streams.find(name), undefined, name)
  assert.ok(streams.find('1-0'))
  stream.end('x'.repeat(5 * 1024 * 1024))
  assert.equal(streams.find('1-0'), undefined, 'too large to be kept whole')
  const again = open(streams, wire().stream)
  again.end('"y"')
  streams.end()
  assert.equal(streams.find('2-0'), undefined)
})

test('streams of one session, and what all together hold, are bounded', () => {
  const shelf = new Shelf()
  const streams = new KeptStreams(shelf)
  const opened = Array.from({ length: 20 }, () => streams.open(wire().stream))
  assert.equal(opened.filter(Boolean).length, 16)
  opened[3]?.end('"over"')
  assert.ok(streams.open(wire().stream), 'the oldest that is over gives way')
  assert.equal(streams.find('4-0'), undefined)
  const big = 'x'.repeat(3 * 1024 * 1024)
  const others = Array.from({ length: 30 }, () => {
    const one = new KeptStreams(shelf)
    one.open(wire().stream)?.end(big)
    return one
  })
  const held = others.filter((one) => one.find('1-0') !== undefined)
  assert.equal(held.length, 21)
  for (const one of held) one.end()
  assert.equal(shelf.take(64 * 1024 * 1024), true, 'all of it was given back')
})

test('a reader that falls behind is let go, and has everything once it came back', async () => {
  const streams = new KeptStreams(new Shelf())
  const read = Promise.withResolvers<void>()
  const slow = wire(() => read.promise)
  const stream = open(streams, slow.stream)
  const said = Array.from({ length: 700 }, (_, index) => `"${index}"`)
  for (const one of said) assert.equal(stream.send(one), true)
  stream.end('"answer"')
  read.resolve()
  for (let turns = 0; !slow.ended() && turns < 2_000; turns++) await Promise.resolve()
  let heard = slow.text()
  for (let times = 0; times < 5 && !heard.includes('answer'); times++) {
    const again = wire(() => new Promise((resolve) => setImmediate(resolve)))
    const found = streams.find([...heard.matchAll(/^id: (.+)$/gm)].at(-1)?.[1] as string)
    await found?.stream.resume(again.stream, found.after, going)
    while (!again.ended()) await new Promise((resolve) => setImmediate(resolve))
    heard += again.text()
  }
  assert.deepEqual(heard.match(/(?<=data: ).+/g), [...said, '"answer"'])
})

test('nobody is let go who would find nothing when it comes back', () => {
  const streams = new KeptStreams(new Shelf())
  const { stream: on, text, ended } = wire()
  const stream = open(streams, on)
  stream.send('x'.repeat(5 * 1024 * 1024))
  stream.part()
  assert.equal(ended(), false)
  assert.equal(stream.end('"answer"'), true)
  assert.match(text(), /"answer"/)
})

test('one owner fills its own shelf, and its oldest answers give way to its newest', () => {
  const all = new Shelf()
  const [one, other] = [new KeptStreams(new Shelf(all)), new KeptStreams(new Shelf(all))]
  const big = 'x'.repeat(3 * 1024 * 1024)
  for (let count = 0; count < 8; count++) open(one, wire().stream).end(big)
  assert.deepEqual(['3-0', '4-0', '8-0'].map((id) => one.find(id) !== undefined), [false, true, true])
  open(other, wire().stream).end(big)
  assert.ok(other.find('1-0'))
  one.end()
  other.end()
  assert.equal(all.take(64 * 1024 * 1024), true)
})
