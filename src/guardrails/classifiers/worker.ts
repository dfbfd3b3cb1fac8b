import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parentPort, workerData } from 'node:worker_threads'
import * as ort from 'onnxruntime-node'
import type { Card } from './card.ts'
import { openFolder } from './folder.ts'
import type { Brought } from './folder.ts'
import type { Answer, Ask, Job } from './job.ts'
import { runsOf, wordsWith } from './words.ts'
import type { Run, Word } from './words.ts'
import { tokenizerOf } from './tokenizer.ts'

/** Tokens of one run, borders and channel words included, as in training. */
const ROOM = 122
const OVERLAP = 24
// Runs of like length share a call of the encoder; more than this only fills caches.
const TOGETHER = 8

const port = parentPort
if (port === null) throw new Error('this file is a worker')
const { folder, card } = workerData as { readonly folder: string; readonly card: Card }

const options: ort.InferenceSession.SessionOptions = { intraOpNumThreads: 1, interOpNumThreads: 1, executionMode: 'sequential', graphOptimizationLevel: 'all', logSeverityLevel: 3 }
const sessions = new Map<string, Promise<ort.InferenceSession>>()
const brought = new Map<string, Promise<Brought>>()

function session(name: string): Promise<ort.InferenceSession> {
  let made = sessions.get(name)
  if (made === undefined) sessions.set(name, (made = ort.InferenceSession.create(join(folder, name), options)))
  return made
}

const tokenizer = tokenizerOf(JSON.parse(readFileSync(join(folder, 'tokenizer.json'), 'utf8')) as object)
const wordsOf = wordsWith(tokenizer)
const prefixes = new Map<string, readonly number[]>()

function prefixOf(channel: string): readonly number[] {
  const known = prefixes.get(channel)
  if (known !== undefined) return known
  const { ids } = tokenizer.encode(`${channel.replaceAll('_', ' ')} :`, { add_special_tokens: false })
  prefixes.set(channel, ids)
  return ids
}

interface Piece {
  readonly text: number
  readonly run: Run
  readonly ids: readonly number[]
}

function piecesOf(words: readonly (readonly Word[])[], prefix: readonly number[]): readonly Piece[] {
  const { begin, end } = card.tokens
  const pieces = words.flatMap((one, text) => runsOf(one, ROOM, OVERLAP).map((run): Piece => ({ text, run, ids: [begin, ...prefix, ...run.ids, end] })))
  return pieces.sort((a, b) => a.ids.length - b.ids.length)
}

/** Runs trunk and branch over all pieces; `take` receives each piece with the tensor of its batch and its row there. */
async function throughBranch(branch: string, pieces: readonly Piece[], take: (piece: Piece, output: ort.Tensor, row: number) => void, stopped: () => boolean): Promise<void> {
  const [trunk, top] = await Promise.all([session('trunk.onnx'), session(branch)])
  for (let from = 0; from < pieces.length; from += TOGETHER) {
    // Between two calls other messages are read: a cancelled job ends here.
    if (from > 0) await new Promise((next) => setImmediate(next))
    if (stopped()) return
    const batch = pieces.slice(from, from + TOGETHER)
    const longest = (batch.at(-1) as Piece).ids.length
    const data = new BigInt64Array(batch.length * longest).fill(BigInt(card.tokens.pad))
    for (const [k, piece] of batch.entries()) for (const [i, id] of piece.ids.entries()) data[k * longest + i] = BigInt(id)
    const ids = new ort.Tensor('int64', data, [batch.length, longest])
    const hidden = (await trunk.run({ ids }))['hidden'] as ort.Tensor
    const output = (await top.run({ hidden, ids }))['output'] as ort.Tensor
    for (const [k, piece] of batch.entries()) take(piece, output, k)
  }
}

async function guard(texts: readonly string[], channel: string, stopped: () => boolean): Promise<readonly Float32Array[]> {
  const width = card.outputs.length
  const rows = texts.map(() => new Float32Array(width).fill(-20))
  await throughBranch('guard.onnx', piecesOf(texts.map(wordsOf), prefixOf(channel)), ({ text }, { data }, row) => {
    const into = rows[text] as Float32Array
    for (let j = 0; j < width; j++) into[j] = Math.max(into[j] as number, (data as Float32Array)[row * width + j] as number)
  }, stopped)
  return rows
}

