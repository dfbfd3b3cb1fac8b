import assert from 'node:assert/strict'
import { readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { framesOf, sallyport, until } from './probe.ts'
import { ground, type Ground } from './running.ts'

/** The firewall as a process: how it ends, what it leaves on disk, and who may share its folder. */
async function grounded(use: (on: Ground) => Promise<void>, more = '', gapMs = 0): Promise<void> {
  const on = await ground(more, gapMs)
  try {
    await use(on)
  } finally {
    await on.clear()
  }
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`${signal}: no stream breaks, nobody new comes in, readyz says so, and the end is orderly`, () =>
    grounded(
      async (on) => {
        const running = await on.up()
        const key = await running.newKey()
        assert.equal((await fetch(`${running.adminUrl}/readyz`)).status, 200)
        const streaming = await running.chat(key, { model: 'practice-verbose', stream: true })
        const reader = streaming.body?.pipeThrough(new TextDecoderStream()).getReader()
        let text = (await reader?.read())?.value ?? ''
        process.kill(running.pid, signal)
        const ready = await until('readyz to be 503', async () => {
          const reply = await fetch(`${running.adminUrl}/readyz`)
          return reply.status === 503 ? ((await reply.json()) as { ready: boolean; why: string[] }) : undefined
        })
        assert.deepEqual(ready, { ready: false, why: ['draining'] })
        assert.equal((await fetch(`${running.adminUrl}/healthz`)).status, 200)
        await assert.rejects(running.chat(key))
        for (let step = await reader?.read(); step?.done === false; step = await reader?.read()) text += step.value
        const frames = framesOf(text)
        assert.equal(frames.at(-1)?.data, '[DONE]')
        assert.match(text, /word59/)
        assert.doesNotMatch(text, /"error"/)
        assert.deepEqual(await running.ended, { code: 0, signal: null })
        const found = await sallyport(['audit', 'show', streaming.headers.get('x-sallyport-id') as string, '--json'], { SALLYPORT_HOME: on.state })
        assert.match(found.out, /"outcome":"answered"/)
      },
      '',
      10,
    ))
}

test('the state folder is its owner\'s alone, files included', () =>
  grounded(async (on) => {
    const running = await on.up()
    const reply = await running.chat(await running.newKey())
    await reply.text()
    assert.equal(statSync(on.state).mode & 0o777, 0o700)
    const inside = readdirSync(on.state, { recursive: true, withFileTypes: true })
    assert.ok(inside.length > 3)
    for (const one of inside) {
      const mode = statSync(join(one.parentPath, one.name)).mode & 0o777
      assert.equal(mode & 0o077, 0, `${one.name} has mode ${mode.toString(8)}`)
    }
    const here = readdirSync(on.folder)
    assert.deepEqual(here.sort(), ['sallyport.yaml', 'state'], 'nothing is written beside it')
  }))

test('a second instance on the same state folder is refused, says why, and harms nothing', () =>
  grounded(async (on) => {
    const running = await on.up()
    const key = await running.newKey()
    await assert.rejects(on.up(), (error: Error) => {
      assert.match(error.message, /sallyport:.*(another|already|in use|running)/i)
      assert.doesNotMatch(error.message, /\n\s+at /)
      return true
    })
    assert.equal((await running.chat(key)).status, 200)
    const keys = await sallyport(['keys', 'list', '--json'], { SALLYPORT_HOME: on.state })
    assert.equal(keys.code, 0, keys.err)
  }))

test('settings that do not stand start nothing: line and key are named, and the folder is not even made', () =>
  grounded(async (on) => {
    writeFileSync(join(on.folder, 'sallyport.yaml'), 'listen: { data: "127.0.0.1:0" }\nroutess: {}\n')
    await assert.rejects(on.up(), /sallyport\.yaml:2:\d+ routess/)
    assert.deepEqual(readdirSync(on.folder), ['sallyport.yaml'])
  }))

test('an answer that ends while the firewall ends still gets its receipt, a slow mirror included', () =>
  grounded(
    async (on) => {
      on.practice.script = (index) => (on.practice.seen[index]?.body.includes('practice-mirror') === true ? { firstTokenAfter: 400 } : undefined)
      const running = await on.up()
      const reply = await running.chat(await running.newKey(), { model: 'mirrored' })
      await reply.text()
      process.kill(running.pid, 'SIGTERM')
      assert.equal((await running.ended).code, 0)
      const found = await sallyport(['audit', 'show', reply.headers.get('x-sallyport-id') as string, '--json'], { SALLYPORT_HOME: on.state })
      assert.match(found.out, /"kind":"receipt"/)
      assert.match(found.out, /"outcome":"answered"/)
      assert.match(found.out, /"role":"mirror"/)
      assert.doesNotMatch(running.log(), /"level":"error"/)
    },
    '  mirrored: { match: { models: [mirrored] }, targets: [{ provider: p, model: practice }], mirror: { target: p/practice-mirror, sample: 1 } }',
  ))
