import type { Origin } from '../../src/contract/segment.ts'
import type { Layer } from '../../src/guardrails/guardrail.ts'
import { channelOf } from '../../src/guardrails/classifiers/head.ts'
import type { Channel } from '../../src/guardrails/tools.ts'
import { keptBack, labelledIn, sampled, setsIn } from '../labelled.ts'
import type { Labelled } from '../labelled.ts'
import { disguises } from './disguises.ts'
import { fFigure, fScore, share, sum, thresholdAt } from './figures.ts'
import type { Figure } from './figures.ts'
import { SCORED } from './scorer.ts'
import type { Ask, Score, Scored, Scorer } from './scorer.ts'
import { personal, secretFound, sure, talliedSpans } from './spans.ts'

export const STACKS = { rules: ['rules'], fast: ['rules', 'fast'], deep: ['rules', 'fast', 'deep'] } as const satisfies Readonly<Record<string, readonly Layer[]>>
export type Stack = keyof typeof STACKS
export const RATES = [0.01, 0.001] as const
/** Texts that a figure is measured on: one source, one channel, attacks or not. */
export interface Group {
  readonly source: string
  readonly channel: Channel
  readonly bad: boolean
  readonly kinds: readonly string[]
  readonly rows: readonly Labelled[]
}

export interface Sizes {
  /** Texts of one label of one source. */
  readonly group: number
  /** Ordinary texts of each channel. */
  readonly ordinary: { readonly user: number; readonly document: number }
  /** Texts with marked spans, of one set. */
  readonly spans: number
  /** Attacks, and benign texts, that are disguised in every way. */
  readonly disguised: number
}

export interface Measured {
  readonly figures: readonly Figure[]
  readonly groups: readonly { readonly source: string; readonly channel: Channel; readonly bad: boolean; readonly n: number; readonly keptBack: number }[]
  /** Score above which a text counts: by guardrail, stack, channel and rate. */
  readonly thresholds: Readonly<Record<string, number>>
  readonly ordinary: Readonly<Record<string, number>>
  readonly inconclusive: number
  /** Attacks that nothing flagged at 1 %, and secrets missed, by kind: to look at, no figures. */
  readonly missed: Readonly<Record<string, number>>
}

// Sets that are about something else than attacks; they count as benign for attacks all the same.
const SPANS = ['pii_presidio_generated_large', 'secrets_synthetic']
const ATTACKS = new Set(['direct_injection', 'indirect_injection', 'jailbreak'])

const key = (guardrail: string, stack: Stack, channel: Channel, rate: number): string => `${guardrail}/${stack}/${channel}/${rate}`

interface Run {
  readonly scorer: Scorer
  readonly sizes: Sizes
}

async function scoredIn({ scorer }: Run, label: string, stack: Stack, rows: readonly { readonly text: string; readonly origin: Origin }[], about: Ask['about'] = 'attacks'): Promise<readonly Score[]> {
  return scorer.score(label, about, STACKS[stack], rows.map(({ text, origin }) => ({ text, origin })))
}

/** The texts by source, label and channel, each group cut to size. */
export function groupsIn(folder: string, most: number): readonly Group[] {
  return setsIn(folder).filter((name) => !SPANS.includes(name)).flatMap((source) => {
    const apart = new Map<string, Labelled[]>()
    for (const row of labelledIn(folder, `train/${source}`)) {
      const name = `${row.bad}|${channelOf(row.origin)}`
      const group = apart.get(name)
      if (group === undefined) apart.set(name, [row])
      else group.push(row)
    }
    return [...apart.values()].map((all): Group => {
      const rows = sampled(all, most, 'eval')
      const first = rows[0] as Labelled
      return { source, channel: channelOf(first.origin), bad: first.bad, kinds: [...new Set(rows.map(({ kind }) => kind))], rows }
    })
  })
}

/** Ordinary traffic: what people ask (never trained on), and documents (trained on, but for the twelfth kept back). */
function ordinaryIn(folder: string, most: Sizes['ordinary']): ReadonlyMap<Channel, readonly Labelled[]> {
  const documents = [...labelledIn(folder, 'train/docs_code_benign'), ...labelledIn(folder, 'train/llamafactory')].filter(({ origin }) => channelOf(origin) === 'document')
  return new Map([
    ['user', sampled(labelledIn(folder, 'eval/alpaca_harmless'), most.user, 'eval')],
    ['document', sampled(documents, most.document, 'eval')],
  ])
}

