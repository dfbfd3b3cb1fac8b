import { spawn, type ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import type { Limits, Program, ProgramEvents, ProgramSpec, StartProgram } from '../../contract/program.ts'
import { commandOf } from './confine.ts'
import { familyOf, killMarked, MARK, memoryOf } from './family.ts'
import { fetchingOf, type Fetching } from './fetch.ts'
import { lineReader } from './lines.ts'

/** What a program may leave unread before it is sent nothing more. */
const MOST_UNREAD_BYTES = 16 * 1024 * 1024
/** Longest piece of standard error that is passed on, and how much of it at all until a pause. */
const LONGEST_WORD = 400
const MOST_WORDS = 50
const WORDS_PER_MS = 10_000
/** How much of standard error is read before a pause. */
const MOST_NOISE_BYTES = 1024 * 1024
const NOISE_PAUSE_MS = 50
/** How long it may take to leave when its input ends, and when it is told to. */
const LEAVE_MS = 500
const TERMINATE_MS = 1_500
/** How long its streams may stay open when it has ended. */
const LAST_WORDS_MS = 500

/** How often it is looked at what a program uses, and how many processes of its family are ours. */
const WATCH_MS = 500
const CONFINERS = 2
/** How many are asked to leave before they are killed. */
const MOST_ASKED = 1_000

const controls = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g

/**
 * Starts a program without a shell, confined as its `confinement` says, in a process group of its own, so that what it
 * starts ends with it. It gets its folder and its environment, and nothing of ours.
 */
export const startProgram: StartProgram = (spec, events) => new Running(spec, events)

class Running implements Program {
  private readonly spec: ProgramSpec
  private readonly events: ProgramEvents
  private readonly over = Promise.withResolvers<void>()
  private readonly mark = randomUUID()
  private child: ChildProcess | undefined
  /** What is to be written while the program itself is not there yet. */
  private waiting: string[] | undefined
  private waitingBytes = 0
  private watch: NodeJS.Timeout | undefined
  /** Set when it is killed for what it used up. */
  private excess: string | undefined
  private ended = false
  private stopping = false
  private words = 0
  private since = 0
  private noise = 0

  constructor(spec: ProgramSpec, events: ProgramEvents) {
    this.spec = spec
    this.events = events
    try {
      mkdirSync(spec.home, { recursive: true, mode: 0o700 })
      const fetching = fetchingOf(spec)
      if (fetching === undefined) this.run(spec)
      else {
        this.waiting = []
        void this.fetch(fetching)
      }
    } catch (error) {
      // Told later, as everything else is: whoever starts it does not have it yet.
      queueMicrotask(() => this.end(`cannot be started (${codeOf(error)})`))
    }
  }

  write(line: string): boolean {
    if (this.ended || this.stopping) return false
    if (this.waiting !== undefined) {
      if (this.waitingBytes > MOST_UNREAD_BYTES) return false
      this.waitingBytes += line.length
      this.waiting.push(line)
      return true
    }
    const stdin = this.child?.stdin
    if (stdin === undefined || stdin === null || !stdin.writable || stdin.writableLength > MOST_UNREAD_BYTES) return false
    stdin.write(`${line}\n`)
    return true
  }

  stop(): Promise<void> {
    if (!this.ended && !this.stopping) {
      this.stopping = true
      this.child?.stdin?.end()
      // These keep the process alive on purpose: what we started must not outlive us.
      const terminate = setTimeout(() => this.terminate(), LEAVE_MS)
      const kill = setTimeout(() => void this.kill(), LEAVE_MS + TERMINATE_MS)
      void this.over.promise.then(() => {
        clearTimeout(terminate)
        clearTimeout(kill)
      })
    }
    return this.over.promise
  }

  private async fetch(fetching: Fetching): Promise<void> {
    try {
      const first = await fetching.first()
      if (first !== undefined && !this.stopping) {
        const child = this.start(first)
        // What it says is no message of the program's.
        child.stdout?.resume()
        child.stdin?.end()
        const code = await new Promise<number | null>((resolve) => child.once('close', resolve).once('error', () => resolve(null)))
        clearInterval(this.watch)
        if (code !== 0) return this.end(this.excess ?? 'what it runs could not be fetched')
      }
      const spec = await fetching.then()
      if (this.stopping) return this.end('stopped')
      this.run(spec)
      const lines = this.waiting ?? []
      this.waiting = undefined
      for (const line of lines) this.write(line)
    } catch (error) {
      this.end(`cannot be started (${codeOf(error)})`)
    }
  }

  private run(spec: ProgramSpec): void {
    const child = this.start(spec)
    const reader = lineReader(spec.lineBytes, this.events)
    child.stdout?.on('data', (chunk: Uint8Array) => {
      if (!this.ended && !this.stopping) reader(chunk)
    })
    child.on('error', (error) => {
      if (child.pid === undefined) this.end(`cannot be started (${codeOf(error)})`)
    })
    child.on('exit', (code, signal) => {
      const why = this.excess ?? (signal === null ? `exit ${code}` : signal)
      // Nothing that it started goes on without it.
      const rest = this.kill()
      // Its last words may still be on their way, but who left the group may hold the streams open for ever.
      const late = setTimeout(() => void rest.then(() => this.end(why)), LAST_WORDS_MS)
      child.on('close', () => {
        clearTimeout(late)
        void rest.then(() => this.end(why))
      })
    })
  }

  private start(spec: ProgramSpec): ChildProcess {
    const { file, args } = commandOf(spec)
    const boxed = spec.confinement?.sandbox !== undefined
    const child = spawn(file, [...args], { cwd: boxed ? '/' : spec.cwd, env: { ...spec.env, [MARK]: this.mark }, stdio: ['pipe', 'pipe', 'pipe'], detached: true, shell: false, windowsHide: true })
    this.child = child
    child.stderr?.on('data', (chunk: Buffer) => this.hear(chunk, child))
    // Writing to a program that is gone: its end is told by `exit`.
    child.stdin?.on('error', () => undefined)
    child.stdout?.on('error', () => undefined)
    child.stderr?.on('error', () => undefined)
    const limits = spec.confinement?.limits
    if (limits !== undefined) this.watch = setInterval(() => this.weigh(child, limits), WATCH_MS).unref()
    return child
  }

  /** The operating system bounds each process; this bounds all of them together. */
  private weigh({ pid, exitCode, signalCode }: ChildProcess, { memoryBytes, processes }: Limits): void {
    if (pid === undefined || exitCode !== null || signalCode !== null) return
    const family = familyOf(pid, processes + CONFINERS + 1)
    if (family.length > processes + CONFINERS) this.excess = `more than ${processes} processes`
    else if (family.reduce((sum, one) => sum + memoryOf(one), 0) > memoryBytes) this.excess = `more than ${memoryBytes} bytes of memory`
    if (this.excess !== undefined) void this.kill()
  }

  private hear(chunk: Buffer, child: ChildProcess): void {
    const now = performance.now()
    this.noise += chunk.length
    if (this.noise > MOST_NOISE_BYTES && !this.ended) {
      // Who only makes noise waits until it is read, instead of keeping everybody else waiting.
      this.noise = 0
      child.stderr?.pause()
      setTimeout(() => child.stderr?.resume(), NOISE_PAUSE_MS).unref()
    }
    if (now - this.since > WORDS_PER_MS) {
      this.since = now
      this.words = 0
    }
    if (this.ended || ++this.words > MOST_WORDS) return
    const text = chunk.subarray(0, LONGEST_WORD).toString('utf8').replace(controls, ' ').trim()
    if (text !== '') this.events.said(text)
  }

  /** Asks it and all that it started to leave. What confines it would not pass that on. */
  private terminate(): void {
    const pid = this.child?.pid
    if (pid === undefined || this.ended) return
    const [, ...below] = familyOf(pid, MOST_ASKED)
    if (this.spec.confinement?.sandbox === undefined || below.length === 0) return signalTo(-pid, 'SIGTERM')
    for (const one of below) signalTo(one, 'SIGTERM')
  }

  /** Kills all of it, and resolves when it is gone: the mark finds what left the group, and what a sandbox is about to end. */
  private async kill(): Promise<void> {
    const pid = this.child?.pid
    if (pid === undefined || this.ended) return
    signalTo(-pid, 'SIGKILL')
    await killMarked(this.mark)
  }

  private end(why: string): void {
    if (this.ended) return
    this.ended = true
    clearInterval(this.watch)
    this.child?.stdin?.destroy()
    this.child?.stdout?.destroy()
    this.child?.stderr?.destroy()
    this.over.resolve()
    this.events.ended(why)
  }
}

function signalTo(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // That there is none any more is as good.
  }
}

function codeOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  return code ?? message
}
