import type { Server } from '../servers/server.ts'

/** What callers meet at one path: one server under its own names, or all of them under names that say whose they are. */
export interface Endpoint {
  /** `mcp:<server>`, or `mcp` for all of them: the name that audiences, routes and receipts have for it. */
  readonly route: string
  readonly path: string
  readonly servers: readonly Server[]
  /** True where names of tools and prompts begin with their server's. */
  readonly prefixed: boolean
}

const ROOT = '/mcp'
const BETWEEN = '__'
/** Longest name that callers are given. */
const LONGEST_NAME = 128

export function isMcpPath(target: string): boolean {
  return target === ROOT || target.startsWith(`${ROOT}/`)
}

const own = new WeakMap<Server, Endpoint>()

/** Undefined where there is no such server, or none at all. */
export function endpointAt(target: string, servers: ReadonlyMap<string, Server>): Endpoint | undefined {
  if (target === ROOT) return servers.size === 0 ? undefined : { route: 'mcp', path: ROOT, servers: [...servers.values()], prefixed: true }
  const server = servers.get(target.slice(ROOT.length + 1))
  if (server === undefined) return undefined
  let made = own.get(server)
  if (made === undefined) {
    const { name } = server.settings
    own.set(server, (made = { route: `mcp:${name}`, path: `${ROOT}/${name}`, servers: [server], prefixed: false }))
  }
  return made
}

/** Of what is asked for by name: whose it is, and what its server calls it. */
export interface Named {
  readonly server: Server
  readonly name: string
}

/** The server with the longest name that fits comes first, so that every name is one server's only. */
export function whose({ servers, prefixed }: Endpoint, name: string): Named | undefined {
  if (!prefixed) return { server: servers[0] as Server, name }
  let found: Server | undefined
  for (const one of servers) if (name.startsWith(one.settings.name + BETWEEN) && one.settings.name.length > (found?.settings.name.length ?? 0)) found = one
  return found && { server: found, name: name.slice(found.settings.name.length + BETWEEN.length) }
}

/** The name that callers know it by; undefined where they could not use it: another server's name fits it too, or it is too long. */
export function shownAs(endpoint: Endpoint, { server, name }: Named): string | undefined {
  if (!endpoint.prefixed) return name
  const shown = `${server.settings.name}${BETWEEN}${name}`
  return shown.length <= LONGEST_NAME && whose(endpoint, shown)?.server === server ? shown : undefined
}