export async function measure(folder: string, run: Run): Promise<Measured> {
  const figures: Figure[] = []
  const thresholds: Record<string, number> = {}
  const ordinary = ordinaryIn(folder, run.sizes.ordinary)
  for (const [channel, rows] of ordinary) {
    for (const stack of Object.keys(STACKS) as Stack[]) {
      const scores = await scoredIn(run, `ordinary ${channel}`, stack, rows)
      for (const guardrail of SCORED) for (const rate of RATES) thresholds[key(guardrail, stack, channel, rate)] = thresholdAt(scores.map((one) => one.scores[guardrail] ?? 0), rate)
    }
  }
  const above = ({ scores }: Score, guardrail: Scored, stack: Stack, channel: Channel, rate: number): boolean => (scores[guardrail] ?? 0) > (thresholds[key(guardrail, stack, channel, rate)] ?? 1)

  const groups = groupsIn(folder, run.sizes.group)
  const missed: Record<string, number> = {}
  let inconclusive = 0
  for (const { source, channel, bad, kinds, rows } of groups) {
    const attack = bad && kinds.some((kind) => ATTACKS.has(kind))
    for (const stack of (attack || !bad ? Object.keys(STACKS) : ['deep']) as Stack[]) {
      const scores = await scoredIn(run, `${source}, ${channel}, ${bad ? 'attacks' : 'benign'}`, stack, rows)
      if (stack === 'deep') inconclusive += scores.filter((one) => one.inconclusive.length > 0).length
      const count = (guardrail: Scored, rate: number): Figure => share(`${guardrail}/${source}/${channel}/${bad ? 'recall' : 'flagged'}@${rate}/${stack}`, scores.filter((one) => above(one, guardrail, stack, channel, rate)).length, rows.length, bad ? 'more' : 'less')
      for (const rate of RATES) {
        if (attack || !bad) figures.push(count('prompt_injection', rate))
        if (stack !== 'deep') continue
        if (kinds.includes('jailbreak') || !bad) figures.push(count('jailbreak', rate))
        if (channel === 'user' && (source === 'harmful_requests' || (!bad && source !== 'toxicity_openai_moderation'))) figures.push(count('harmful', rate))
        if (channel === 'user' && !bad && source !== 'toxicity_openai_moderation') figures.push(count('toxicity', rate))
      }
      if (attack && stack === 'deep') {
        const apart = rows.flatMap((row, i) => (keptBack(row.text) ? [above(scores[i] as Score, 'prompt_injection', stack, channel, 0.01)] : []))
        figures.push(share(`prompt_injection/${source}/${channel}/recall@0.01/kept back`, apart.filter(Boolean).length, apart.length, 'more'))
        missed[`${source}/${channel}`] = rows.length - scores.filter((one) => above(one, 'prompt_injection', stack, channel, 0.01)).length
      }
    }
  }
  figures.push(...(await toxicity(folder, run)), ...(await data(folder, run, missed)), ...(await disguised(groups, ordinary, run, above)))
  return {
    figures, thresholds, inconclusive, missed,
    ordinary: Object.fromEntries([...ordinary].map(([channel, rows]) => [channel, rows.length])),
    groups: groups.map(({ source, channel, bad, rows }) => ({ source, channel, bad, n: rows.length, keptBack: rows.filter(({ text }) => keptBack(text)).length })),
  }
}

async function toxicity(folder: string, run: Run): Promise<readonly Figure[]> {
  // Talk of harming oneself is a category of its own, and nobody's insult.
  const rows = sampled(labelledIn(folder, 'train/toxicity_openai_moderation').filter(({ categories }) => categories.join() !== 'SH'), run.sizes.group * 2, 'eval')
  const scores = await scoredIn(run, 'toxicity', 'deep', rows)
  const at = (least: number, chosen: (row: Labelled) => boolean) => rows.flatMap((row, i) => {
    if (!chosen(row)) return []
    const flagged = (scores[i]?.scores['toxicity'] ?? 0) >= least
    return [{ right: Number(row.bad && flagged), wrong: Number(!row.bad && flagged), missed: Number(row.bad && !flagged) }]
  })
  const steps = Array.from({ length: 99 }, (_, i) => (i + 1) / 100)
  const best = steps.reduce((a, b) => (fScore(sum(at(b, () => true)), 1) > fScore(sum(at(a, () => true)), 1) ? b : a))
  return [
    fFigure('toxicity/openai_moderation/F1 at 0.5', at(0.5, () => true), 1),
    fFigure('toxicity/openai_moderation/F1 at its best threshold', at(best, () => true), 1),
    fFigure('toxicity/openai_moderation/F1 at 0.5, kept back', at(0.5, ({ text }) => keptBack(text)), 1),
  ]
}

