import { z } from 'zod'
import { disguises } from './disguises.ts'
import type { Figure } from './figures.ts'
import { RATES } from './measure.ts'
import type { Measured, Stack } from './measure.ts'
import { SCORED } from './scorer.ts'
import { personal } from './spans.ts'

const shareSchema = z.object({ value: z.number(), low: z.number().optional(), high: z.number().optional() })
const foldSchema = z.object({
  name: z.string(),
  held: z.array(z.string()),
  samples: z.number(),
  note: z.string().optional(),
  rows: z.array(z.object({ source: z.string(), channel: z.string(), head: z.string(), what: z.enum(['recall', 'flagged']), n: z.number().optional(), at: z.record(z.string(), shareSchema) })),
})
/** `models/held-out.json`, as training/holdout.py writes it. */
export const heldOutSchema = z.object({ folds: z.array(foldSchema) })
export type HeldOut = z.infer<typeof heldOutSchema>

export interface Made {
  readonly version: string
  readonly sample: string
  readonly measured: Measured
  readonly heldOut: HeldOut | undefined
}

const percent = (value: number): string => `${(value * 100).toFixed(1)}`
const cell = (figure: Figure | undefined): string => (figure === undefined || figure.n === 0 ? '' : `${percent(figure.value)} [${percent(figure.low)}–${percent(figure.high)}]`)
const plain = (figure: Figure | undefined): string => (figure === undefined || figure.n === 0 ? '' : percent(figure.value))
const table = (head: readonly string[], rows: readonly (readonly (string | number)[])[]): string =>
  `| ${head.join(' | ')} |\n|${head.map((_, i) => (i === 0 ? '---' : '--:')).join('|')}|\n${rows.map((row) => `| ${row.join(' | ')} |`).join('\n')}\n`

