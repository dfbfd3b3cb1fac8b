import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { readCard } from '../../src/guardrails/classifiers/card.ts'
import { SHIPPED } from '../../src/guardrails/classifiers/models.ts'
import { dataFolder } from '../labelled.ts'
import { disguises } from './disguises.ts'
import { worse } from './figures.ts'
import type { Figure } from './figures.ts'
import { measure } from './measure.ts'
import type { Sizes } from './measure.ts'
import { heldOutSchema, report } from './report.ts'
import { openScorer } from './scorer.ts'

const usage = `usage: npm run eval -- [--quick | --all] [--accept] [--dry]
  Scores the labelled sets with the shipped guard, writes models/RESULTS.md and models/results.json, and fails when a
  figure lies below the recorded one by more than its interval.
  --quick   a few texts of everything, nothing is written or compared
  --all     every text instead of a sample
  --accept  record the figures even where they are worse
  --dry     compare, but write nothing`

const SAMPLE: Sizes = { group: 400, ordinary: { user: 5000, document: 1200 }, spans: Number.POSITIVE_INFINITY, disguised: 60 }
const QUICK: Sizes = { group: 12, ordinary: { user: 60, document: 60 }, spans: 100, disguised: 2 }
const ALL: Sizes = { group: Number.POSITIVE_INFINITY, ordinary: { user: Number.POSITIVE_INFINITY, document: Number.POSITIVE_INFINITY }, spans: Number.POSITIVE_INFINITY, disguised: 200 }

const figureSchema = z.object({ key: z.string(), value: z.number(), low: z.number(), high: z.number(), n: z.number(), better: z.enum(['more', 'less']) })
const recordSchema = z.object({ figures: z.array(figureSchema) })
const path = (name: string): string => join(SHIPPED, name)

function recorded(): readonly Figure[] {
  return existsSync(path('results.json')) ? recordSchema.parse(JSON.parse(readFileSync(path('results.json'), 'utf8'))).figures : []
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { quick: { type: 'boolean' }, all: { type: 'boolean' }, accept: { type: 'boolean' }, dry: { type: 'boolean' }, help: { type: 'boolean' } } })
  if (values.help === true) {
    console.log(usage)
    return 0
  }
  const folder = dataFolder()
  if (folder === undefined) {
    console.log('The labelled sets are not here (../shared/data, or SALLYPORT_DATA): nothing to measure. The recorded figures are in models/RESULTS.md.')
    return 0
  }
  const { version } = readCard(SHIPPED)
  const sizes = values.quick === true ? QUICK : values.all === true ? ALL : SAMPLE
  const sample = values.all === true ? 'all' : `at most ${sizes.group} of a label, channel and source, chosen by hash (seed "eval")`
  const began = performance.now()
  const scorer = openScorer()
  const measured = await measure(folder, { scorer, sizes }).finally(() => scorer.close())
  const minutes = ((performance.now() - began) / 60_000).toFixed(1)
  const heldOut = existsSync(path('held-out.json')) ? heldOutSchema.parse(JSON.parse(readFileSync(path('held-out.json'), 'utf8'))) : undefined
  const page = report({ version, sample, measured, heldOut })
  if (values.quick === true) {
    console.log(page)
    return 0
  }
  const found = worse(recorded(), measured.figures)
  for (const { before, now } of found) console.log(`worse: ${now.key}: ${now.value.toFixed(4)} of ${now.n}; recorded ${before.value.toFixed(4)} [${before.low.toFixed(4)}, ${before.high.toFixed(4)}]`)
  if (values.dry !== true && (found.length === 0 || values.accept === true)) {
    writeFileSync(path('RESULTS.md'), page)
    const { figures, ...rest } = measured
    writeFileSync(path('results.json'), `${JSON.stringify({ version, at: new Date().toISOString().slice(0, 10), sample, disguises: disguises.length, ...rest, figures: figures.map(rounded) }, null, 1)}\n`)
  }
  console.log(`${measured.figures.length} figures in ${minutes} min; ${found.length === 0 ? 'none is worse than recorded' : `${found.length} are worse than recorded${values.accept === true ? ', and recorded as they are' : ''}`}`)
  return found.length === 0 || values.accept === true ? 0 : 1
}

function rounded(figure: Figure): Figure {
  const short = (value: number): number => Math.round(value * 1e5) / 1e5
  return { ...figure, value: short(figure.value), low: short(figure.low), high: short(figure.high) }
}

process.exitCode = await main()
