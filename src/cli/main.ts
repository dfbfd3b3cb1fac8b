import { runCli } from './run.ts'

const leaving = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => leaving.abort(signal))

// Without a listener, a reader that closes its end (`sallyport audit tail | head`) would be an uncaught error.
process.stdout.on('error', () => undefined)
process.stderr.on('error', () => undefined)

process.exitCode = await runCli(process.argv.slice(2), {
  env: process.env,
  cwd: process.cwd(),
  stdin: process.stdin,
  out: (text) =>
    new Promise((resolve, reject) => {
      process.stdout.write(text, (error) => (error == null ? resolve() : reject(error)))
    }),
  err: (text) => void process.stderr.write(text),
  terminal: process.stderr.isTTY === true,
  signal: leaving.signal,
})