/** The page for people; everything in it is in results.json too. */
export function report({ version, sample, measured, heldOut }: Made): string {
  const of = new Map(measured.figures.map((figure) => [figure.key, figure]))
  const at = (key: string): Figure | undefined => of.get(key)
  const { groups } = measured
  const stacks: readonly (readonly [Stack, string])[] = [['rules', 'rules'], ['fast', 'rules + fast'], ['deep', 'rules + fast + deep']]
  const attacks = groups.filter(({ source, channel, bad }) => bad && at(`prompt_injection/${source}/${channel}/recall@0.01/deep`) !== undefined)
  const benign = groups.filter(({ bad }) => !bad)
  return `# Results

Models ${version}. Written by \`npm run eval\`; every figure is in [results.json](results.json), and a run fails when one
falls below the recorded one by more than its interval. Texts: ${sample}.

**How to read it.** Thresholds are set once for each channel on ordinary traffic, so that 1 % (or 0.1 %) of it is
flagged: ${measured.ordinary['user'] ?? 0} everyday requests (\`alpaca_harmless\`, never trained on) for what users
write, ${measured.ordinary['document'] ?? 0} documents and tool outputs (\`docs_code_benign\`, \`llamafactory\`) for
what comes from elsewhere. Brackets are 95 % intervals (Wilson; resampled texts for F-measures). All in percent.

**The shipped weights were trained on every source named here** except \`alpaca_harmless\`: figures of a source that
the weights have seen flatter. *Kept back* counts only the twelfth of the texts that training never saw; they still come
from the same hand. The honest table is the last one, where whole sources were held out. Sets that nobody here has seen
measure the truth.

${measured.inconclusive === 0 ? 'Every text was looked at in full.' : `${measured.inconclusive} texts were not looked at in full (too long for the budget of one exchange).`}

## Prompt injection: recall

${RATES.map((rate) => `At ${percent(rate)} % false positives:\n\n${table(['source', 'channel', 'n', ...stacks.map(([, name]) => name), ...(rate === 0.01 ? ['kept back'] : [])], attacks.map(({ source, channel, n }) => [source, channel, n, ...stacks.map(([stack]) => cell(at(`prompt_injection/${source}/${channel}/recall@${rate}/${stack}`))), ...(rate === 0.01 ? [cell(at(`prompt_injection/${source}/${channel}/recall@0.01/kept back`))] : [])]))}`).join('\n')}
## Jailbreak and harmful requests: recall

${table(['source', 'channel', 'guardrail', 'at 1 %', 'at 0.1 %'], groups.filter(({ bad }) => bad).flatMap(({ source, channel }) => (['jailbreak', 'harmful'] as const).flatMap((guardrail) => {
    const found = at(`${guardrail}/${source}/${channel}/recall@0.01/deep`)
    return found === undefined ? [] : [[source, channel, guardrail, cell(found), cell(at(`${guardrail}/${source}/${channel}/recall@0.001/deep`))]]
  })))}
## Harmless texts flagged

At the thresholds for 1 % and 0.1 %, all layers.

${table(['source', 'channel', 'n', ...SCORED.map((name) => `${name}, 1 %`), 'prompt_injection, 0.1 %'], benign.map(({ source, channel, n }) => [source, channel, n, ...SCORED.map((name) => plain(at(`${name}/${source}/${channel}/flagged@0.01/deep`))), cell(at(`prompt_injection/${source}/${channel}/flagged@0.001/deep`))]))}
## Toxicity

${table(['OpenAI moderation release', 'F1'], ['F1 at 0.5', 'F1 at its best threshold', 'F1 at 0.5, kept back'].map((name) => [name, cell(at(`toxicity/openai_moderation/${name}`))]))}
## Personal data

By overlap of spans, on a set that the tagger was trained on and the rules were written beside. Structured kinds at the
shipped threshold; all kinds as recorded, with \`layers: [rules, deep]\`.

${table(['', 'precision', 'recall', 'F2'], Object.keys(personal).map((name) => [name === 'structured' ? 'structured kinds' : 'all kinds', cell(at(`pii/${name}/precision`)), cell(at(`pii/${name}/recall`)), cell(at(`pii/${name}/F2`))]))}
${table(['kind', 'n', 'recall'], Object.keys(personal.all).map((type) => [type, at(`pii/${type}/recall`)?.n ?? 0, cell(at(`pii/${type}/recall`))]))}
## Secrets

The rules were written with this set at hand; formats that it does not have are not measured here.

${table(['', 'n', ''], ['recall', 'hard negatives flagged'].map((name) => [name, at(`secrets/${name}`)?.n ?? 0, cell(at(`secrets/${name}`))]))}
## Disguises

Direct injections (kept back from training) and everyday requests, each written in ${disguises.length} ways; \`prompt_injection\`, all layers.

${table(['disguise', 'recall at 1 %', 'recall at 0.1 %', 'benign flagged at 1 %', 'at 0.1 %'], ['as it stands', 'all', ...disguises.map(({ name }) => name)].map((name) => [name === 'all' ? '**all disguises**' : name, cell(at(`disguised/${name}/recall@0.01`)), plain(at(`disguised/${name}/recall@0.001`)), plain(at(`disguised/${name}/flagged@0.01`)), plain(at(`disguised/${name}/flagged@0.001`))]))}
## Whole sources held out

${heldOut === undefined ? '`models/held-out.json` is missing: `python training/holdout.py` writes it.\n' : heldOutTables(heldOut)}`
}

function heldOutTables({ folds }: HeldOut): string {
  const intro = `Models trained anew without the sources named (smaller runs than the shipped weights), encoder alone, thresholds from
texts that no fold was trained on. Written by \`training/holdout.py\`.\n\n`
  const shown = (found: z.infer<typeof shareSchema> | undefined): string => {
    if (found === undefined) return ''
    return found.low === undefined || found.high === undefined ? percent(found.value) : `${percent(found.value)} [${percent(found.low)}–${percent(found.high)}]`
  }
  return intro + folds.map(({ held, samples, note, rows }) => `Without ${held.join(', ')} (${samples.toLocaleString('en')} samples${note === undefined ? '' : `; ${note}`}):\n\n${table(['source', 'channel', 'head', '', 'n', 'at 1 %', 'at 0.1 %'], rows.map(({ source, channel, head, what, n, at }) => [source, channel, head, what, n ?? '', shown(at['0.01']), shown(at['0.001'])]))}`).join('\n')
}
