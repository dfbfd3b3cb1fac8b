import { Worker } from 'node:worker_threads'
import type { Card } from './card.ts'
import type { Answer, Ask, Job } from './job.ts'

/** Jobs that may wait; beyond that a shadow must not ask, and an enforced look fails as its entry says. */
const MOST_WAITING = 256
// Jobs that one worker holds at once: one that runs, and one that is ready when it ends.
const IN_HAND = 2
// A worker that dies again and again will not get better by starting it once more.
const MOST_DEATHS = 5
/** Milliseconds that a worker gets to end what it is in the middle of. */
const MOST_PATIENCE = 30_000

export interface Result {
  readonly rows: readonly Float32Array[]
  readonly labels: readonly string[]
}

interface Waiting {
  readonly id: number
  readonly job: Job
  readonly resolve: (result: Result) => void
  readonly reject: (error: Error) => void
  /** Undoes the listener on the caller's signal. */
  readonly forget: () => void
}

interface Hand {
  readonly worker: Worker
  readonly jobs: Map<number, Waiting>
}

/** Worker threads that run the encoder; onnxruntime blocks the thread it runs on. */
export class Pool {
  readonly #folder: string
  readonly #card: Card
  readonly #hands: Hand[] = []
  readonly #waiting: Waiting[] = []
  readonly #size: number
  #next = 1
  #deaths = 0
  #closed = false

  constructor(folder: string, card: Card, size: number) {
    this.#folder = folder
    this.#card = card
    this.#size = size
  }

  #hire(): void {
    const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData: { folder: this.#folder, card: this.#card } })
    const hand: Hand = { worker, jobs: new Map() }
    worker.on('message', (answer: Answer) => this.#answered(hand, answer))
    worker.on('error', (error: Error) => this.#died(hand, error))
    worker.on('exit', () => this.#died(hand, new Error('a classifier worker ended')))
    // An idle pool keeps no process alive.
    worker.unref()
    this.#hands.push(hand)
  }

  /** Runs one job. Rejects when the signal aborts, when too many wait, and when the worker dies. */
  run(job: Job, signal: AbortSignal): Promise<Result> {
    return new Promise((resolve, reject) => {
      // Threads and weights are loaded when they are first needed.
      if (!this.#closed && this.#deaths === 0) while (this.#hands.length < this.#size) this.#hire()
      if (this.#closed || this.#hands.length === 0) return reject(new Error('the classifiers have stopped'))
      if (signal.aborted) return reject(new Error('cancelled'))
      if (this.#waiting.length >= MOST_WAITING) return reject(new Error('too many texts wait for the classifiers'))
      const id = this.#next++
      const gone = (): void => this.#cancel(id)
      signal.addEventListener('abort', gone, { once: true })
      this.#waiting.push({ id, job, resolve, reject, forget: () => signal.removeEventListener('abort', gone) })
      this.#feed()
    })
  }

  /** Jobs that wait or run. */
  get busy(): number {
    return this.#hands.reduce((sum, hand) => sum + hand.jobs.size, this.#waiting.length)
  }

  #feed(): void {
    for (;;) {
      if (this.#waiting.length === 0) return
      const hand = this.#hands.reduce((least, one) => (one.jobs.size < least.jobs.size ? one : least))
      if (hand.jobs.size >= IN_HAND) return
      const next = this.#waiting.shift() as Waiting
      if (hand.jobs.size === 0) hand.worker.ref()
      hand.jobs.set(next.id, next)
      hand.worker.postMessage({ id: next.id, job: next.job } satisfies Ask)
    }
  }

  #answered(hand: Hand, answer: Answer): void {
    const waiting = hand.jobs.get(answer.id)
    hand.jobs.delete(answer.id)
    if (hand.jobs.size === 0) hand.worker.unref()
    this.#feed()
    if (waiting === undefined) return
    waiting.forget()
    if ('error' in answer) waiting.reject(new Error(answer.error))
    else waiting.resolve({ rows: answer.rows, labels: answer.labels ?? [] })
  }

  #cancel(id: number): void {
    const at = this.#waiting.findIndex((waiting) => waiting.id === id)
    if (at !== -1) {
      const [waiting] = this.#waiting.splice(at, 1)
      waiting?.forget()
      waiting?.reject(new Error('cancelled'))
      return
    }
    const hand = this.#hands.find(({ jobs }) => jobs.has(id))
    const waiting = hand?.jobs.get(id)
    hand?.worker.postMessage({ cancel: id } satisfies Ask)
    waiting?.forget()
    waiting?.reject(new Error('cancelled'))
  }

  #died(hand: Hand, error: Error): void {
    const at = this.#hands.indexOf(hand)
    if (at === -1) return
    this.#hands.splice(at, 1)
    for (const waiting of hand.jobs.values()) {
      waiting.forget()
      waiting.reject(error)
    }
    hand.jobs.clear()
    if (!this.#closed && ++this.#deaths <= MOST_DEATHS) this.#hire()
    if (this.#hands.length > 0) this.#feed()
    else for (const waiting of this.#waiting.splice(0)) {
      waiting.forget()
      waiting.reject(error)
    }
  }

  /** Ends the workers; jobs in hand are rejected. */
  async close(): Promise<void> {
    this.#closed = true
    for (const waiting of this.#waiting.splice(0)) {
      waiting.forget()
      waiting.reject(new Error('the classifiers have stopped'))
    }
    await Promise.all([...this.#hands].map(ended))
  }
}

// A thread that is ended inside the runtime's own code takes the whole process with it: it is asked to end instead.
async function ended({ worker, jobs }: Hand): Promise<void> {
  const over = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
  worker.ref()
  for (const id of jobs.keys()) worker.postMessage({ cancel: id } satisfies Ask)
  worker.postMessage({ end: true } satisfies Ask)
  const patience = setTimeout(() => void worker.terminate(), MOST_PATIENCE)
  await over
  clearTimeout(patience)
}
