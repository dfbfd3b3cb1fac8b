import { spawn, type ChildProcess } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import type { Program, ProgramEvents, ProgramSpec, StartProgram } from '../../contract/program.ts'
import { lineReader } from './lines.ts'

/** What a program may leave unread before it is sent nothing more. */
const MOST_UNREAD_BYTES = 16 * 1024 * 1024
/** Longest piece of standard error that is passed on, and how much of it at all until a pause. */
const LONGEST_WORD = 400
const MOST_WORDS = 50
const WORDS_PER_MS = 10_000
/** How long it may take to leave when its input ends, and when it is told to. */
const LEAVE_MS = 500
const TERMINATE_MS = 1_500
/** How long its streams may stay open when it has ended. */
const LAST_WORDS_MS = 500

const controls = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g

/**
 * Starts a program without a shell, in a process group of its own, so that what it starts ends with it. It gets its
 * folder and its environment, and nothing of ours: neither descriptors nor variables.
 */
export const startProgram: StartProgram = (spec, events) => new Running(spec, events)

class Running implements Program {
  private readonly events: ProgramEvents
  private readonly child: ChildProcess | undefined
  private readonly over = Promise.withResolvers<void>()
  private ended = false
  private stopping = false
  private words = 0
  private since = 0

  constructor(spec: ProgramSpec, events: ProgramEvents) {
    this.events = events
    try {
      mkdirSync(spec.home, { recursive: true, mode: 0o700 })
      this.child = spawn(spec.command, [...spec.args], { cwd: spec.cwd, env: { ...spec.env }, stdio: ['pipe', 'pipe', 'pipe'], detached: true, shell: false, windowsHide: true })
    } catch (error) {
      // Told later, as everything else is: whoever starts it does not have it yet.
      queueMicrotask(() => this.end(`cannot be started (${codeOf(error)})`))
      return
    }
    this.listen(this.child, spec.lineBytes)
  }

  write(line: string): boolean {
    const stdin = this.child?.stdin
    if (this.ended || this.stopping || stdin === undefined || stdin === null || !stdin.writable || stdin.writableLength > MOST_UNREAD_BYTES) return false
    stdin.write(`${line}\n`)
    return true
  }

  stop(): Promise<void> {
    if (!this.ended && !this.stopping) {
      this.stopping = true
      this.child?.stdin?.end()
      // These keep the process alive on purpose: what we started must not outlive us.
      const terminate = setTimeout(() => this.signal('SIGTERM'), LEAVE_MS)
      const kill = setTimeout(() => this.signal('SIGKILL'), LEAVE_MS + TERMINATE_MS)
      void this.over.promise.then(() => {
        clearTimeout(terminate)
        clearTimeout(kill)
      })
    }
    return this.over.promise
  }

  private listen(child: ChildProcess, lineBytes: number): void {
    const reader = lineReader(lineBytes, this.events)
    child.stdout?.on('data', (chunk: Uint8Array) => {
      if (!this.ended) reader(chunk)
    })
    child.stderr?.on('data', (chunk: Buffer) => this.hear(chunk))
    // Writing to a program that is gone: its end is told by `exit`.
    child.stdin?.on('error', () => undefined)
    child.stdout?.on('error', () => undefined)
    child.stderr?.on('error', () => undefined)
    child.on('error', (error) => {
      if (child.pid === undefined) this.end(`cannot be started (${codeOf(error)})`)
    })
    child.on('exit', (code, signal) => {
      const why = signal === null ? `exit ${code}` : signal
      // Nothing that it started goes on without it.
      this.signal('SIGKILL')
      // Its last words may still be on their way, but who left the group may hold the streams open for ever.
      const late = setTimeout(() => this.end(why), LAST_WORDS_MS)
      child.on('close', () => {
        clearTimeout(late)
        this.end(why)
      })
    })
  }

  private hear(chunk: Buffer): void {
    const now = performance.now()
    if (now - this.since > WORDS_PER_MS) {
      this.since = now
      this.words = 0
    }
    if (this.ended || ++this.words > MOST_WORDS) return
    const text = chunk.subarray(0, LONGEST_WORD).toString('utf8').replace(controls, ' ').trim()
    if (text !== '') this.events.said(text)
  }

  /** To the whole group. That there is none any more is as good. */
  private signal(signal: NodeJS.Signals): void {
    const pid = this.child?.pid
    if (pid === undefined || this.ended) return
    try {
      process.kill(-pid, signal)
    } catch {
      this.child?.kill(signal)
    }
  }

  private end(why: string): void {
    if (this.ended) return
    this.ended = true
    this.child?.stdin?.destroy()
    this.child?.stdout?.destroy()
    this.child?.stderr?.destroy()
    this.over.resolve()
    this.events.ended(why)
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown'
}
