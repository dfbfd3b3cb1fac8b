import { resolve } from 'node:path'
import { findConfig } from '../config/load.ts'
import type { Started } from '../main.ts'
import { exit, Failure, flag, none, text, type Command, type Io } from './command.ts'
import { ownVersion } from './version.ts'

export const up: Command = {
  name: 'up',
  summary: 'Run the firewall until SIGTERM or Ctrl-C.',
  usage: '[--config FILE]',
  options: [{ name: 'config', short: 'c', value: 'FILE', help: 'The settings file. Default: $SALLYPORT_CONFIG, else ./sallyport.yaml, else the embedded settings.' }],
  more: `Says where it listens on stdout and logs to stderr. Settings and policies are read again when they change. On SIGTERM
it takes no new requests, lets those in flight finish, and ends.

State (keys, receipts, counters) lives in $SALLYPORT_HOME, else in the XDG state folder (~/.local/state/sallyport).`,
  async run(args, io) {
    none(args)
    const named = text(args, 'config')
    const config = named === undefined ? findConfig(io.cwd, io.env) : resolve(io.cwd, named)
    const started = await begin(config, io)
    await io.out(flag(args, 'json') ? `${JSON.stringify(facts(started))}\n` : welcome(started))
    await aborted(io.signal)
    await started.stop(String(io.signal.reason))
    return exit.ok
  },
}

async function begin(config: string | undefined, io: Io): Promise<Started> {
  // Loaded here, so that the other commands start without it.
  const { BadSettings, start } = await import('../main.ts')
  try {
    return await start({ config, env: io.env, log: (line) => io.err(line), terminal: io.terminal })
  } catch (error) {
    if (error instanceof BadSettings) throw new Failure(`nothing was started, because the settings are wrong:\n${error.message}`)
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'EADDRINUSE' || code === 'EACCES' || code === 'EADDRNOTAVAIL') {
      throw new Failure(`cannot listen: ${message}. Stop what uses that address, or set listen.data and listen.admin in sallyport.yaml.`)
    }
    if (error instanceof Error && error.name === 'StoreError') throw new Failure(message)
    throw error
  }
}

function facts({ stop: _, ...started }: Started): object {
  return { version: ownVersion(), pid: process.pid, ...started }
}

function welcome({ dataUrl, adminUrl, secureUrl, local, state, practice, mcpServers }: Started): string {
  const lines = [
    `Sallyport ${ownVersion()} is running.`,
    '',
    `  OpenAI clients     ${dataUrl}/v1`,
    `  Anthropic clients  ${dataUrl}/anthropic`,
    `  Gemini clients     ${dataUrl}/gemini`,
    ...(mcpServers.length === 0 ? [] : [`  MCP clients        ${mcpServers.length > 3 ? `${dataUrl}/mcp, or one of ${mcpServers.length} at ${dataUrl}/mcp/NAME` : mcpServers.map((name) => `${dataUrl}/mcp/${name}`).join(', ')}`]),
    ...(secureUrl === undefined ? [] : [`  With certificates  ${secureUrl}`]),
    ...(local === undefined ? [] : [`  Local programs     ${local}`]),
    `  Operators          ${adminUrl}`,
    `  State              ${state}`,
    '',
    ...(practice ? ['Only the built-in practice model answers: no provider is configured, and no credential is set.'] : []),
    'Callers need a key. In another terminal: npx sallyport keys create --name me',
    '',
  ]
  return lines.join('\n')
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    // The listeners keep the process alive; this only waits.
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
