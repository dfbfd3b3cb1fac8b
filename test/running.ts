import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startPractice, type PracticeServer } from './practice.ts'

/** The firewall as its operators run it: a process of its own, started by the launcher, in front of a simulated provider. */
export interface Running {
  readonly child: ChildProcess
  /** The process that the launcher started: the firewall itself. */
  readonly pid: number
  readonly dataUrl: string
  readonly adminUrl: string
  readonly state: string
  readonly log: () => string
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>
  newKey(): Promise<string>
  chat(key: string, more?: Readonly<Record<string, unknown>>): Promise<Response>
}

export interface Ground {
  readonly folder: string
  readonly state: string
  readonly practice: PracticeServer
  /** Writes settings; ports and the provider are added. */
  configure(more: string): void
  up(): Promise<Running>
  clear(): Promise<void>
}

const root = join(import.meta.dirname, '..')

/** A folder with settings and a provider, on which firewalls are started and stopped. `clear` leaves nothing behind. */
export async function ground(more = '', gapMs = 0): Promise<Ground> {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-run-'))
  const state = join(folder, 'state')
  const practice = await startPractice(undefined, gapMs)
  const started: Running[] = []
  const configure = (extra: string): void =>
    writeFileSync(
      join(folder, 'sallyport.yaml'),
      `listen: { data: "127.0.0.1:0", admin: "127.0.0.1:0" }
providers:
  p: { kind: openai-compatible, baseUrl: "${practice.url}/v1", credential: env:PRACTICE_KEY }
routes:
  default: { targets: [{ provider: p, model: same }] }
${extra}
`,
    )
  configure(more)
  return {
    folder,
    state,
    practice,
    configure,
    async up() {
      const running = await begin(folder, state)
      started.push(running)
      return running
    },
    async clear() {
      for (const { child, pid } of started) {
        if (child.exitCode !== null || child.signalCode !== null) continue
        kill(pid)
        child.kill('SIGKILL')
      }
      await Promise.all(started.map((one) => one.ended))
      await practice.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** kill -9 of one process; that it is gone already is as good. */
export function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

function begin(folder: string, state: string): Promise<Running> {
  const child = spawn(process.execPath, [join(root, 'bin/sallyport.js'), 'up', '--json', '--config', join(folder, 'sallyport.yaml')], {
    cwd: folder,
    env: { ...process.env, SALLYPORT_HOME: state, PRACTICE_KEY: 'practice-credential' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let out = ''
  let err = ''
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => child.on('close', (code, signal) => resolve({ code, signal })))
  return new Promise((resolve, reject) => {
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()))
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString()
      if (!out.includes('\n')) return
      const { pid, dataUrl, adminUrl } = JSON.parse(out) as { pid: number; dataUrl: string; adminUrl: string }
      resolve({
        child,
        pid,
        dataUrl,
        adminUrl,
        state,
        log: () => err,
        ended,
        async newKey() {
          const reply = await fetch(`${adminUrl}/api/keys`, {
            method: 'POST',
            headers: { 'content-type': 'application/json', authorization: `Bearer ${readFileSync(join(state, 'admin.key'), 'utf8').trim()}` },
            body: JSON.stringify({ name: 'test' }),
          })
          return ((await reply.json()) as { key: string }).key
        },
        chat: (key, more = {}) =>
          fetch(`${dataUrl}/v1/chat/completions`, {
            method: 'POST',
            headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
            body: JSON.stringify({ model: 'practice', messages: [{ role: 'user', content: 'hello' }], ...more }),
          }),
      })
    })
    void ended.then(() => reject(new Error(`it ended: ${err}`)))
  })
}
