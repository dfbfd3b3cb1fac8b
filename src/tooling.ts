import { createHash } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { isAbsolute, join, resolve } from 'node:path'
import { confinementOf } from './confining.ts'
import type { Fields } from './contract/arrival.ts'
import type { Clock } from './contract/clock.ts'
import type { Exchange, Reading } from './contract/exchange.ts'
import type { Epoch } from './contract/epoch.ts'
import type { Dial } from './contract/dial.ts'
import type { Principal } from './contract/principal.ts'
import type { Confinement, ProgramSpec } from './contract/program.ts'
import { makeDialer, type Dialer } from './edge/dial/dialer.ts'
import { packageOf } from './edge/spawn/package.ts'
import { startProgram } from './edge/spawn/program.ts'
import type { Consenting } from './consenting.ts'
import { serverForEach } from './gateways/mcp/servers/each.ts'
import type { Target } from './gateways/mcp/oauth/discovery.ts'
import { Channels } from './gateways/mcp/callers/channels.ts'
import { serverOver, type Server } from './gateways/mcp/servers/server.ts'
import { ownerOf as grantOwnerOf, type Owner } from './gateways/mcp/oauth/grants.ts'
import { Rounds, type StateSealer } from './gateways/mcp/asks/rounds.ts'
import { ownerOf, Sessions } from './gateways/mcp/callers/sessions.ts'
import { TaskIds } from './gateways/mcp/methods/task_ids.ts'
import type { HttpServer, McpServer, StdioServer, Value } from './gateways/mcp/settings.ts'
import { eitherLink } from './gateways/mcp/servers/either.ts'
import { httpLink } from './gateways/mcp/servers/http.ts'
import { offersOf } from './gateways/mcp/servers/introduce.ts'
import type { Link, ServerEvent } from './gateways/mcp/servers/link.ts'
import { sseLink } from './gateways/mcp/servers/sse.ts'
import { stdioLink } from './gateways/mcp/servers/stdio.ts'
import type { Pinning } from './pinning.ts'
import { contextOf } from './steps/authorize.ts'

type Env = Readonly<Record<string, string | undefined>>

/** How a server is reached, with its credentials read. */
type Way = { readonly spec: ProgramSpec } | { readonly url: string; readonly fields: Fields; readonly allowPrivate: boolean; readonly ca?: string; readonly target?: Target }

/** A server that can be used. Whatever of it would make it another server is in `key`. */
export interface ReadyServer {
  readonly settings: McpServer
  readonly way: Way
  readonly key: string
}

/** What keeps a server from being used, and at which key of the settings. */
export interface ServerProblem {
  readonly path: readonly (string | number)[]
  readonly message: string
}

export interface ToolingParts {
  readonly clock: Clock
  readonly version: string
  readonly on: (server: string, event: ServerEvent) => void
  readonly pinning: Pick<Pinning, 'of'>
  readonly consenting: Pick<Consenting, 'way' | 'onEnd'>
  /** Of what callers carry from one round to the next. */
  readonly sealer: StateSealer
}

/** The MCP servers that are in use, and the sessions of their callers. Both outlive epochs. */
export interface Tooling {
  readonly sessions: Sessions
  readonly channels: Channels
  readonly rounds: Rounds
  readonly tasks: TaskIds
  /** The servers of one epoch: those whose settings stayed as they were stay as they are. `leave` when it retires. */
  take(ready: readonly ReadyServer[]): { readonly servers: ReadonlyMap<string, Server>; leave(): void }
  /** Ends what is kept at servers for principals that count no more. */
  revoked(fits: (principal: Principal) => boolean): void
  /** Ends all of them, with everything that they started. */
  close(): Promise<void>
}

interface Held {
  readonly server: Server
  uses: number
}

/** Breaches of protocol of one server that are told in ten seconds: the rest is more of the same. */
const MOST_TOLD = 20
const TOLD_MS = 10_000

/** What is told of a server: not too often, and without what it was handed to keep. */
function heardOf({ settings, way }: ReadyServer, { clock, on }: Pick<ToolingParts, 'clock' | 'on'>): (event: ServerEvent) => void {
  const handed = settings.kind === 'stdio' && 'spec' in way ? Object.entries(settings.env).flatMap(([key, value]) => ('reference' in value ? [way.spec.env[key] ?? ''] : [])) : []
  const secrets = handed.filter((one) => one.length >= SHORTEST_SECRET)
  let since = clock.monotonic()
  let told = 0
  return (event) => {
    if (event.kind === 'broke_protocol') {
      const now = clock.monotonic()
      if (now - since > TOLD_MS) [since, told] = [now, 0]
      if (++told > MOST_TOLD) return
    }
    on(settings.name, event.kind !== 'said' ? event : { ...event, text: secrets.reduce((text, secret) => text.replaceAll(secret, '[credential]'), event.text) })
  }
}

