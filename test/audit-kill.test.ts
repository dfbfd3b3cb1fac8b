import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sallyport, until } from './probe.ts'
import { ground, kill } from './running.ts'

interface Line {
  readonly index: number
  readonly record: { readonly kind: string; readonly exchange: string; readonly outcome?: string }
}

const parsed = (out: string): Line[] =>
  out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line)

test('kill -9 under load: the log verifies, every answer that anybody saw is in it, and open intents are closed', async () => {
  const on = await ground('', 2)
  try {
    const env = { SALLYPORT_HOME: on.state }
    const answered: string[] = []
    const begun: string[] = []
    for (let round = 0; round < 2; round++) {
      const running = await on.up()
      const key = await running.newKey()
      let dead = false
      const caller = async (stream: boolean): Promise<void> => {
        while (!dead) {
          try {
            const reply = await running.chat(key, { model: stream ? 'practice-verbose' : 'practice', stream })
            const id = reply.headers.get('x-sallyport-id')
            if (id !== null) begun.push(id)
            await reply.text()
            if (id !== null && reply.status === 200) answered.push(id)
          } catch {
            dead = true
          }
        }
      }
      const load = Promise.all(Array.from({ length: 24 }, (_, index) => caller(index % 2 === 0)))
      const enough = answered.length + 60 + Math.floor(Math.random() * 60)
      await until('some answers', () => (answered.length >= enough ? true : undefined))
      kill(running.pid)
      await load
      await running.ended
    }

    const verified = await sallyport(['audit', 'verify', '--json'], env)
    assert.equal(verified.code, 0, verified.out + verified.err)

    const before = parsed((await sallyport(['audit', 'export'], env)).out)
    const kinds = new Map<string, string[]>()
    for (const { record } of before) kinds.set(record.exchange, [...(kinds.get(record.exchange) ?? []), record.kind])
    for (const id of begun) assert.ok(kinds.has(id), `${id} left the house and is in no record`)
    const open = [...kinds].filter(([, has]) => has.includes('intent') && !has.includes('receipt')).map(([id]) => id)

    const last = await on.up()
    process.kill(last.pid, 'SIGTERM')
    assert.equal((await last.ended).code, 0)
    const after = parsed((await sallyport(['audit', 'export'], env)).out)
    const receipts = new Map(after.filter(({ record }) => record.kind === 'receipt').map(({ record }) => [record.exchange, record.outcome]))
    for (const id of open) assert.equal(receipts.get(id), 'interrupted')
    for (const { record } of after) if (record.kind === 'intent') assert.ok(receipts.has(record.exchange), `${record.exchange} was begun and never closed`)
    assert.deepEqual(after.slice(0, before.length), before, 'what was written is as it was')
    const again = await sallyport(['audit', 'verify', '--json'], env)
    assert.equal(again.code, 0, again.out + again.err)
  } finally {
    await on.clear()
  }
})
