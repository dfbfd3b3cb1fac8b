import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { exit, Failure, flag, none, text, UsageError, type Args, type Command, type Io } from './command.ts'
import { linesOf } from './lines.ts'
import { configOption, soundSettings } from './policy/books.ts'
import { progressOn, table } from './show.ts'
import { TraceError, type Trace } from './traces.ts'

const longestLine = 64 * 1024 * 1024

export const replay: Command = {
  name: 'replay',
  summary: 'Decide the tool calls of recorded conversations by the rules of flow, as if they happened now.',
  usage: '--traces FILE.jsonl [--config FILE] [--summary]',
  options: [
    { name: 'traces', value: 'FILE', help: 'Recorded conversations, one JSON object a line; - reads standard input.' },
    configOption,
    { name: 'summary', help: 'Write what it comes to, instead of one line for each call.' },
  ],
  more: `Each line is {"id":…,"tools":[…],"messages":[…]} with messages of OpenAI's chat form; tools may be missing. For each tool call,
in its order, one line comes out: {"id":…,"index":N,"tool":"…","verdict":"allow|hold|deny","reasons":["…"]}. Every conversation is
a session of its own that begins with nothing. Each call is decided by what stands before it, whatever became of the
calls before: a recording goes on after a call that would have been held. tools: and flow: of the settings say what is
known of tools and what is trusted. Guardrails and policies are not asked.
A line that cannot be read gives {"id":null,"line":N,"error":"…"} in its place, and exit code 1 at the end. Longest line: 64 MB.`,
  async run(args, io) {
    none(args)
    const loaded = soundSettings(args, io)
    // Loaded here, so that commands that decide nothing start without the rules.
    const [{ readTrace }, { decideCall }, { openSession }, { toolFactsOf }] = await Promise.all([
      import('./traces.ts'), import('../session/flow/decide.ts'), import('../session/flow/session.ts'), import('../policy/tools.ts'),
    ])
    const facts = toolFactsOf(loaded.tools)
    const summary = flag(args, 'summary')
    const tally = newTally()
    const { chunks, size } = await opened(args, io)
    const progress = progressOn(io, 'replaying')
    let number = 0
    let done = 0
    const counted = async function* (): AsyncGenerator<Uint8Array> {
      for await (const chunk of chunks) {
        done += chunk.length
        yield chunk
      }
    }
    for await (const lines of linesOf(counted(), longestLine)) {
      for (const line of lines) {
        number++
        if (io.signal.aborted) return exit.failure
        if ('text' in line && line.text.trim() === '') continue
        let trace: Trace
        try {
          if ('tooLong' in line) throw new TraceError(`longer than ${longestLine} bytes`)
          trace = readTrace(line.text)
        } catch (error) {
          if (!(error instanceof TraceError)) throw error
          tally.malformed++
          const malformed = { id: null, line: number, error: error.message }
          if (summary) io.err(`line ${number}: ${error.message}\n`)
          else await io.out(`${JSON.stringify(malformed)}\n`)
          continue
        }
        const session = openSession(loaded.flow, facts)
        let index = 0
        let written = ''
        let held = 0
        for (const event of trace.events) {
          if ('take' in event) {
            session.take(event.take)
            continue
          }
          const { verdict, reasons } = decideCall(session, event.call)
          if (verdict !== 'allow') held++
          tally[verdict]++
          for (const rule of new Set(reasons.map((one) => one.rule))) tally.rules.set(rule, (tally.rules.get(rule) ?? 0) + 1)
          if (!summary) written += `${JSON.stringify({ id: trace.id, index, tool: event.call.tool, verdict, reasons: reasons.map(({ say }) => say) })}\n`
          index++
        }
        tally.conversations++
        if (held > 0) tally.stopped++
        if (written !== '') await io.out(written)
      }
      if (size > 0) progress.at(done, size)
    }
    progress.done()
    if (summary) await io.out(summaryText(tally, flag(args, 'json')))
    return tally.malformed === 0 ? exit.ok : exit.negative
  },
}

interface Tally {
  conversations: number
  /** Conversations with a call that was held or denied. */
  stopped: number
  allow: number
  hold: number
  deny: number
  malformed: number
  readonly rules: Map<string, number>
}

function newTally(): Tally {
  return { conversations: 0, stopped: 0, allow: 0, hold: 0, deny: 0, malformed: 0, rules: new Map() }
}

function summaryText({ rules, ...counts }: Tally, json: boolean): string {
  const byRule = [...rules].sort(([, a], [, b]) => b - a)
  if (json) return `${JSON.stringify({ ...counts, rules: Object.fromEntries(byRule) })}\n`
  const { conversations, stopped, allow, hold, deny, malformed } = counts
  const rows = byRule.map(([rule, calls]) => [rule, String(calls)])
  return `${conversations} conversations, ${stopped} with a call that was held or denied. Calls: ${allow} allowed, ${hold} held, ${deny} denied.${malformed === 0 ? '' : ` ${malformed} lines could not be read.`}\n${rows.length === 0 ? '' : `\n${table(['rule', 'calls'], rows)}`}`
}

/** @throws {Failure} where there is no such file. */
async function opened(args: Args, io: Io): Promise<{ readonly chunks: AsyncIterable<Uint8Array>; readonly size: number }> {
  const named = text(args, 'traces')
  if (named === undefined) throw new UsageError('--traces is missing: which recorded conversations?')
  if (named === '-') return { chunks: io.stdin, size: 0 }
  const path = resolve(io.cwd, named)
  try {
    const found = await stat(path)
    if (!found.isFile() && !found.isFIFO()) throw new Failure(`${path} is no file`)
    return { chunks: createReadStream(path, { highWaterMark: 256 * 1024 }), size: found.size }
  } catch (error) {
    if (error instanceof Failure) throw error
    throw new Failure(`${path} cannot be read: ${(error as NodeJS.ErrnoException).code ?? String(error)}`)
  }
}
