import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'

/** What a puppet does about one method, or about one name that is asked for: says first, then answers. */
export interface Strings {
  readonly before?: readonly unknown[]
  readonly result?: unknown
  readonly error?: unknown
}

/** A server over standard streams without a will of its own: `node puppet.ts FILE` does what the file says, read anew for each request. */
const [file = ''] = process.argv.slice(2)
const write = (message: object): void => void process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`)
/** What it was asked, for `asked`. */
const asked: string[] = []

createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method = '', params = {} } = JSON.parse(line) as { readonly id?: number; readonly method?: string; readonly params?: { readonly name?: string; readonly uri?: string } }
  if (id === undefined || method === '') return
  const strings = JSON.parse(readFileSync(file, 'utf8')) as Readonly<Record<string, Strings>>
  const about = params.name ?? params.uri ?? ''
  if (about === 'asked') return write({ id, result: { content: [{ type: 'text', text: asked.join('\n') }] } })
  asked.push(`${method} ${about}`)
  const { before = [], result, error } = strings[`${method} ${about}`] ?? strings[method] ?? { error: { code: -32601, message: 'no such method' } }
  for (const one of before) write(one as object)
  write({ id, ...(error === undefined ? { result } : { error }) })
})
