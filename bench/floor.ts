/**
 * The floor of DESIGN §11: a bare relay that parses and rewrites the same payload, and each event of a stream, and
 * does nothing else. Run as its own process: `floor.ts UPSTREAM_PORT`; prints its port.
 */
import { createServer } from 'node:http'
import { Pool } from 'undici'

const pool = new Pool(`http://127.0.0.1:${process.argv[2]}`, { connections: 2048, pipelining: 1 })

const server = createServer((request, response) => {
  const parts: Buffer[] = []
  request.on('data', (bytes: Buffer) => parts.push(bytes))
  request.on('end', () => {
    const asked = JSON.parse(Buffer.concat(parts).toString()) as { model: string }
    void relay(JSON.stringify({ ...asked, model: asked.model }), request.url ?? '/', response)
  })
})

async function relay(body: string, path: string, response: import('node:http').ServerResponse): Promise<void> {
  const upstream = await pool.request({ method: 'POST', path, headers: { 'content-type': 'application/json' }, body })
  const type = String(upstream.headers['content-type'])
  if (!type.startsWith('text/event-stream')) {
    const text = JSON.stringify(JSON.parse(await upstream.body.text()))
    response.writeHead(upstream.statusCode, { 'content-type': type, 'content-length': Buffer.byteLength(text) })
    response.end(text)
    return
  }
  response.writeHead(upstream.statusCode, { 'content-type': type })
  const decoder = new TextDecoder()
  let rest = ''
  upstream.body.on('data', (bytes: Buffer) => {
    rest += decoder.decode(bytes, { stream: true })
    for (let end = rest.indexOf('\n\n'); end >= 0; end = rest.indexOf('\n\n')) {
      const data = rest.slice(6, end)
      rest = rest.slice(end + 2)
      response.write(data === '[DONE]' ? 'data: [DONE]\n\n' : `data: ${JSON.stringify(JSON.parse(data))}\n\n`)
    }
  })
  upstream.body.on('end', () => response.end())
  response.on('close', () => upstream.body.destroy())
}

server.keepAliveTimeout = 60_000
server.on('connection', (socket) => socket.setNoDelay(true))
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  if (address !== null && typeof address === 'object') console.log(JSON.stringify({ port: address.port }))
})
