/**
 * A simulated provider for benchmarks: Chat Completions with a fixed answer, streamed or not, as cheap as Node can.
 * Run as its own process; prints its port. `x-delay-ms` style knobs are in the model name: `m`, `m-20x64` (64 deltas,
 * 20 ms apart).
 */
import { createServer } from 'node:http'

const answer = JSON.stringify({
  id: 'chatcmpl-bench',
  object: 'chat.completion',
  created: 1,
  model: 'bench',
  choices: [{ index: 0, message: { role: 'assistant', content: 'The quick brown fox jumps over the lazy dog. '.repeat(8) }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 20, completion_tokens: 80, total_tokens: 100 },
})

const chunk = (delta: object, finish: string | null, more: object = {}): string =>
  `data: ${JSON.stringify({ id: 'chatcmpl-bench', object: 'chat.completion.chunk', created: 1, model: 'bench', choices: [{ index: 0, delta, finish_reason: finish }], ...more })}\n\n`

const first = chunk({ role: 'assistant', content: '' }, null)
const tail =
  chunk({}, 'stop') +
  `data: ${JSON.stringify({ id: 'chatcmpl-bench', object: 'chat.completion.chunk', created: 1, model: 'bench', choices: [], usage: { prompt_tokens: 20, completion_tokens: 64, total_tokens: 84 } })}\n\n` +
  'data: [DONE]\n\n'

const server = createServer((request, response) => {
  let size = 0
  let head = ''
  request.on('data', (bytes: Buffer) => {
    if (size < 512) head += bytes.toString('latin1', 0, 512)
    size += bytes.length
  })
  request.on('end', () => {
    const shape = /"bench-(\d+)x(\d+)"/.exec(head)
    if (shape === null) {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(answer) })
      response.end(answer)
      return
    }
    const [gap, count] = [Number(shape[1]), Number(shape[2])]
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(first)
    let sent = 0
    const timer = setInterval(() => {
      response.write(chunk({ content: `word${sent} ` }, null))
      if (++sent < count) return
      clearInterval(timer)
      response.end(tail)
    }, gap)
    response.on('close', () => clearInterval(timer))
  })
})
server.keepAliveTimeout = 60_000
server.on('connection', (socket) => socket.setNoDelay(true))
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  if (address !== null && typeof address === 'object') console.log(JSON.stringify({ port: address.port }))
})
