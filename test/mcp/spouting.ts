import { createInterface } from 'node:readline'

/** An MCP server over its standard streams that keeps on talking, as the name of the tool says. */
const write = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value)}\n`)
const text = (id: number | undefined, said: string): void => write({ jsonrpc: '2.0', id, result: { content: [{ type: 'text', text: said }] } })
/** As fast as it is read, for ever. */
function spout(piece: string): void {
  while (process.stdout.write(piece));
  process.stdout.once('drain', () => spout(piece))
}

const spouts: Readonly<Record<string, string>> = {
  blank: '\n'.repeat(65_536),
  endless: 'x'.repeat(65_536),
  notices: `${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info', data: 'x'.repeat(50_000) } })}\n`,
}
let stray = 0

process.stderr.write(`${process.env['TOKEN'] ?? 'nothing'} is what it was handed\n`)
process.stdout.on('error', () => process.exit(1))
createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method, params = {} } = JSON.parse(line) as { readonly id?: number; readonly method?: string; readonly params?: { readonly name?: string; readonly requestId?: number; readonly arguments?: { readonly count?: number } } }
  const name = params.name ?? ''
  if (method === 'initialize') write({ jsonrpc: '2.0', id, result: { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 'spouting', version: '1' } } })
  // What was cancelled is answered all the same.
  else if (method === 'notifications/cancelled') text(params.requestId, 'late')
  else if (method !== 'tools/call') {
    if (id !== undefined) write({ jsonrpc: '2.0', id, error: { code: -32601, message: 'no such method' } })
  } else if (name === 'pid') text(id, String(process.pid))
  else if (name === 'huge') text(id, 'x'.repeat(100_000))
  else if (name === 'unreadable') process.stdout.write(`{"jsonrpc":"2.0","id":${id},"result":[]}\n`)
  else if (name === 'stray') {
    for (let count = 0; count < (params.arguments?.count ?? 0); count++) text(1_000_000 + ++stray, 'for nobody')
    text(id, 'done')
  } else if (Object.hasOwn(spouts, name)) spout(spouts[name] as string)
})
