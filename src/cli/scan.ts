import { availableParallelism } from 'node:os'
import * as z from 'zod'
import type { Origin } from '../contract/segment.ts'
import { systemClock } from '../edge/clock.ts'
import { exit, none, text as textOf, UsageError, type Command, type Io } from './command.ts'
import { settingsOf } from './house.ts'
import { linesOf, type Line } from './lines.ts'

const longestLine = 1024 * 1024
/** Texts of a scan seldom repeat. */
const cacheBytes = 1024 * 1024

const origins = ['system', 'user', 'assistant', 'reasoning', 'tool_call', 'tool_result', 'tool_definition', 'document', 'command', 'body'] as const satisfies readonly Origin[]
const layers = ['rules', 'fast', 'deep', 'judge'] as const

const itemSchema = z.object({
  id: z.union([z.string().max(1000), z.number()]),
  text: z.string(),
  origin: z.enum(origins).default('user'),
  task: z.string().max(100_000).default(''),
})

export const scan: Command = {
  name: 'scan',
  summary: 'Show what the guardrails say about texts: JSON lines in, JSON lines out.',
  usage: '[--layers rules,fast,deep] < texts.jsonl > verdicts.jsonl',
  options: [{ name: 'layers', value: 'LIST', help: 'only these layers: rules, fast, deep, judge (default: rules,fast,deep)' }],
  more: `Reads {"id":…,"text":"…","origin":"user","task":"…"} line by line and writes {"id":…,"verdict":"…","action":"…",
"scores":{"prompt_injection":0.02,…},"findings":[{"guardrail":…,"category":…,"score":…,"span":[start,end],"layer":…}],
"micros":…} in the same order. origin is one of ${origins.join(', ')}; without one it is user. task is what the
user asked for, where the text comes from elsewhere.
verdict is what would be done if everything that looks were enforced; action says flag besides, where something was
found that is only to be recorded. scores are given for allowed texts too, so that a curve can be drawn. Guardrails that the settings turn off stay off. A
line that cannot be read gives {"id":null,"line":N,"error":"…"} in its place, and exit code 1 at the end. Longest line: 1 MB.`,
  async run(args, io) {
    none(args)
    const chosen = layersOf(textOf(args, 'layers'))
    const { guardrails: settings } = settingsOf(io)
    // Loaded here, so that commands that inspect nothing start without the rules.
    const [{ makeGuard }, { forScan, scanText }, { openModels }, { guardrails }, { needFor }] = await Promise.all([
      import('../guardrails/engine.ts'), import('../guardrails/scan.ts'), import('../guardrails/classifiers/models.ts'), import('../guardrails/list.ts'), import('../guardrails/profile.ts'),
    ])
    const scanned = forScan(settings, chosen)
    const wants = (chosen.has('fast') || chosen.has('deep')) && needFor('models', scanned, [...guardrails, ...(scanned.made ?? [])]) !== undefined
    const threads = availableParallelism()
    const silent = Object.fromEntries(scanned.entries.filter((entry) => entry.mode !== 'off' || entry.looks !== 'off').map(({ use }) => [use, 0]))
    const models = wants ? openModels(undefined, threads) : undefined
    const guard = makeGuard(scanned, { clock: systemClock, cacheBytes, tools: { ...(models && { models }) } })
    const answerTo = async ({ id, text, origin, task }: Item): Promise<object> => {
      const { verdict, flagged, findings, scores, micros } = await scanText(guard, { text, origin, task })
      return {
        id, verdict, action: verdict === 'allow' && flagged ? 'flag' : verdict, scores: { ...silent, ...scores },
        findings: findings.map(({ guardrail, category, score, start, end, layer }) => ({ guardrail, category, score, span: [start, end], layer })), micros,
      }
    }
    const progress = counterOn(io)
    let number = 0
    let malformed = 0
    try {
      for await (const lines of linesOf(io.stdin, longestLine)) {
        const answers: Promise<object>[] = []
        // Ahead of the one that is written next, so that every core has something to do; not so far that memory grows.
        const ahead = threads * 8
        let written = ''
        let oldest = 0
        for (const line of lines) {
          number++
          if ('text' in line && line.text.trim() === '') continue
          const item = itemOf(line)
          if (typeof item === 'string') malformed++
          answers.push(typeof item === 'string' ? Promise.resolve({ id: null, line: number, error: item }) : answerTo(item))
          if (answers.length - oldest >= ahead) written += `${JSON.stringify(await answers[oldest++])}\n`
          if (io.signal.aborted) return exit.failure
        }
        for (; oldest < answers.length; oldest++) written += `${JSON.stringify(await answers[oldest])}\n`
        // One write for what came together: whoever waits for an answer before writing on gets it.
        if (written !== '') await io.out(written)
        progress(number)
      }
    } finally {
      await models?.close()
    }
    if (io.terminal) io.err('\r\x1b[K')
    return malformed === 0 ? exit.ok : exit.negative
  },
}

type Item = z.infer<typeof itemSchema>
type Layer = (typeof layers)[number]

function layersOf(written: string | undefined): ReadonlySet<Layer> {
  if (written === undefined) return new Set<Layer>(['rules', 'fast', 'deep'])
  const chosen = written.split(',').map((one) => one.trim())
  const wrong = chosen.find((one) => !layers.some((layer) => layer === one))
  if (wrong !== undefined) throw new UsageError(`--layers: "${wrong}" is no layer; choose from ${layers.join(', ')}`)
  return new Set(chosen as Layer[])
}

function itemOf(line: Line): Item | string {
  if ('tooLong' in line) return `longer than ${longestLine} bytes`
  let value: unknown
  try {
    value = JSON.parse(line.text)
  } catch {
    return 'not JSON'
  }
  const item = itemSchema.safeParse(value)
  return item.success ? item.data : (item.error.issues[0] === undefined ? 'not an item' : `${item.error.issues[0].path.join('.')}: ${item.error.issues[0].message}`)
}

/** Counts on a terminal, five times a second. */
function counterOn(io: Io): (lines: number) => void {
  let shown = 0
  return (lines) => {
    const now = performance.now()
    if (!io.terminal || now - shown < 200) return
    shown = now
    io.err(`\r\x1b[K${lines} lines`)
  }
}
