import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { Origin } from '../../src/contract/segment.ts'
import type { Layer } from '../../src/guardrails/guardrail.ts'

/** Guardrails whose score is compared with ordinary traffic. */
export const SCORED = ['prompt_injection', 'jailbreak', 'harmful', 'toxicity'] as const
export type Scored = (typeof SCORED)[number]

export interface Item {
  readonly text: string
  readonly origin: Origin
}

export interface Found {
  readonly guardrail: string
  readonly category: string
  readonly score: number
  readonly start: number
  readonly end: number
}

/** What the guard said about one text. */
export interface Score {
  /** The highest score of each guardrail; absent where it did not look. */
  readonly scores: Readonly<Record<string, number>>
  /** Everything recorded, also what is not sure enough to decide anything. */
  readonly found: readonly Found[]
  /** What could not be looked at, and why. */
  readonly inconclusive: readonly string[]
  readonly micros: number
}

export interface Ask {
  readonly id: number
  /** The guardrails of `SCORED`, or those for personal data and secrets. */
  readonly about: 'attacks' | 'data'
  readonly layers: readonly Layer[]
  readonly items: readonly Item[]
}

export type Answer = { readonly id: number; readonly scores: readonly Score[] } | { readonly id: number; readonly error: string }

export interface Scorer {
  /** Scores in the order of the items. Rejects where a worker dies or the guard is broken. */
  score(label: string, about: Ask['about'], layers: readonly Layer[], items: readonly Item[]): Promise<readonly Score[]>
  close(): Promise<void>
}

const TOGETHER = 8

/** One worker for each core, each with the product's guard and a copy of the models. Progress goes to stderr. */
export function openScorer(): Scorer {
  const workers = Array.from({ length: availableParallelism() }, () => new Worker(new URL('./worker.ts', import.meta.url)))
  let next = 0
  const ask = (worker: Worker, about: Ask['about'], layers: readonly Layer[], items: readonly Item[]): Promise<readonly Score[]> => new Promise((resolve, reject) => {
    const id = next++
    const settle = (act: () => void): void => {
      worker.off('message', heard)
      worker.off('error', reject)
      act()
    }
    const heard = (answer: Answer): void => {
      if (answer.id === id) settle(() => ('error' in answer ? reject(new Error(answer.error)) : resolve(answer.scores)))
    }
    worker.on('message', heard)
    worker.once('error', reject)
    worker.postMessage({ id, about, layers, items } satisfies Ask)
  })
  return {
    async score(label, about, layers, items) {
      const scores = new Array<Score>(items.length)
      const report = progress(`${label} (${layers.join('+')})`, items.length)
      let at = 0
      let done = 0
      await Promise.all(workers.map(async (worker) => {
        while (at < items.length) {
          const from = at
          at += TOGETHER
          const part = await ask(worker, about, layers, items.slice(from, from + TOGETHER))
          for (const [i, one] of part.entries()) scores[from + i] = one
          done += part.length
          report(done)
        }
      }))
      return scores
    },
    async close() {
      await Promise.all(workers.map((worker) => worker.terminate()))
    },
  }
}

/** A line that rewrites itself on a terminal; elsewhere one every ten seconds. */
function progress(label: string, of: number): (done: number) => void {
  const began = performance.now()
  let shown = began
  return (done) => {
    const now = performance.now()
    const last = done === of
    if (!last && now - shown < (process.stderr.isTTY ? 200 : 10_000)) return
    shown = now
    const line = `${label}: ${done} of ${of}, ${((now - began) / 1000).toFixed(0)} s`
    process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${line}${last ? '\n' : ''}` : `${line}\n`)
  }
}
