import { pino, stdTimeFunctions, type Logger } from 'pino'
import { events, type EventName, type Fields } from './events.ts'
import type { Telemetry } from './settings.ts'

/** Logs one event of the catalogue. Never throws. */
export type Log = <N extends EventName>(name: N, fields?: Fields<N>) => void

export interface LogOptions {
  readonly settings: Telemetry
  readonly terminal: boolean
  /** Takes whole lines. */
  readonly write: (line: string) => void
}

const longestWord = 200
const mostWords = 20
const mostFrames = 8

/**
 * The log: events of a fixed catalogue only (events.ts), redacted by construction. Words are cut and stripped of
 * control characters and of anything shaped like a credential; of errors only the class, a masked message and the
 * places in our code remain, because messages of parsers quote what they could not parse.
 */
export function makeLog({ settings, terminal, write }: LogOptions): Log {
  const asLines = settings.logFormat === 'lines' || (settings.logFormat === 'auto' && terminal)
  const logger: Logger = pino(
    {
      level: settings.log,
      base: null,
      messageKey: 'event',
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: asLines ? (line: string) => write(asLine(line)) : write },
  )
  return (name, fields) => {
    const { level, fields: known } = events[name]
    if (!logger.isLevelEnabled(level)) return
    const kept: Record<string, unknown> = {}
    for (const key of Object.keys(known)) {
      const value = (fields as Readonly<Record<string, unknown>> | undefined)?.[key]
      if (value !== undefined) kept[key] = clean((known as Readonly<Record<string, string>>)[key], value)
    }
    logger[level](kept, name)
  }
}

function clean(kind: string | undefined, value: unknown): unknown {
  switch (kind) {
    case 'number':
      return typeof value === 'number' ? Math.round(value * 1000) / 1000 : undefined
    case 'words':
      return Array.isArray(value) ? value.slice(0, mostWords).map((one) => word(String(one))) : undefined
    case 'error':
      return describe(value)
    default:
      return word(String(value))
  }
}

const credentials = /\b(?:(?:sk|pk|rk|sp[ar]?|gsk|xai|key|gh[oprsu]|glpat|xox[abps])[-_][A-Za-z0-9_.-]{12,}|(?:AKIA|AIza|ya29\.|eyJ)[A-Za-z0-9_.-]{12,}|(?:Bearer|Basic)\s+\S+)/gi
// A line feed inside a word would forge a log line.
const controls = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g

function word(text: string): string {
  const cut = text.length > longestWord ? `${text.slice(0, longestWord)}…` : text
  return cut.replace(controls, ' ').replace(credentials, '[credential]')
}

function describe(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { name: typeof error }
  const { code } = error as NodeJS.ErrnoException
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line))
  return {
    name: word(error.name),
    ...(typeof code === 'string' && { code: word(code) }),
    message: word(error.message.replace(/"[^"]*"|'[^']*'|`[^`]*`|\{[^}]*\}?|\[[^\]]*\]?/g, '…')),
    at: frames.slice(0, mostFrames).map((line) => line.trim().replace(/^at /, '').replace(/file:\/\/\S*\/(?=(src|node_modules)\/)/, '')),
  }
}

/** One event as a line for people: time, level, sentence, fields. */
function asLine(json: string): string {
  const { time, level, event, ...fields } = JSON.parse(json) as { time: string; level: string; event: EventName } & Readonly<Record<string, unknown>>
  const rest = Object.entries(fields).map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
  return `${time.slice(11, 23)} ${level.padEnd(5)} ${events[event].say}${rest.length === 0 ? '' : `  ${rest.join(' ')}`}\n`
}
