import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import test, { type TestContext } from 'node:test'
import { brotliCompressSync, constants, createGzip, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { BodyError, field } from '../../contract/arrival.ts'
import type { DialReply } from '../../contract/dial.ts'
import { makeDialer } from './dialer.ts'

/** One reply with this coding and these bytes, whatever the request asked for. */
async function replied(t: TestContext, coding: string, bytes: Uint8Array): Promise<DialReply> {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-encoding': coding, 'content-length': bytes.length, 'x-kept': '1' })
    response.end(bytes)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const dialer = makeDialer({ origins: [{ origin }], decode: { bytes: 8_000_000, ratio: 50 } })
  t.after(async () => {
    await dialer.close()
    server.close()
  })
  return dialer.dial({ method: 'GET', url: `${origin}/`, fields: [], signal: new AbortController().signal, timeouts: { connectMs: 5_000, headMs: 5_000 } })
}

const sample = Buffer.from(JSON.stringify(Array.from({ length: 3_000 }, (_, at) => ({ at, square: at * at }))))

test('codings that nobody asked for are undone, and their fields are gone', async (t) => {
  const codings: readonly (readonly [string, Uint8Array])[] = [
    ['gzip', gzipSync(sample)],
    ['X-GZIP', gzipSync(sample)],
    ['deflate', deflateSync(sample)],
    ['deflate', deflateRawSync(sample)],
    ['br', brotliCompressSync(sample)],
    ['zstd', zstdCompressSync(sample)],
  ]
  for (const [coding, bytes] of codings) {
    const reply = await replied(t, coding, bytes)
    assert.equal(field(reply.fields, 'content-encoding'), undefined)
    assert.equal(field(reply.fields, 'content-length'), undefined)
    assert.equal(field(reply.fields, 'x-kept'), '1')
    assert.ok(sample.equals(await reply.body.whole(1e6)), coding)
    const chunks: Uint8Array[] = []
    for await (const chunk of (await replied(t, coding, bytes)).body.stream()) chunks.push(chunk)
    assert.ok(sample.equals(Buffer.concat(chunks)), coding)
  }
})

test('bombs and broken compression fail', async (t) => {
  const zeros = Buffer.alloc(20_000_000)
  const noise = Buffer.from(Array.from({ length: 2_250_000 }, (_, at) => ((at * 2_654_435_761) >>> 13) & 0xff))
  const cases: readonly (readonly [string, Uint8Array, BodyError['kind']])[] = [
    ['gzip', gzipSync(zeros), 'too_large'],
    ['br', brotliCompressSync(zeros, { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } }), 'too_large'],
    ['zstd', zstdCompressSync(zeros), 'too_large'],
    ['gzip', gzipSync(Buffer.concat([noise, noise, noise, noise])), 'too_large'],
    ['gzip', gzipSync(sample).subarray(0, 500), 'cut'],
    ['gzip', sample, 'cut'],
    ['br', sample, 'cut'],
  ]
  for (const [coding, bytes, kind] of cases) {
    const reply = await replied(t, coding, bytes)
    await assert.rejects(reply.body.whole(1e9), (error: unknown) => error instanceof BodyError && error.kind === kind, `${coding} ${kind}`)
  }
})

test('a compressed stream arrives as it is flushed', async (t) => {
  const gzip = createGzip()
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-encoding': 'gzip' })
    gzip.pipe(response)
    gzip.write('data: one\n\n')
    gzip.flush(constants.Z_SYNC_FLUSH)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const dialer = makeDialer({ origins: [{ origin }] })
  t.after(async () => {
    await dialer.close()
    server.close()
  })
  const reply = await dialer.dial({ method: 'GET', url: `${origin}/`, fields: [], signal: new AbortController().signal, timeouts: { connectMs: 5_000, headMs: 5_000 } })
  let seen = ''
  for await (const chunk of reply.body.stream()) {
    seen += Buffer.from(chunk).toString()
    if (seen === 'data: one\n\n') gzip.end('data: two\n\n')
  }
  assert.equal(seen, 'data: one\n\ndata: two\n\n')
})