async function embed(texts: readonly string[], stopped: () => boolean): Promise<readonly Float32Array[]> {
  const rows = texts.map(() => new Float32Array(384))
  await throughBranch('sentence.onnx', piecesOf(texts.map(wordsOf), prefixOf('query')), ({ text }, { data }, row) => {
    const into = rows[text] as Float32Array
    for (let j = 0; j < 384; j++) into[j] = (into[j] as number) + ((data as Float32Array)[row * 384 + j] as number)
  }, stopped)
  for (const row of rows) {
    const length = Math.hypot(...row) || 1
    for (let j = 0; j < row.length; j++) row[j] = (row[j] as number) / length
  }
  return rows
}

async function tags(texts: readonly string[], stopped: () => boolean): Promise<readonly Float32Array[]> {
  const width = card.tags.length
  const words = texts.map(wordsOf)
  const found = texts.map((): Map<number, readonly [number, number]> => new Map())
  await throughBranch('tags.onnx', piecesOf(words, []), ({ text, run }, { data, dims }, row) => {
    const tokens = dims[1] as number
    let at = 1
    for (let w = run.first; w < run.last; w++) {
      const word = (words[text] as readonly Word[])[w] as Word
      const base = (row * tokens + at) * width
      at += word.ids.length
      if (at >= tokens) break
      const [tag, share] = surest(data as Float32Array, base, width)
      // Where two runs overlap, the surer reading of a word stands.
      const known = found[text]?.get(w)
      if (known === undefined || share > known[1]) found[text]?.set(w, [tag, share])
    }
  }, stopped)
  return found.map((byWord, text) => {
    const row: number[] = []
    for (const [w, [tag, share]] of [...byWord].sort(([a], [b]) => a - b)) {
      if (tag === 0) continue
      const word = (words[text] as readonly Word[])[w] as Word
      row.push(tag, word.start, word.end, share)
    }
    return Float32Array.from(row)
  })
}

function surest(data: Float32Array, base: number, width: number): readonly [number, number] {
  let best = 0
  for (let j = 1; j < width; j++) if ((data[base + j] as number) > (data[base + best] as number)) best = j
  let sum = 0
  for (let j = 0; j < width; j++) sum += Math.exp((data[base + j] as number) - (data[base + best] as number))
  return [best, 1 / sum]
}

async function custom(path: string, texts: readonly string[]): Promise<{ rows: readonly Float32Array[]; labels: readonly string[] }> {
  let opened = brought.get(path)
  if (opened === undefined) brought.set(path, (opened = openFolder(path, options)))
  const { labels, classify } = await opened
  const rows: Float32Array[] = []
  for (const text of texts) rows.push(await classify(text))
  return { rows, labels }
}

async function answered(job: Job, stopped: () => boolean): Promise<{ rows: readonly Float32Array[]; labels?: readonly string[] }> {
  switch (job.kind) {
    case 'guard':
      return { rows: await guard(job.texts, job.channel, stopped) }
    case 'tags':
      return { rows: await tags(job.texts, stopped) }
    case 'embed':
      return { rows: await embed(job.texts, stopped) }
    case 'custom':
      return custom(job.folder, job.texts)
  }
}

const open = new Set<number>()
const cancelled = new Set<number>()

let ending = false

port.on('message', (ask: Ask) => {
  if ('end' in ask) {
    ending = true
    if (open.size === 0) port.close()
    return
  }
  if ('cancel' in ask) {
    if (open.has(ask.cancel)) cancelled.add(ask.cancel)
    return
  }
  const { id, job } = ask
  open.add(id)
  answered(job, () => cancelled.has(id)).then(
    (rows) => port.postMessage({ id, ...rows } satisfies Answer),
    (error: unknown) => port.postMessage({ id, error: error instanceof Error ? error.message : 'failed' } satisfies Answer),
  ).finally(() => {
    open.delete(id)
    cancelled.delete(id)
    if (ending && open.size === 0) port.close()
  })
})
