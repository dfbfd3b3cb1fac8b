import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { isAbsolute, join, resolve } from 'node:path'
import type { Clock } from './contract/clock.ts'
import type { Exchange, Reading } from './contract/exchange.ts'
import type { Epoch } from './contract/epoch.ts'
import type { Principal } from './contract/principal.ts'
import type { ProgramSpec } from './contract/program.ts'
import { startProgram } from './edge/spawn/program.ts'
import { serverOver, type Server } from './gateways/mcp/server.ts'
import { Sessions } from './gateways/mcp/sessions.ts'
import type { McpServer, StdioServer, Value } from './gateways/mcp/settings.ts'
import { stdioLink, type ServerEvent } from './gateways/mcp/stdio.ts'
import { contextOf } from './steps/authorize.ts'

type Env = Readonly<Record<string, string | undefined>>

/** A server with its credentials read: what of it would be another server if it changed is in `key`. */
export interface ReadyServer {
  readonly settings: McpServer
  readonly spec: ProgramSpec
  readonly key: string
}

/** What keeps a server from being used, and at which key of the settings. */
export interface ServerProblem {
  readonly path: readonly string[]
  readonly message: string
}

export interface ToolingParts {
  readonly clock: Clock
  readonly version: string
  readonly on: (server: string, event: ServerEvent) => void
}

/** The MCP servers that are in use, and the sessions of their callers. Both outlive epochs. */
export interface Tooling {
  readonly sessions: Sessions
  /** The servers of one epoch: those whose settings stayed as they were stay as they are. `leave` when it retires. */
  take(ready: readonly ReadyServer[]): { readonly servers: ReadonlyMap<string, Server>; leave(): void }
  /** Ends all of them, with everything that they started. */
  close(): Promise<void>
}

interface Held {
  readonly server: Server
  uses: number
}

export function openTooling({ clock, version, on }: ToolingParts): Tooling {
  const held = new Map<string, Held>()
  const closing = new Set<Promise<void>>()

  function make({ settings, spec }: ReadyServer): Server {
    return serverOver(settings, stdioLink({ spec, start: startProgram, clock, version, startMs: settings.startMs, on: (event) => on(settings.name, event) }))
  }

  function drop(key: string): void {
    const one = held.get(key)
    if (one === undefined || one.uses > 0) return
    held.delete(key)
    const closed = one.server.link.close()
    closing.add(closed)
    void closed.finally(() => closing.delete(closed))
  }

  return {
    sessions: new Sessions(clock),
    take(ready) {
      const servers = new Map<string, Server>()
      for (const one of ready) {
        let found = held.get(one.key)
        if (found === undefined) held.set(one.key, (found = { server: make(one), uses: 0 }))
        found.uses++
        servers.set(one.settings.name, found.server)
      }
      let left = false
      return {
        servers,
        leave() {
          if (left) return
          left = true
          for (const { key, settings } of ready) {
            const one = held.get(key)
            if (one !== undefined) one.uses--
            // Calls that run on the old epoch may still end.
            clock.timer(settings.timeoutMs, () => drop(key))
          }
        },
      }
    },
    async close() {
      for (const one of held.values()) one.uses = 0
      for (const key of [...held.keys()]) drop(key)
      await Promise.all(closing)
    },
  }
}

/** Reads what the servers' settings refer to; `state` is where their own folders are. */
export function readyServers(settings: readonly McpServer[], env: Env, base: string, state: string): { readonly ready: readonly ReadyServer[]; readonly problems: readonly ServerProblem[] } {
  const problems: ServerProblem[] = []
  const ready = settings.flatMap((one): ReadyServer[] => {
    if (one.kind === 'http') return []
    const spec = specOf(one, env, base, state, problems)
    return [{ settings: one, spec, key: createHash('sha256').update(JSON.stringify([one, spec])).digest('hex') }]
  })
  return { ready, problems }
}

function specOf({ name, command, args, env: written, cwd, resultBytes }: StdioServer, env: Env, base: string, state: string, problems: ServerProblem[]): ProgramSpec {
  const home = join(state, 'mcp', name)
  const variables: Record<string, string> = { PATH: env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin', HOME: home }
  for (const [key, value] of Object.entries(written)) {
    try {
      variables[key] = valueOf(value, env, base)
    } catch (error) {
      problems.push({ path: ['mcpServers', name, 'env', key], message: messageOf(error) })
    }
  }
  // Looked for along PATH as a shell would, but a path is one from where the settings are.
  const program = command.includes('/') ? within(base, command) : command
  return { command: program, args, env: variables, cwd: cwd === undefined ? home : within(base, cwd), home, lineBytes: resultBytes }
}

/** @throws {Error} that names the reference, never what stood there. */
function valueOf(value: Value, env: Env, base: string): string {
  if ('text' in value) return value.text
  const { reference, scheme } = value
  const rest = reference.slice(reference.indexOf(':') + 1)
  const found = reference.startsWith('env:') ? env[rest] : readFileSync(within(base, rest), 'utf8').trim()
  if (found === undefined || found === '') throw new Error(`${reference} is not set, or empty.`)
  if (found.includes('\0')) throw new Error(`${reference} holds characters that nothing can be handed.`)
  return scheme === undefined ? found : `${scheme} ${found}`
}

function within(base: string, path: string): string {
  return isAbsolute(path) ? path : resolve(base, path)
}

function messageOf(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException
  return code === undefined ? (error as Error).message : `cannot be read (${code}).`
}

/** Whether policy would let the principal make this call at all: what it denies without arguments is shown to nobody. */
export function visibleUnder(epoch: Epoch, clock: Clock): (principal: Principal, exchange: Exchange, call: Reading) => boolean {
  return (principal, exchange, reading) => {
    const context = contextOf({ clock, anomaly: () => 0 }, epoch, { principal, exchange, reading }, [], {})
    return epoch.authorize({ principal, action: reading.action, resource: reading.resource, context }).verdict !== 'deny'
  }
}
