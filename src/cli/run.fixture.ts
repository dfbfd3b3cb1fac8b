import type { Io } from './command.ts'
import { runCli } from './run.ts'

export interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

export interface Setting {
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  readonly stdin?: string | readonly (string | Uint8Array)[]
  /** Instead of `stdin`: what is typed while the command runs. */
  readonly input?: AsyncIterable<Uint8Array>
  /** Hears what it writes, as it writes it. */
  readonly heard?: (text: string) => void
  readonly terminal?: boolean
  readonly signal?: AbortSignal
}

/** Runs a command line inside the test's process and collects what it wrote. */
export async function ran(argv: readonly string[], setting: Setting = {}): Promise<Ran> {
  let out = ''
  let err = ''
  const io: Io = {
    env: setting.env ?? {},
    cwd: setting.cwd ?? '/',
    stdin: setting.input ?? chunks(setting.stdin ?? []),
    out: (text) => {
      out += text
      setting.heard?.(text)
      return Promise.resolve()
    },
    err: (text) => {
      err += text
      setting.heard?.(text)
    },
    terminal: setting.terminal ?? false,
    signal: setting.signal ?? new AbortController().signal,
  }
  return { code: await runCli(argv, io), out, err }
}

async function* chunks(stdin: string | readonly (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const one of typeof stdin === 'string' ? [stdin] : stdin) yield typeof one === 'string' ? Buffer.from(one) : one
}
