import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as after } from 'node:timers/promises'
import * as ort from 'onnxruntime-node'
import type { Card } from '../src/guardrails/classifiers/card.ts'
import { Pool } from '../src/guardrails/classifiers/pool.ts'
import { wordsWith } from '../src/guardrails/classifiers/words.ts'
import { prose, quantile } from './prose.ts'
import { tokenizerOf } from '../src/guardrails/classifiers/tokenizer.ts'

const never = new AbortController().signal

/** A text of about `tokens` tokens, another one for each seed. */
function textOf(tokens: number, seed: number, wordsOf: ReturnType<typeof wordsWith>): string {
  const long = prose(tokens * 8, seed)
  let count = 0
  for (const { end, ids } of wordsOf(long)) {
    count += ids.length
    if (count >= tokens) return long.slice(0, end)
  }
  return long
}

/** p50 and p99 of the encoder on one thread, through onnxruntime alone and through a pool of one worker. Milliseconds. */
export async function deepLatency(folder: string, card: Card, runs: number): Promise<Record<string, number>> {
  const result: Record<string, number> = {}
  const wordsOf = wordsWith(tokenizerOf(JSON.parse(readFileSync(join(folder, 'tokenizer.json'), 'utf8')) as object))
  const options: ort.InferenceSession.SessionOptions = { intraOpNumThreads: 1, interOpNumThreads: 1, executionMode: 'sequential', graphOptimizationLevel: 'all', logSeverityLevel: 3 }
  const [trunk, top] = await Promise.all(['trunk.onnx', 'guard.onnx'].map((name) => ort.InferenceSession.create(join(folder, name), options))) as [ort.InferenceSession, ort.InferenceSession]
  const pool = new Pool(folder, card, 1)
  for (const tokens of [64, 128, 512]) {
    const bare: number[] = []
    const pooled: number[] = []
    for (let i = 0; i < runs + 10; i++) {
      // The borders and the words for the channel count.
      const text = textOf(tokens - 6, i, wordsOf)
      const ids = new BigInt64Array(tokens).fill(5n)
      wordsOf(text).flatMap((word) => word.ids).slice(0, tokens).forEach((id, at) => (ids[at] = BigInt(id)))
      let began = performance.now()
      const input = new ort.Tensor('int64', ids, [1, tokens])
      const hidden = (await trunk.run({ ids: input }))['hidden'] as ort.Tensor
      await top.run({ hidden, ids: input })
      bare.push(performance.now() - began)
      began = performance.now()
      await pool.run({ kind: 'guard', texts: [text], channel: 'user' }, never)
      pooled.push(performance.now() - began)
    }
    for (const [name, all] of [['bare session', bare], ['through the pool', pooled]] as const) {
      const warm = all.slice(10)
      result[`deep, ${tokens} tokens, ${name} (ms, p50)`] = quantile(warm, 0.5)
      result[`deep, ${tokens} tokens, ${name} (ms, p99)`] = quantile(warm, 0.99)
    }
  }
  await Promise.all([trunk.release(), top.release(), pool.close()])
  return result
}

/** Texts of 128 tokens a second, and how late the main thread's timers are meanwhile, idle included. */
export async function deepThroughput(folder: string, card: Card, milliseconds: number): Promise<Record<string, number>> {
  const result: Record<string, number> = {}
  const wordsOf = wordsWith(tokenizerOf(JSON.parse(readFileSync(join(folder, 'tokenizer.json'), 'utf8')) as object))
  const texts = Array.from({ length: 256 }, (_, i) => textOf(122, i + 1000, wordsOf))
  const delayed = async (name: string, work: Promise<unknown>): Promise<void> => {
    const delay = monitorEventLoopDelay({ resolution: 1 })
    delay.enable()
    await work
    delay.disable()
    result[`event loop delay p99, ${name} (ms)`] = delay.percentile(99) / 1e6
  }
  await delayed('idle', after(milliseconds))
  for (const threads of new Set([1, availableParallelism()])) {
    const pool = new Pool(folder, card, threads)
    const job = (i: number) => pool.run({ kind: 'guard', texts: [texts[i % texts.length] as string], channel: 'user' }, never)
    await Promise.all(Array.from({ length: 16 * threads }, (_, i) => job(i)))
    let done = 0
    let next = 0
    const until = performance.now() + milliseconds
    const lane = async (): Promise<void> => {
      while (performance.now() < until) {
        await job(next++)
        done++
      }
    }
    const began = performance.now()
    await delayed(`deep on ${threads} thread${threads === 1 ? '' : 's'}`, Promise.all(Array.from({ length: 4 * threads }, lane)))
    result[`deep, 128 tokens, ${threads} thread${threads === 1 ? '' : 's'} (texts/s)`] = (done * 1000) / (performance.now() - began)
    await pool.close()
  }
  return result
}
