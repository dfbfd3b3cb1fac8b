import { readFileSync } from 'node:fs'
import { Pool } from 'undici'

/** One thing under test: where it listens, what it wants in headers, and the process whose CPU counts. */
export interface Subject {
  readonly name: string
  readonly port: number
  readonly pid: number
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
}

export interface Latency {
  readonly p50: number
  readonly p99: number
  readonly mean: number
}

/** Calls one after the other or `concurrency` at once, for a fixed number of calls. Milliseconds. */
export async function calls(subject: Subject, body: (index: number) => string, options: { readonly count: number; readonly concurrency: number }): Promise<{ readonly latency: Latency; readonly perSecond: number; readonly cpuMicros: number; readonly failed: number }> {
  const pool = new Pool(`http://127.0.0.1:${subject.port}`, { connections: options.concurrency, pipelining: 1 })
  const took: number[] = []
  let next = 0
  let failed = 0
  const worker = async (): Promise<void> => {
    while (next < options.count) {
      const at = performance.now()
      const { statusCode, body: reply } = await pool.request({ method: 'POST', path: subject.path, headers: { 'content-type': 'application/json', ...subject.headers }, body: body(next++) })
      await reply.arrayBuffer()
      if (statusCode !== 200) failed++
      took.push(performance.now() - at)
    }
  }
  const cpu = cpuMillis(subject.pid)
  const at = performance.now()
  await Promise.all(Array.from({ length: options.concurrency }, worker))
  const elapsed = performance.now() - at
  const used = cpuMillis(subject.pid) - cpu
  await pool.close()
  return { latency: summary(took), perSecond: (options.count / elapsed) * 1000, cpuMicros: (used * 1000) / options.count, failed }
}

export interface StreamRun {
  readonly firstToken: Latency
  /** Streams that delivered every byte with no gap beyond the limit. */
  readonly clean: number
  readonly count: number
  readonly worstGap: number
}

/** Streams whose starts are spread over `overMs`. Each must deliver `deltas` deltas; gaps are counted between chunks. */
export async function streams(subject: Subject, options: { readonly count: number; readonly overMs: number; readonly model: string; readonly deltas: number; readonly gapLimitMs: number }): Promise<StreamRun> {
  const pool = new Pool(`http://127.0.0.1:${subject.port}`, { connections: options.count, pipelining: 1, headersTimeout: 60_000, bodyTimeout: 60_000 })
  const firsts: number[] = []
  let clean = 0
  let worst = 0
  const one = async (index: number): Promise<void> => {
    await new Promise((resolve) => setTimeout(resolve, (options.overMs * index) / options.count))
    const at = performance.now()
    try {
      const { statusCode, body } = await pool.request({ method: 'POST', path: subject.path, headers: { 'content-type': 'application/json', ...subject.headers }, body: chat(options.model, 'Tell me a story.', true) })
      let spoke = false
      let last = 0
      let gap = 0
      let text = ''
      for await (const bytes of body) {
        const now = performance.now()
        text += (bytes as Buffer).toString('latin1')
        if (!spoke && text.includes('word0 ')) {
          spoke = true
          firsts.push(now - at)
        }
        if (last > 0) gap = Math.max(gap, now - last)
        last = now
      }
      worst = Math.max(worst, gap)
      const whole = (text.match(/word\d+ /g) ?? []).length === options.deltas && text.includes('[DONE]')
      if (statusCode === 200 && whole && gap <= options.gapLimitMs) clean++
    } catch {
      worst = Number.POSITIVE_INFINITY
    }
  }
  await Promise.all(Array.from({ length: options.count }, (_, index) => one(index)))
  await pool.destroy()
  return { firstToken: summary(firsts), clean, count: options.count, worstGap: worst }
}

export function chat(model: string, text: string, stream = false, before: readonly { readonly role: string; readonly content: string }[] = []): string {
  return JSON.stringify({ model, messages: [...before, { role: 'user', content: text }], ...(stream && { stream: true }) })
}

/** Percentiles and mean of what was measured. */
export function summary(values: readonly number[]): Latency {
  const sorted = values.toSorted((a, b) => a - b)
  const pick = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
  return { p50: pick(0.5), p99: pick(0.99), mean: sorted.reduce((sum, one) => sum + one, 0) / sorted.length }
}

/** User and system time of a process and its threads, in milliseconds, from /proc; clock ticks are 10 ms. */
export function cpuMillis(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10
}

/** Resident memory in MiB. */
export function residentMiB(pid: number): number {
  const kib = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Number(kib) / 1024
}
