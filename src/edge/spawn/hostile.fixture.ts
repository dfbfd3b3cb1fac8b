/** A program that does on demand what no server should: one JSON line in, `["what", …]`; one out. */
import { spawn } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'

const IDLE = 'setInterval(() => {}, 1000)'
const kept: unknown[] = []

const does: Readonly<Record<string, (...args: string[]) => unknown>> = {
  read: (path = '') => readFileSync(path, 'utf8').slice(0, 100),
  list: (path = '') => readdirSync(path),
  write: (path = '', text = '') => writeFileSync(path, text),
  env: () => process.env,
  where: () => process.cwd(),
  connect: (port = '', host = '127.0.0.1') =>
    new Promise((resolve, reject) => {
      connect(Number(port), host, () => resolve('connected')).on('error', reject)
    }),
  /** In a session of its own, and its parent gone: nothing but what it inherited leads to it. */
  leave: () =>
    new Promise((resolve) => {
      const script = `const c = require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(IDLE)}, process.argv[1]], { stdio: 'ignore', detached: true }); c.unref(); console.log(c.pid)`
      const between = spawn(process.execPath, ['-e', script, `left-by-${process.argv[2]}`], { stdio: ['ignore', 'pipe', 'ignore'], detached: true })
      let said = ''
      between.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()))
      between.on('close', () => resolve(Number(said)))
    }),
  fork: (count = '') => Array.from({ length: Number(count) }, () => spawn(process.execPath, ['-e', IDLE], { stdio: 'ignore' }).pid),
  take: (mebibytes = '') => kept.push(Buffer.alloc(Number(mebibytes) * 1024 * 1024, 1)),
  stay: () => process.on('SIGTERM', () => undefined) && setInterval(() => undefined, 1000).hasRef(),
  fill: (path = '', mebibytes = '') => writeFileSync(path, Buffer.alloc(Number(mebibytes) * 1024 * 1024)),
}

createInterface({ input: process.stdin }).on('line', (line) => {
  const [what = '', ...args] = JSON.parse(line) as string[]
  void (async () => does[what]?.(...args))().then(
    (done) => console.log(JSON.stringify({ done: done ?? null })),
    (error: unknown) => console.log(JSON.stringify({ failed: (error as NodeJS.ErrnoException).code ?? String(error) })),
  )
})
