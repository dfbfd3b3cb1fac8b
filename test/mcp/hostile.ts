import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What one call does wrong, by the name of the tool. */
type Wrong = (response: ServerResponse, id: unknown) => void

export interface HostileServer {
  readonly url: string
  /** Header fields of every request so far, and paths. */
  readonly seen: { readonly path: string; readonly headers: IncomingHttpHeaders }[]
  /** Connections that are open now. */
  open(): number
  stop(): Promise<void>
}

const MB = 1024 * 1024
const json = (response: ServerResponse, value: unknown, more: Readonly<Record<string, string>> = {}): void => void response.writeHead(200, { 'content-type': 'application/json', ...more }).end(JSON.stringify(value))
const result = (id: unknown, said: string) => ({ jsonrpc: '2.0', id, result: { content: [{ type: 'text', text: said }] } })

/** As much as the other side takes, and no more than there is. */
function pour(response: ServerResponse, piece: string, times: number, end: () => void): void {
  let left = times
  const more = (): void => {
    while (left-- > 0) {
      if (response.destroyed) return
      if (!response.write(piece)) return void response.once('drain', more)
    }
    end()
  }
  more()
}

const wrongs: Readonly<Record<string, Wrong>> = {
  fine: (response, id) => json(response, result(id, 'fine')),
  stall: () => undefined,
  stall_in_body: (response) => void response.writeHead(200, { 'content-type': 'application/json' }).write('{"jsonrpc":"2.0",'),
  hundred_mb(response, id) {
    response.writeHead(200, { 'content-type': 'application/json' })
    response.write(`{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":{"content":[{"type":"text","text":"`)
    pour(response, 'x'.repeat(MB), 100, () => response.end('"}]}}'))
  },
  hundred_mb_of_stream(response, id) {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    pour(response, `: ${'x'.repeat(MB)}\n\n`, 100, () => response.end(`data: ${JSON.stringify(result(id, 'late'))}\n\n`))
  },
  endless_line(response) {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    pour(response, 'x'.repeat(MB), 100, () => response.end())
  },
  flood(response, id) {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    pour(response, 'data: {"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":1}}\n\n'.repeat(100), 500, () => response.end(`data: ${JSON.stringify(result(id, 'late'))}\n\n`))
  },
  wrong_id: (response) => json(response, result(999_999, 'for somebody else')),
  wrong_type: (response, id) => json(response, result(String(id), 'a text for a number')),
  batch: (response, id) => json(response, [result(id, 'one'), result(id, 'two')]),
  twice: (response, id) => void response.writeHead(200, { 'content-type': 'application/json' }).end(`{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":{"content":[]},"result":{"content":[{"type":"text","text":"second"}]}}`),
  html: (response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<html></html>'),
  gzip: (response) => json(response, 'not gzip', { 'content-encoding': 'gzip' }),
  redirect: (response) => void response.writeHead(307, { location: '/elsewhere' }).end(),
  to_metadata: (response) => void response.writeHead(302, { location: 'http://169.254.169.254/latest/meta-data/' }).end(),
  cut(response) {
    response.writeHead(200, { 'content-type': 'application/json' }).write('{"jsonrpc":')
    setImmediate(() => response.destroy())
  },
  header_lines: (response) => {
    response.socket?.write(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-big: ${'x'.repeat(MB)}\r\n\r\n`)
  },
}

/** Names of its tools; no other server here has one of the same name. */
const PREFIX = 'http_'
export const FINE = `${PREFIX}fine`
export const WRONGS = Object.keys(wrongs).map((one) => PREFIX + one).filter((one) => one !== FINE)

/** An MCP server behind HTTP that does what it is asked to do wrong, by the name of the tool. */
export async function startHostile(): Promise<HostileServer> {
  const seen: { readonly path: string; readonly headers: IncomingHttpHeaders }[] = []
  const http = createServer((request, response) => {
    seen.push({ path: request.url ?? '', headers: request.headers })
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      const { id, method, params } = (body === '' ? {} : JSON.parse(body)) as { readonly id?: unknown; readonly method?: string; readonly params?: { readonly name?: string } }
      if (method === 'initialize') json(response, { jsonrpc: '2.0', id, result: { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 'hostile', version: '1' } } }, { 'mcp-session-id': 'the-session-upstream' })
      else if (method === 'tools/list') json(response, { jsonrpc: '2.0', id, result: { tools: [FINE, ...WRONGS].map((name) => ({ name, description: name, inputSchema: { type: 'object' } })) } })
      else if (method === 'tools/call') wrongs[(params?.name ?? '').slice(PREFIX.length)]?.(response, id)
      else if (id === undefined) response.writeHead(202).end()
      else json(response, { jsonrpc: '2.0', id, error: { code: -32601, message: 'no such method' } })
    })
  })
  const sockets = new Set<unknown>()
  http.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`,
    seen,
    open: () => sockets.size,
    async stop() {
      http.closeAllConnections()
      await new Promise((resolve) => http.close(resolve))
    },
  }
}
