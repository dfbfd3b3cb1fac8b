import { createHash } from 'node:crypto'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import type { Origin } from '../src/contract/segment.ts'

/** A text of a labelled set, for measuring. Attack text is data. */
export interface Labelled {
  readonly text: string
  readonly origin: Origin
  /** Attack, unsafe, personal data or secret present. */
  readonly bad: boolean
  readonly kind: string
  readonly source: string
  readonly lang: string
  readonly spans: readonly Marked[]
  /** The kind of secret or of look-alike, where the set names it. */
  readonly type: string
  /** Categories of toxicity, as the set spells them. */
  readonly categories: readonly string[]
}

export interface Marked {
  readonly type: string
  readonly start: number
  readonly end: number
}

interface Line {
  readonly text: string
  readonly label: number
  readonly kind?: string
  readonly lang?: string
  readonly spans?: readonly Marked[]
  readonly meta?: { readonly type?: string; readonly categories?: readonly string[] }
}

const root = join(import.meta.dirname, '..')

/** Where the labelled sets are: never part of the project. Undefined where there are none. */
export function dataFolder(): string | undefined {
  const folder = process.env['SALLYPORT_DATA'] ?? join(root, '..', 'shared', 'data')
  return existsSync(join(folder, 'train')) ? folder : undefined
}

/** Names of the sets that models are trained on, without the recorded runs, which have no labels. */
export function setsIn(folder: string): readonly string[] {
  return readdirSync(join(folder, 'train')).filter((name) => name.endsWith('.jsonl.gz') && name !== 'asb_traces.jsonl.gz').map((name) => name.slice(0, -'.jsonl.gz'.length)).sort()
}

// As in training/rows.py, except that what is measured for toxicity stands where people write.
function originOf(kind: string, name: string): Origin {
  if (name === 'asb' || kind === 'tool_output_benign') return 'tool_result'
  return kind === 'document_benign' || kind === 'indirect_injection' ? 'document' : 'user'
}

/** The texts of one file; `name` is its path below the data folder, without the ending. */
export function labelledIn(folder: string, name: string): readonly Labelled[] {
  const source = name.slice(name.lastIndexOf('/') + 1)
  return gunzipSync(readFileSync(join(folder, `${name}.jsonl.gz`))).toString('utf8').split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as Line).filter(({ text }) => text.trim() !== '').map(({ text, label, kind = '', lang = 'en', spans = [], meta }) => ({
    text, origin: originOf(kind, source), bad: label === 1, kind, source, lang, spans: spans.map((span) => inUnits(text, span)), type: meta?.type ?? '', categories: meta?.categories ?? [],
  }))
}

// The sets count characters, JavaScript counts UTF-16 units; they differ only behind a character beyond the first plane.
function inUnits(text: string, { type, start, end }: Marked): Marked {
  if (!/[\ud800-\udfff]/.test(text)) return { type, start, end }
  const points = Array.from(text)
  return { type, start: points.slice(0, start).join('').length, end: points.slice(0, end).join('').length }
}

interface Case {
  readonly id: string
  readonly origin: Origin
  readonly text: string | readonly string[]
  readonly expect: { readonly verdict: string }
}

/** The project's own golden cases of one file under cases/guardrails. */
export function casesIn(name: string): readonly Labelled[] {
  return readFileSync(join(root, 'cases/guardrails', `${name}.jsonl`), 'utf8').split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as Case).map(({ text, origin, expect }) => ({
    text: typeof text === 'string' ? text : text.join(''), origin, bad: expect.verdict !== 'allow', kind: 'case', source: `cases/${name}`, lang: '', spans: [], type: '', categories: [],
  }))
}

/** True for the twelfth of all texts that training keeps back (`reserved` in training/rows.py): the text alone decides. */
export function keptBack(text: string): boolean {
  return (createHash('sha256').update(text.trim().toLowerCase()).digest()[0] as number) % 12 === 0
}

/** At most `most` rows, the same on every run and whatever order the rows come in. */
export function sampled<T extends { readonly text: string }>(rows: readonly T[], most: number, seed: string): readonly T[] {
  if (rows.length <= most) return rows
  const rank = (row: T): string => createHash('sha1').update(seed).update(row.text).digest('hex')
  return rows.map((row) => [rank(row), row] as const).sort(([a], [b]) => (a < b ? -1 : 1)).slice(0, most).map(([, row]) => row)
}
