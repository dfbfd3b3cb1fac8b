import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { openConsenting, type Consenting } from '../../src/consenting.ts'
import type { Principal } from '../../src/contract/principal.ts'
import { isRefusal, Refused } from '../../src/contract/verdict.ts'
import { makeDialer, type DialerOptions } from '../../src/edge/dial/dialer.ts'
import { systemClock as clock } from '../../src/edge/clock.ts'
import { shownOf, type Ticket } from '../../src/gateways/mcp/oauth/consent.ts'
import type { Target } from '../../src/gateways/mcp/oauth/discovery.ts'
import type { GrantRow } from '../../src/store/interfaces.ts'
import { startAuthorizationServer, type AuthorizationServer } from './authorization.ts'

/** What servers, authorization servers and browsers may do wrong to a gateway that gets tokens for its callers. */
export interface World {
  readonly server: AuthorizationServer
  /** What the MCP server got, without and with tokens. */
  readonly seen: string[]
  readonly url: string
  readonly rows: Map<string, GrantRow>
  readonly folder: string
  /** Replaces what the MCP server says of itself. */
  instead: ((request: IncomingMessage, response: ServerResponse) => boolean) | undefined
  consenting: Consenting
  /** Another gateway with the same state, as after a restart. */
  again(): Consenting
  /** Whether the settings of servers are still those of the target. */
  stands: boolean
  /** Milliseconds that the clock is ahead. */
  ahead: number
  target(oauth?: Partial<Target['oauth']>): Target
}

export async function listening(t: TestContext, answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const http = createServer(answer).listen(0, '127.0.0.1')
  await once(http, 'listening')
  t.after(() => {
    http.close()
    http.closeAllConnections()
  })
  return `http://127.0.0.1:${(http.address() as AddressInfo).port}`
}

export async function world(t: TestContext, resolve?: DialerOptions['resolve']): Promise<World> {
  const server = await startAuthorizationServer()
  const seen: string[] = []
  const origin: string = await listening(t, (request, response) => {
    if (made.instead?.(request, response) === true) return
    if (request.url === '/.well-known/oauth-protected-resource/mcp') {
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ resource: `${origin}/mcp`, authorization_servers: [server.issuer], scopes_supported: ['mail'] }))
    } else if (request.url === '/mcp') {
      const { authorization = '' } = request.headers
      seen.push(authorization)
      if (server.live.has(authorization.replace('Bearer ', ''))) response.end('{}')
      else response.writeHead(401, { 'www-authenticate': `Bearer realm="x, y", resource_metadata="${origin}/.well-known/oauth-protected-resource/mcp"` }).end()
    } else response.writeHead(404).end()
  })
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-oauth-'))
  const rows = new Map<string, GrantRow>()
  const key = (...parts: readonly string[]): string => JSON.stringify(parts)
  const store = {
    get: (...parts: readonly string[]) => Promise.resolve(rows.get(key(...parts))),
    put: (row: GrantRow) => Promise.resolve(void rows.set(key(row.tenant, row.owner, row.server), row)),
    drop: (...parts: readonly string[]) => Promise.resolve(rows.delete(key(...parts))),
    list: (subject?: string) => Promise.resolve([...rows.values()].filter((row) => subject === undefined || row.subject === subject)),
  }
  const opened: Consenting[] = []
  const again = (): Consenting => {
    const one = openConsenting({ store, folder, clock: { ...clock, monotonic: () => clock.monotonic() + made.ahead, wall: () => clock.wall() + made.ahead }, newId: () => 'x', audit: { act: () => Promise.resolve() }, origin: () => 'http://127.0.0.1:8080', stands: () => made.stands, ...(resolve && { resolve }) })
    opened.push(one)
    return one
  }
  t.after(async () => {
    await Promise.all(opened.map((one) => one.close()))
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  })
  const made: World = {
    server, seen, url: `${origin}/mcp`, rows, folder, instead: undefined, consenting: again(), again, stands: true, ahead: 0,
    target: (oauth = {}) => ({ server: 'mail', url: made.url, oauth: { register: true, allowPrivate: true, ...oauth } }),
  }
  return made
}

export const who = (workload: string, user?: string): Principal => ({ tenant: 'default', workload, chain: user === undefined ? [] : [user], roles: [], proof: { kind: 'api_key', id: workload }, scope: { rights: [] } })
export const ADA = who('key:a', 'ada')

/** One request of a caller; the refusal where there is one. */
export async function call(t: TestContext, { consenting }: World, target: Target, principal = ADA): Promise<number | Refused> {
  const dialer = makeDialer({ origins: [{ origin: new URL(target.url).origin }] })
  t.after(() => dialer.close())
  try {
    const reply = await consenting.way(target, () => principal, dialer.dial)({ method: 'POST', url: target.url, fields: [], body: '{}', signal: new AbortController().signal, timeouts: { connectMs: 5_000, headMs: 5_000 } })
    await reply.body.whole(1_000)
    return reply.status
  } catch (error) {
    assert.ok(error instanceof Refused, String(error))
    return error
  }
}

export async function ticketOf(t: TestContext, made: World, target: Target, principal = ADA) {
  const refused = await call(t, made, target, principal)
  assert.ok(refused instanceof Refused)
  assert.equal(refused.refusal.refuse, 'consent_required')
  const ticket = made.consenting.consents.find(new URL(refused.refusal.url ?? '').searchParams.get('ticket') ?? '')
  assert.ok(ticket)
  return ticket
}

/** A browser: goes where it is sent, and comes back. */
export async function browse(url: string): Promise<URLSearchParams> {
  const reply = await fetch(url, { redirect: 'manual' })
  assert.equal(reply.status, 302, await reply.text())
  return new URL(reply.headers.get('location') ?? '').searchParams
}

/** A person agrees to what the page shows. */
export async function agree({ consenting: { consents } }: World, ticket: Ticket, principal: Principal) {
  return await consents.agree(ticket, principal, shownOf(await consents.look(ticket)))
}

export async function agreed(t: TestContext, made: World, target: Target, principal = ADA) {
  const ticket = await ticketOf(t, made, target, principal)
  const { url, state, cookie } = await agree(made, ticket, principal)
  const came = await browse(url)
  assert.equal(came.get('state'), state)
  return { url, state, cookie, came, back: { state, code: came.get('code') ?? '', iss: came.get('iss') ?? '' } }
}

export async function consented(t: TestContext, made: World, target: Target, principal = ADA): Promise<void> {
  const { back, cookie } = await agreed(t, made, target, principal)
  const taken = made.consenting.consents.take(back, () => cookie)
  assert.ok(!isRefusal(taken), JSON.stringify(taken))
  await taken.finish()
}

/** What a person would read, who opens the page of a server that cannot be trusted. */
export async function problem(t: TestContext, made: World, target = made.target()): Promise<string> {
  const ticket = await ticketOf(t, made, target)
  const error: unknown = await agree(made, ticket, ADA).then(() => undefined, (thrown: unknown) => thrown)
  assert.ok(error instanceof Refused, 'it was trusted')
  assert.equal(error.refusal.refuse, 'consent_failed')
  return error.refusal.say ?? ''
}
