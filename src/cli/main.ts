import { runCli } from './run.ts'

const leaving = new AbortController()
let askedAt = 0
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    // A terminal and npm may both pass on one Ctrl-C; a second one a while later means it.
    if (leaving.signal.aborted && performance.now() - askedAt > 1000) process.exit(3)
    if (!leaving.signal.aborted) askedAt = performance.now()
    leaving.abort(signal)
  })
}

// Without a listener, a reader that closes its end (`sallyport audit tail | head`) would be an uncaught error.
process.stdout.on('error', () => undefined)
process.stderr.on('error', () => undefined)

process.exitCode = await runCli(process.argv.slice(2), {
  env: process.env,
  cwd: process.cwd(),
  stdin: process.stdin,
  out: (text) =>
    new Promise((resolve, reject) => {
      process.stdout.write(text, (error) => (error instanceof Error ? reject(error) : resolve()))
    }),
  err: (text) => void process.stderr.write(text),
  terminal: process.stderr.isTTY === true,
  signal: leaving.signal,
})

// A command that was asking somebody may still be reading, which would keep the process.
process.stdin.destroy()
