import * as z from 'zod'
import type { Origin } from '../contract/segment.ts'
import { systemClock } from '../edge/clock.ts'
import { exit, none, type Command, type Io } from './command.ts'
import { settingsOf } from './house.ts'
import { linesOf, type Line } from './lines.ts'

const longestLine = 1024 * 1024
/** Texts of a scan seldom repeat. */
const cacheBytes = 1024 * 1024

const origins = ['system', 'user', 'assistant', 'reasoning', 'tool_call', 'tool_result', 'tool_definition', 'document', 'command', 'body'] as const satisfies readonly Origin[]

const itemSchema = z.object({
  id: z.union([z.string().max(1000), z.number()]),
  text: z.string(),
  origin: z.enum(origins).default('user'),
})

export const scan: Command = {
  name: 'scan',
  summary: 'Show what the guardrails say about texts: JSON lines in, JSON lines out.',
  usage: '< texts.jsonl > verdicts.jsonl',
  options: [],
  more: `Reads {"id":…,"text":"…","origin":"user"} line by line and writes {"id":…,"verdict":"…","findings":[{"guardrail":…,
"category":…,"score":…}],"micros":…} in the same order, under the guardrails of the settings that apply here. origin is
one of ${origins.join(', ')}; without one it is user.
verdict is what would be done; findings are listed also where a guardrail only watches (shadow). A line that cannot be
read gives {"id":null,"line":N,"error":"…"} in its place, and exit code 1 at the end. Longest line: 1 MB.`,
  async run(args, io) {
    none(args)
    const { guardrails } = settingsOf(io)
    // Loaded here, so that commands that inspect nothing start without the rules.
    const [{ makeGuard }, { scanText }] = await Promise.all([import('../guardrails/engine.ts'), import('../guardrails/scan.ts')])
    const guard = makeGuard(guardrails, { clock: systemClock, cacheBytes })
    const answerTo = async ({ id, text, origin }: Item): Promise<object> => {
      const { verdict, findings, micros } = await scanText(guard, { text, origin })
      return { id, verdict, findings: findings.map(({ guardrail, category, score }) => ({ guardrail, category, score })), micros }
    }
    const progress = counterOn(io)
    let number = 0
    let malformed = 0
    for await (const lines of linesOf(io.stdin, longestLine)) {
      let answers = ''
      for (const line of lines) {
        number++
        if ('text' in line && line.text.trim() === '') continue
        const item = itemOf(line)
        if (typeof item === 'string') malformed++
        const answer = typeof item === 'string' ? { id: null, line: number, error: item } : await answerTo(item)
        answers += `${JSON.stringify(answer)}\n`
      }
      // One write for what came together: whoever waits for an answer before writing on gets it.
      if (answers !== '') await io.out(answers)
      progress(number)
      if (io.signal.aborted) return exit.failure
    }
    if (io.terminal) io.err('\r\x1b[K')
    return malformed === 0 ? exit.ok : exit.negative
  },
}

type Item = z.infer<typeof itemSchema>

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