const SHORTEST_SECRET = 6

/** The way to a server: nothing is started, and nobody asked, before the first question. `through` is dialled where it is given, and not closed. */
export function linkTo(ready: ReadyServer, { clock, version, on }: Pick<ToolingParts, 'clock' | 'version' | 'on'>, through?: Dial): Link {
  const { settings, way } = ready
  const common = { clock, version, offers: offersOf(settings.asks), on: heardOf(ready, { clock, on }) }
  if ('spec' in way) return stdioLink({ ...common, spec: way.spec, start: startProgram, startMs: settings.startMs })
  const { url, fields } = way
  const { dial, close } = through === undefined ? dialerTo(way) : { dial: through, close: () => Promise.resolve() }
  const parts = { ...common, url, fields, dial, answerBytes: settings.resultBytes }
  const { transport } = settings as HttpServer
  const link = transport === 'sse' ? sseLink(parts) : transport === 'http' ? httpLink(parts) : eitherLink(() => httpLink(parts), () => sseLink(parts))
  return { ...link, close: () => link.close().finally(close) }
}

function dialerTo({ url, allowPrivate, ca }: Extract<Way, { readonly url: string }>): Dialer {
  return makeDialer({ origins: [{ origin: new URL(url).origin, allowPrivate, ...(ca !== undefined && { ca }) }] })
}

export function openTooling(parts: ToolingParts): Tooling {
  const { clock, pinning, consenting, sealer } = parts
  const held = new Map<string, Held>()
  const channels = new Channels()
  const rounds = new Rounds(clock, sealer)
  const closing = new Set<Promise<void>>()

  function make(ready: ReadyServer): Server {
    const { settings, way } = ready
    const review = pinning.of(settings, 'spec' in way ? () => packageOf(way.spec) : undefined)
    const target = 'spec' in way ? undefined : way.target
    const each = { settings, review, clock }
    if ('spec' in way) {
      if (settings.connection === 'shared') return serverOver(settings, linkTo(ready, parts), review)
      return serverForEach({ ...each, nameOf: ownerOf, most: MOST_PROGRAMS, link: (_, name) => linkTo({ ...ready, way: { spec: ownSpec(way.spec, name) } }, parts), close: () => Promise.resolve() })
    }
    if (target === undefined && settings.connection === 'shared') return serverOver(settings, linkTo(ready, parts), review)
    const dialer = dialerTo(way)
    const most = MOST_CONNECTIONS
    const close = (): Promise<void> => dialer.close()
    if (target === undefined) return serverForEach({ ...each, nameOf: ownerOf, most, link: () => linkTo(ready, parts, dialer.dial), close })
    const nameOf = (principal: Principal): string => grantNameOf(grantOwnerOf(principal))
    const server = serverForEach({ ...each, nameOf, most, link: (latest) => linkTo(ready, parts, consenting.way(target, latest, dialer.dial)), close: () => (quiet(), close()) })
    // What was opened with a grant ends with it: a session or a stream would go on without its token.
    const quiet = consenting.onEnd(settings.name, (owner) => server.end(grantNameOf(owner)))
    return server
  }

  function drop(key: string): void {
    const one = held.get(key)
    if (one === undefined || one.uses > 0) return
    held.delete(key)
    const closed = one.server.close()
    closing.add(closed)
    void closed.finally(() => closing.delete(closed))
  }

  return {
    sessions: new Sessions(clock),
    channels,
    rounds,
    tasks: new TaskIds(sealer),
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
          // The next epoch is in force: what is open keeps to it.
          channels.recheck()
          for (const { key, settings } of ready) {
            const one = held.get(key)
            if (one !== undefined) one.uses--
            // Calls that run on the old epoch may still end.
            clock.timer(settings.timeoutMs, () => drop(key))
          }
        },
      }
    },
    revoked(fits) {
      for (const { server } of held.values()) server.revoked?.(fits)
    },
    async close() {
      channels.close()
      rounds.close()
      for (const one of held.values()) one.uses = 0
      for (const key of [...held.keys()]) drop(key)
      await Promise.all(closing)
    },
  }
}

function grantNameOf({ tenant, key }: Pick<Owner, 'tenant' | 'key'>): string {
  return JSON.stringify([tenant, key])
}

/** Of one server, where each caller has its own. */
const MOST_PROGRAMS = 64
const MOST_CONNECTIONS = 1_000

