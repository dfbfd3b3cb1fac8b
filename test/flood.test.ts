import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { startHouse, type TestHouse } from './house.ts'
import { raw, sealOf, until } from './probe.ts'

/** Bounds that hold for everybody together. */
const config =
  (more: string) =>
  ({ practiceUrl }: { readonly practiceUrl: string }): string => `
providers:
  p: { kind: openai-compatible, baseUrl: "${practiceUrl}/v1", credential: env:PRACTICE_KEY }
routes:
  default: { targets: [{ provider: p, model: same }] }
${more}
`

async function housed(more: string, use: (house: TestHouse) => Promise<void>, gapMs = 0): Promise<void> {
  const house = await startHouse({ config: config(more), gapMs })
  try {
    await use(house)
  } finally {
    await house.stop()
  }
}

const head = (house: TestHouse, length: number): string => `POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nauthorization: Bearer ${house.key}\r\ncontent-length: ${length}\r\n\r\n`

function open(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve) => {
    const socket = connect({ host: hostname, port: Number(port) }, () => resolve(socket))
    socket.on('error', () => undefined)
    socket.resume()
  })
}

test('bodies that are being held count against one limit: above it callers get 503, and later they pass again', () =>
  housed('limits: { body_bytes: 1MB, inflight_bytes: 1MB, body_timeout: 20s }', async (house) => {
    const holders = await Promise.all(Array.from({ length: 3 }, () => open(house.dataUrl)))
    for (const socket of holders) socket.write(head(house, 500_000) + ' '.repeat(400_000))
    const body = JSON.stringify({ model: 'practice', messages: [{ role: 'user', content: 'x'.repeat(300_000) }] })
    const refused = await until('a refusal', async () => {
      const answer = await raw(house.dataUrl, [head(house, body.length), body])
      return answer.status === 503 ? answer : undefined
    })
    assert.match(refused.body, /memory limit/)
    const seal = await sealOf(house, refused.id)
    assert.equal(seal.code, 'inflight_limit')
    for (const socket of holders) socket.destroy()
    await until('room again', async () => ((await house.chat('x'.repeat(300_000))).status === 200 ? true : undefined))
  }))

test('a stranger without a key cannot make the house hold a body', () =>
  housed('limits: { body_bytes: 1MB, inflight_bytes: 1MB }', async (house) => {
    const strangers = await Promise.all(Array.from({ length: 20 }, () => open(house.dataUrl)))
    for (const socket of strangers) socket.write(head(house, 500_000).replace(house.key, 'nobody') + ' '.repeat(200_000))
    assert.equal((await house.chat('x'.repeat(300_000))).status, 200)
    for (const socket of strangers) socket.destroy()
  }))

test('connections beyond the limit are closed, and the ones before still work', () =>
  housed('limits: { connections: 8 }', async (house) => {
    const idle = await Promise.all(Array.from({ length: 8 }, () => open(house.dataUrl)))
    await assert.rejects(house.chat('hello'))
    for (const socket of idle) socket.destroy()
    await until('room again', async () => house.chat('hello').then((reply) => (reply.status === 200 ? true : undefined), () => undefined))
  }))

test('a caller that does not read its stream slows the provider down instead of filling memory', () =>
  housed('', async (house) => {
    const body = JSON.stringify({ model: 'practice-tokens-20000', stream: true, messages: [{ role: 'user', content: 'go' }] })
    const { hostname, port } = new URL(house.dataUrl)
    const before = process.memoryUsage().arrayBuffers + process.memoryUsage().external
    const sockets = await Promise.all(
      Array.from({ length: 4 }, () => new Promise<Socket>((resolve) => {
        const socket = connect({ host: hostname, port: Number(port) }, () => resolve(socket))
        socket.on('error', () => undefined)
        socket.pause()
      })),
    )
    for (const socket of sockets) socket.write(head(house, body.length) + body)
    await until('the streams', () => (house.practice.seen.length === 4 ? true : undefined))
    assert.equal((await house.chat('others are served meanwhile')).status, 200)
    assert.ok(process.memoryUsage().arrayBuffers + process.memoryUsage().external - before < 200_000_000)
    for (const socket of sockets) socket.destroy()
    await until('the provider learns it', () => (house.practice.hungUp() >= 1 ? true : undefined))
    assert.equal((await house.chat('still here')).status, 200)
  }))

test('requests that come in one packet are answered one after the other, each on its own merits', () =>
  housed('', async (house) => {
    const body = JSON.stringify({ model: 'practice', messages: [{ role: 'user', content: 'first' }] })
    const both = `${head(house, body.length)}${body}${head(house, body.length).replace(house.key, 'nobody').replace('\r\n\r\n', '\r\nconnection: close\r\n\r\n')}${body}`
    const text = await new Promise<string>((resolve) => {
      const { hostname, port } = new URL(house.dataUrl)
      let all = ''
      const socket = connect({ host: hostname, port: Number(port) }, () => socket.write(both))
      socket.on('data', (chunk: Buffer) => (all += chunk.toString()))
      socket.on('close', () => resolve(all))
    })
    assert.deepEqual([...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map((one) => one[1]), ['200', '401'])
    assert.equal(house.practice.seen.length, 1)
  }))
