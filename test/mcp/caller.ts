import assert from 'node:assert/strict'
import type { TestHouse } from '../house.ts'
import { framesOf } from '../probe.ts'

export interface Said {
  readonly status: number
  readonly headers: Headers
  readonly body: Body | undefined
}

interface Body {
  readonly id?: unknown
  readonly result?: {
    readonly content?: readonly { readonly text?: string }[]
    readonly isError?: boolean
    readonly resultType?: string
    readonly _meta?: Readonly<Record<string, string>>
    readonly tools?: readonly { readonly name: string }[]
    readonly [more: string]: unknown
  }
  readonly error?: { readonly code: number; readonly message: string; readonly data?: { readonly code: string; readonly id: string } }
}

export interface RawCaller {
  post(server: string, body: unknown, headers?: Readonly<Record<string, string>>, verb?: string): Promise<Said>
  /** Opens a session, as whoever the header fields say. */
  session(server: string, headers?: Readonly<Record<string, string>>): Promise<string>
  call(server: string, session: string, name: string, args?: unknown, headers?: Readonly<Record<string, string>>): Promise<Said>
  /** A request of the revision without sessions. */
  modern(server: string, method: string, params: Readonly<Record<string, unknown>>, headers?: Readonly<Record<string, string>>): Promise<Said>
}

export const MODERN = '2026-07-28'
export const META = { 'io.modelcontextprotocol/protocolVersion': MODERN, 'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' }, 'io.modelcontextprotocol/clientCapabilities': {} }
export const HELLO = { jsonrpc: '2.0', id: 0, method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' } } }

/** An MCP client that sends what no SDK would. */
export function rawCaller(house: Pick<TestHouse, 'dataUrl' | 'key'>): RawCaller {
  let ids = 0
  const caller: RawCaller = {
    async post(server, body, headers = {}, verb = 'POST') {
      const reply = await fetch(`${house.dataUrl}/mcp/${server}`, {
        method: verb,
        headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', authorization: `Bearer ${house.key}`, ...headers },
        ...(verb === 'POST' && { body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body) }),
      })
      const text = await reply.text()
      // The answer is the last message of a stream.
      const last = (reply.headers.get('content-type') ?? '').startsWith('text/event-stream') ? (framesOf(text).at(-1)?.data ?? '') : text
      return { status: reply.status, headers: reply.headers, body: last === '' ? undefined : (JSON.parse(last) as Body) }
    },
    async session(server, headers = {}) {
      const said = await caller.post(server, HELLO, headers)
      assert.equal(said.status, 200, JSON.stringify(said.body))
      return said.headers.get('mcp-session-id') ?? ''
    },
    call: (server, session, name, args = {}, headers = {}) => caller.post(server, { jsonrpc: '2.0', id: ++ids, method: 'tools/call', params: { name, arguments: args } }, { 'mcp-session-id': session, ...headers }),
    modern: (server, method, params, headers = {}) =>
      caller.post(server, { jsonrpc: '2.0', id: ++ids, method, params: { _meta: META, ...params } }, { 'mcp-protocol-version': MODERN, 'mcp-method': method, ...(typeof params['name'] === 'string' && { 'mcp-name': params['name'] }), ...headers }),
  }
  return caller
}

export const textOf = ({ body }: Said): string => body?.result?.content?.map(({ text }) => text ?? '').join('\n') ?? JSON.stringify(body)
