import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { readingsOf } from '../normalise/readings.ts'
import { viewOf } from '../normalise/view.ts'
import type { Allowance, Channel, Depth, Entity, Models, Output, Scored, Spot } from '../tools.ts'
import { readCard } from './card.ts'
import type { Card } from './card.ts'
import { BUCKETS, FAST_HEADS, fastLogits } from './fast.ts'
import type { Linear } from './fast.ts'
import { Pool } from './pool.ts'
import { windowsOf } from './windows.ts'
import type { Stretch } from './windows.ts'

/** Where the shipped models lie. */
export const SHIPPED = new URL('../../../models', import.meta.url).pathname

// Results of texts seen a moment ago: several guardrails ask about the same text at once.
const REMEMBERED = 256

interface Window {
  readonly text: string
  /** In the original. */
  readonly start: number
  readonly end: number
  readonly fast: Float32Array
}

/** Local classifiers with their threads. */
export interface RunningModels extends Models {
  readonly version: string
  close(): Promise<void>
}

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x))
}

function linearOf(folder: string, card: Card): Linear {
  const bytes = readFileSync(join(folder, 'fast.bin'))
  if (bytes.length !== BUCKETS * FAST_HEADS.length) throw new Error(`models: fast.bin has ${bytes.length} bytes, ${BUCKETS * FAST_HEADS.length} are expected`)
  return { weights: new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length), ...card.fast }
}

// Share of a window that readings must cover before they speak for it: what is left is too short for an order.
const COVERED = 0.95

function coverage(readings: readonly Stretch[], start: number, end: number): number {
  let covered = 0
  let from = start
  for (const reading of [...readings].sort((a, b) => a.start - b.start)) {
    const low = Math.max(from, reading.start)
    const high = Math.min(end, reading.end)
    if (high <= low) continue
    covered += high - low
    from = high
  }
  return covered / (end - start)
}

/** All windows of a text as it stands, without its disguises, and of everything that is encoded in it. */
function windowed(linear: Linear, text: string): { readonly windows: readonly Window[]; readonly exhausted: boolean } {
  const made: Window[] = []
  const add = (shown: string, folded: string, place: (start: number, end: number) => Stretch, counts: (start: number, end: number) => boolean = () => true): void => {
    for (const { start, end } of windowsOf(shown)) {
      const where = place(start, end)
      if (!counts(where.start, where.end)) continue
      const fast = new Float32Array(FAST_HEADS.length)
      fastLogits(linear, folded.slice(start, end), fast)
      made.push({ text: shown.slice(start, end), start: where.start, end: where.end, fast })
    }
  }
  const { readings, exhausted } = readingsOf(text)
  const view = viewOf(text)
  // Where a stretch is read decoded, what it looks like undecoded says nothing: encoded is not itself an attack.
  const plain = (start: number, end: number): boolean => end === start || coverage(readings, start, end) < COVERED
  // Folding may change lengths; then the folded text is a reading of its own.
  if (view === undefined) add(text, text, (start, end) => ({ start, end }), plain)
  else if (view.text.length === text.length) add(text, view.text, (start, end) => ({ start, end }), plain)
  else {
    add(text, text, (start, end) => ({ start, end }), plain)
    add(view.text, view.text, (start, end) => ({ start: view.from(start), end: view.to(end) }), plain)
  }
  for (const reading of readings) add(reading.text, viewOf(reading.text)?.text ?? reading.text, (start, end) => reading.span(start, end))
  return { windows: made, exhausted }
}

/**
 * Loads the models of a folder and starts its workers. Throws with a sentence that names the file where one is missing
 * or not the one that belongs to this version.
 */