/** The program of one caller alone: what it leaves in its folder is seen by no other's. */
function ownSpec(spec: ProgramSpec, name: string): ProgramSpec {
  const home = join(spec.home, 'callers', createHash('sha256').update(name).digest('hex').slice(0, 32))
  return { ...spec, home, env: { ...spec.env, ...(spec.env['HOME'] === spec.home && { HOME: home }) }, cwd: spec.cwd === spec.home ? home : spec.cwd }
}

/** NUL would end a variable early; a line break would let a credential write headers of its own. */
const NEVER_IN = { env: /\0/, headers: /[^\t\x20-\x7e]/ } as const

/** Reads what the servers' settings refer to; `state` is where their own folders are, and `own` what else of Sallyport's none of them may see. */
export function readyServers(settings: readonly McpServer[], env: Env, base: string, state: string, own: readonly string[]): { readonly ready: readonly ReadyServer[]; readonly problems: readonly ServerProblem[]; readonly without: readonly string[] } {
  const problems: ServerProblem[] = []
  const without = new Set<string>()
  const attempt = <T>(path: readonly string[], work: () => T): T | undefined => {
    try {
      return work()
    } catch (error) {
      problems.push({ path: ['mcpServers', ...path], message: messageOf(error) })
      return undefined
    }
  }
  const read = (name: string, where: 'env' | 'headers', values: Readonly<Record<string, Value>>): [string, string][] =>
    Object.entries(values).flatMap(([key, value]): [string, string][] => {
      const found = attempt([name, where, key], () => valueOf(value, env, base, NEVER_IN[where]))
      return found === undefined ? [] : [[key, found]]
    })
  const confined = (one: StdioServer): Confinement => {
    const { confinement, without: missing } = confinementOf(one, base, [state, ...own], (path, message) => problems.push({ path: ['mcpServers', one.name, ...path], message }))
    for (const what of missing) without.add(what)
    return confinement
  }
  const ready = settings.map((one): ReadyServer => {
    if (one.kind === 'stdio' && one.cwd !== undefined && statSync(within(base, one.cwd), { throwIfNoEntry: false })?.isDirectory() !== true) problems.push({ path: ['mcpServers', one.name, 'cwd'], message: `there is no folder ${within(base, one.cwd)}.` })
    const way = one.kind === 'stdio' ? { spec: specOf(one, read(one.name, 'env', one.env), env, base, state, confined(one)) } : placeOf(one, read(one.name, 'headers', one.headers), attempt([one.name, 'ca'], () => one.ca === undefined ? undefined : readFileSync(within(base, one.ca), 'utf8')), targetOf(one, (reference) => attempt([one.name, 'oauth', 'client_secret'], () => valueOf({ reference }, env, base, NEVER_IN.headers))))
    return { settings: one, way, key: createHash('sha256').update(JSON.stringify([one, way])).digest('hex') }
  })
  return { ready, problems, without: [...without] }
}

function targetOf({ name, url, oauth }: HttpServer, read: (reference: string) => string | undefined): Target | undefined {
  if (oauth === undefined) return undefined
  const secret = oauth.clientSecret === undefined ? undefined : read(oauth.clientSecret)
  return { server: name, url, oauth, ...(secret !== undefined && { secret }) }
}

function placeOf({ url, allowPrivate }: HttpServer, fields: Fields, ca: string | undefined, target: Target | undefined): Way {
  return { url, allowPrivate, ...(target && { target }), fields: fields.map(([name, value]) => [name.toLowerCase(), value] as const), ...(ca !== undefined && { ca }) }
}

function specOf({ name, command, args, cwd, resultBytes }: StdioServer, written: readonly (readonly [string, string])[], env: Env, base: string, state: string, confinement: Confinement): ProgramSpec {
  const home = join(state, 'mcp', name)
  const variables = { PATH: env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin', HOME: home, ...Object.fromEntries(written) }
  // Looked for along PATH as a shell would, but a path is one from where the settings are.
  const program = command.includes('/') ? within(base, command) : command
  return { command: program, args, env: variables, cwd: cwd === undefined ? home : within(base, cwd), home, lineBytes: resultBytes, confinement }
}

/** @throws {Error} that names the reference, never what stood there. */
function valueOf(value: Value, env: Env, base: string, never: RegExp): string {
  if ('text' in value) return value.text
  const { reference, scheme } = value
  const rest = reference.slice(reference.indexOf(':') + 1)
  const found = reference.startsWith('env:') ? env[rest] : readFileSync(within(base, rest), 'utf8').trim()
  if (found === undefined || found === '') throw new Error(`${reference} is not set, or empty.`)
  if (never.test(found)) throw new Error(`${reference} holds characters that have no place there.`)
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