async function data(folder: string, run: Run, missed: Record<string, number>): Promise<readonly Figure[]> {
  const figures: Figure[] = []
  const people = sampled(labelledIn(folder, 'train/pii_presidio_generated_large'), run.sizes.spans, 'eval')
  const seen = await scoredIn(run, 'personal data', 'deep', people, 'data')
  for (const [name, kinds] of Object.entries(personal)) {
    // Structured kinds count where they would be acted on; names and places wherever they are recorded.
    const tallies = people.map((row, i) => talliedSpans(row, (seen[i]?.found ?? []).filter((one) => one.guardrail === 'pii' && (name === 'all' || sure(one))), kinds))
    const whole = sum(tallies)
    figures.push(share(`pii/${name}/precision`, whole.right, whole.right + whole.wrong, 'more'), share(`pii/${name}/recall`, whole.right, whole.right + whole.missed, 'more'), fFigure(`pii/${name}/F2`, tallies, 2))
  }
  for (const type of Object.keys(personal.all)) {
    const marked = people.flatMap((row, i) => row.spans.filter((span) => span.type === type).map((span) => talliedSpans({ ...row, spans: [span] }, seen[i]?.found ?? [], personal.all).right))
    figures.push(share(`pii/${type}/recall`, marked.filter(Boolean).length, marked.length, 'more'))
  }
  const keys = sampled(labelledIn(folder, 'train/secrets_synthetic'), run.sizes.spans, 'eval')
  const looked = await scoredIn(run, 'secrets', 'rules', keys, 'data')
  for (const [name, bad] of [['recall', true], ['hard negatives flagged', false]] as const) {
    const chosen = keys.flatMap((row, i) => (row.bad === bad ? [{ row, hit: secretFound(row, looked[i] as Score) }] : []))
    figures.push(share(`secrets/${name}`, chosen.filter(({ hit }) => hit).length, chosen.length, bad ? 'more' : 'less'))
    for (const { row, hit } of chosen) if (hit !== bad) missed[`secrets/${name}/${row.type}`] = (missed[`secrets/${name}/${row.type}`] ?? 0) + 1
  }
  return figures
}

// Long texts have more to find than their disguise; shorter ones say too little once letters are lost.
const fits = ({ text }: Labelled): boolean => text.length >= 20 && text.length <= 300 && /^[\x20-\x7e\n]*$/.test(text)

async function disguised(groups: readonly Group[], ordinary: ReadonlyMap<Channel, readonly Labelled[]>, run: Run, above: (score: Score, guardrail: Scored, stack: Stack, channel: Channel, rate: number) => boolean): Promise<readonly Figure[]> {
  const attacks = groups.filter(({ bad, kinds }) => bad && kinds.includes('direct_injection')).flatMap(({ rows }) => rows).filter((row) => fits(row) && row.kind === 'direct_injection' && keptBack(row.text))
  const pools = [['recall', sampled(attacks, run.sizes.disguised, 'disguise')], ['flagged', sampled((ordinary.get('user') ?? []).filter(fits), run.sizes.disguised, 'disguise')]] as const
  const ways = [{ name: 'as it stands', write: (text: string) => text }, ...disguises]
  const figures: Figure[] = []
  for (const [what, rows] of pools) {
    const items = ways.flatMap(({ write }) => rows.map(({ text }) => ({ text: write(text), origin: 'user' as const })))
    const scores = await scoredIn(run, `disguised ${what === 'recall' ? 'attacks' : 'benign'}`, 'deep', items)
    for (const rate of RATES) {
      const hits = ways.map((_, w) => scores.slice(w * rows.length, (w + 1) * rows.length).filter((one) => above(one, 'prompt_injection', 'deep', 'user', rate)).length)
      for (const [w, { name }] of ways.entries()) figures.push(share(`disguised/${name}/${what}@${rate}`, hits[w] as number, rows.length, what === 'recall' ? 'more' : 'less'))
      figures.push(share(`disguised/all/${what}@${rate}`, hits.slice(1).reduce((a, b) => a + b, 0), rows.length * disguises.length, what === 'recall' ? 'more' : 'less'))
    }
  }
  return figures
}
