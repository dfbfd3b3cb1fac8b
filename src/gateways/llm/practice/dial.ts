import { BodyError, type Body, type Fields } from '../../../contract/arrival.ts'
import type { Dial, DialReply } from '../../../contract/dial.ts'
import { refuse } from '../../../contract/verdict.ts'
import { JsonError, parseJson, writeJson } from '../../../formats/json.ts'
import { sseText } from '../../../formats/sse.ts'
import { isObject, object, type TreeObject } from '../../../formats/tree.ts'
import type { DialectId } from '../conversation.ts'
import { Inexpressible, type Dialect } from '../dialect.ts'
import { dialectOf } from '../dialects.ts'
import { answer, embedding, inputTokens } from './answer.ts'
import { deltasOf } from './stream.ts'

const encoder = new TextEncoder()

/** Answers in place of a provider, inside the process: the dial of the built-in practice model. */
export const practiceDial: Dial = (request) => {
  const { status, fields, chunks } = practise(new URL(request.url).pathname, request.body ?? '')
  const reply: DialReply = { status, fields, body: bodyOf(chunks), abort: () => undefined }
  return Promise.resolve(reply)
}

export interface Practised {
  readonly status: number
  readonly fields: Fields
  /** The body: one chunk, or one for each event of a stream. */
  readonly chunks: readonly string[]
}

/** One request to the practice model, by its path below any base URL. Never throws: nonsense gets a 400 or 404. */
export function practise(path: string, body: Uint8Array | string): Practised {
  try {
    const tree = parseJson(body, { depth: 100 })
    if (!isObject(tree)) return failed(400, 'the body is no object')
    if (path.endsWith('/embeddings')) return embeddings(tree)
    if (path.endsWith('/count_tokens')) return json(200, object({ input_tokens: inputTokens(dialectOf('anthropic.messages').decode(new Map(tree).set('max_tokens', 1))) }))
    const spoken = dialectAt(path)
    return spoken === undefined ? failed(404, `the practice model has nothing at ${path}`) : generate(spoken.dialect, tree, spoken.fromPath)
  } catch (error) {
    if (error instanceof JsonError || error instanceof Inexpressible) return failed(400, error.message)
    throw error
  }
}

const geminiPath = /\/models\/([^/:]+):(generateContent|streamGenerateContent)$/

function dialectAt(path: string): { readonly dialect: Dialect; readonly fromPath?: { readonly model: string; readonly stream: boolean } } | undefined {
  const gemini = geminiPath.exec(path)
  if (gemini !== null) return { dialect: dialectOf('gemini.generate'), fromPath: { model: decodeURIComponent(gemini[1] as string), stream: gemini[2] === 'streamGenerateContent' } }
  const ends: readonly (readonly [string, DialectId])[] = [
    ['/chat/completions', 'openai.chat'],
    ['/responses', 'openai.responses'],
    ['/messages', 'anthropic.messages'],
  ]
  const found = ends.find(([end]) => path.endsWith(end))
  return found === undefined ? undefined : { dialect: dialectOf(found[1]) }
}

function generate(dialect: Dialect, tree: TreeObject, fromPath: { readonly model: string; readonly stream: boolean } | undefined): Practised {
  const asked = dialect.decode(tree, fromPath)
  const completion = answer(asked)
  if (!asked.stream) return json(200, dialect.encodeReply(completion, asked))
  const encode = dialect.encoder(asked)
  const chunks: string[] = []
  for (const delta of deltasOf(completion)) {
    for (const frame of encode.push(delta)) chunks.push(sseText(frame.event, frame.data === undefined ? '[DONE]' : writeJson(frame.data)))
  }
  return { status: 200, fields: [['content-type', 'text/event-stream']], chunks }
}

function embeddings(tree: TreeObject): Practised {
  const input = tree.get('input')
  const texts = Array.isArray(input) ? input : [input ?? '']
  const tokens = texts.reduce((sum: number, one) => sum + Math.ceil(String(one).length / 4), 0)
  const data = texts.map((one, index) => object({ object: 'embedding', index, embedding: embedding(String(one)) }))
  return json(200, object({ object: 'list', data, model: 'practice-embedding', usage: object({ prompt_tokens: tokens, total_tokens: tokens }) }))
}

function failed(status: number, message: string): Practised {
  return json(status, object({ error: object({ message, type: 'invalid_request_error', code: refuse('bad_request').refuse }) }))
}

function json(status: number, tree: TreeObject): Practised {
  return { status, fields: [['content-type', 'application/json']], chunks: [writeJson(tree)] }
}

function bodyOf(chunks: readonly string[]): Body {
  return {
    whole(limit) {
      const bytes = encoder.encode(chunks.join(''))
      return bytes.length > limit ? Promise.reject(new BodyError('too_large')) : Promise.resolve(bytes)
    },
    async *stream() {
      for (const chunk of chunks) yield encoder.encode(chunk)
    },
  }
}
