import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

/** A process under the benchmark's care: it prints one JSON line when it listens. */
export interface Running<T> {
  readonly said: T
  readonly pid: number
  stop(): Promise<void>
}

/** Starts a Node script and waits for its first JSON line. @throws when it ends before it says one. */
export async function start<T>(script: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Running<T>> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', script, ...args], { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, ...env } })
  const said = await firstJson<T>(child)
  return {
    said,
    pid: child.pid as number,
    async stop() {
      if (child.exitCode !== null) return
      child.kill('SIGTERM')
      await once(child, 'exit')
    },
  }
}

async function firstJson<T>(child: ChildProcess): Promise<T> {
  for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
    if (!line.startsWith('{')) continue
    child.stdout?.resume()
    return JSON.parse(line) as T
  }
  throw new Error(`a benchmark process ended before it listened (exit ${child.exitCode})`)
}

/** Waits until a port answers anything, for servers that print nothing to go by. */
export async function answers(port: number, tries = 200): Promise<void> {
  for (let at = 0; at < tries; at++) {
    const ok = await fetch(`http://127.0.0.1:${port}/`).then(
      () => true,
      () => false,
    )
    if (ok) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`nothing listens on ${port}`)
}