export function openModels(folder: string = SHIPPED, threads: number = Math.max(1, Math.min(4, availableParallelism() - 1))): RunningModels {
  const card = readCard(folder)
  const linear = linearOf(folder, card)
  const pool = new Pool(folder, card, threads)
  const outputs = card.outputs as readonly Output[]
  const fastAt = new Map<string, number>(FAST_HEADS.map((head, k) => [head, k]))
  const known = new Map<string, Promise<Scored>>()

  const fastScore = (head: (typeof FAST_HEADS)[number], logits: Float32Array): number => {
    const [slope, offset] = card.calibration.fast[head]
    return sigmoid(slope * (logits[fastAt.get(head) as number] as number) + offset)
  }
  const suspicion = ({ fast }: Window): number => FAST_HEADS.reduce((most, head) => Math.max(most, fastScore(head, fast)), 0)

  const look = async (text: string, channel: Channel, depth: Depth, allowance: Allowance, signal: AbortSignal): Promise<Scored> => {
    const { windows, exhausted } = windowed(linear, text)
    const fastSpot = (output: Output): Spot => {
      let best: Spot = { score: 0, start: 0, end: 0, layer: 'fast' }
      if (!fastAt.has(output)) return best
      for (const { start, end, fast } of windows) {
        const score = fastScore(output as (typeof FAST_HEADS)[number], fast)
        if (score > best.score) best = { score, start, end, layer: 'fast' }
      }
      return best
    }
    const asked = depth === 'fast' ? [] : depth === 'always' ? [...windows] : windows.filter((window) => suspicion(window) >= card.grey[channel])
    if (asked.length === 0) return { spots: Object.fromEntries(outputs.map((output) => [output, fastSpot(output)])) as Record<Output, Spot>, skipped: exhausted ? 1 : 0 }
    // Attacks like the ends of a text, so these are read before the merely suspicious.
    const first = asked[0] as Window
    const last = asked.at(-1) as Window
    asked.sort((a, b) => Number(b === first || b === last) - Number(a === first || a === last) || suspicion(b) - suspicion(a))
    const chosen = asked.slice(0, Math.max(0, allowance.windows))
    allowance.windows -= chosen.length
    const { rows } = chosen.length === 0 ? { rows: [] } : await pool.run({ kind: 'guard', texts: chosen.map((window) => window.text), channel }, signal)
    const spots = {} as Record<Output, Spot>
    for (const [j, output] of outputs.entries()) {
      const [slope, offset] = card.calibration.deep[output]
      let best: Spot = chosen.length === 0 ? fastSpot(output) : { score: 0, start: 0, end: 0, layer: 'deep' }
      for (const [i, row] of rows.entries()) {
        const score = sigmoid(slope * (row[j] as number) + offset)
        const { start, end } = chosen[i] as Window
        if (score > best.score) best = { score, start, end, layer: 'deep' }
      }
      spots[output] = best
    }
    return { spots, skipped: asked.length - chosen.length + (exhausted ? 1 : 0) }
  }

  return {
    version: card.version,
    score(text, channel, depth, allowance, signal) {
      const key = `${channel}|${depth}|${text}`
      const same = known.get(key)
      if (same !== undefined) return same
      const scoring = look(text, channel, depth, allowance, signal)
      known.set(key, scoring)
      // An answer that is not complete, or none, is nobody else's.
      scoring.then(({ skipped }) => skipped > 0 && known.delete(key), () => known.delete(key))
      if (known.size > REMEMBERED) known.delete(known.keys().next().value as string)
      return scoring
    },
    threshold(output, channel, level, layer) {
      const levels = layer === 'deep' ? card.thresholds.deep[output] : card.thresholds.fast[output as (typeof FAST_HEADS)[number]]
      // The linear model does not tell kinds of toxicity apart: such a score never counts.
      return levels?.[channel][level - 1] ?? 1.01
    },
    async entities(text, allowance, signal) {
      const stretches = windowsOf(text)
      const chosen = stretches.slice(0, Math.max(0, allowance.windows))
      allowance.windows -= chosen.length
      const { rows } = chosen.length === 0 ? { rows: [] } : await pool.run({ kind: 'tags', texts: chosen.map(({ start, end }) => text.slice(start, end)) }, signal)
      return { entities: rows.flatMap((row, i) => entitiesOf(card, text, chosen[i]?.start ?? 0, row)), skipped: stretches.length - chosen.length }
    },
    async embed(texts, signal) {
      return texts.length === 0 ? [] : (await pool.run({ kind: 'embed', texts }, signal)).rows
    },
    async custom(path, text, signal) {
      const { rows, labels } = await pool.run({ kind: 'custom', folder: path, texts: [text] }, signal)
      return Object.fromEntries(labels.map((label, j) => [label, rows[0]?.[j] ?? 0]))
    },
    close: async () => pool.close(),
  }
}

const BORDER = /^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu

// Tags are B-… and I-…; a run of words of one kind is one entity, without the punctuation around it.
function entitiesOf(card: Card, text: string, from: number, row: Float32Array): readonly Entity[] {
  const found: { category: string; score: number; start: number; end: number; words: number }[] = []
  for (let at = 0; at + 3 < row.length; at += 4) {
    const tag = card.tags[row[at] as number] ?? 'O'
    const start = from + (row[at + 1] as number)
    const end = from + (row[at + 2] as number)
    const score = row[at + 3] as number
    const category = tag.slice(2)
    const before = found.at(-1)
    if (tag.startsWith('I-') && before?.category === category && /^\s*$/.test(text.slice(before.end, start))) {
      before.end = end
      before.score = (before.score * before.words + score) / (before.words + 1)
      before.words++
    } else found.push({ category, score, start, end, words: 1 })
  }
  return found.flatMap(({ category, score, start, end }) => {
    const raw = text.slice(start, end)
    const lead = /^[^\p{L}\p{N}]*/u.exec(raw)?.[0].length ?? 0
    const kept = raw.replace(BORDER, '').length
    return kept === 0 ? [] : [{ category, score, start: start + lead, end: start + lead + kept }]
  })
}
