import { createHash } from 'node:crypto'
import { refuse } from '../../../contract/verdict.ts'
import { JsonError, parseJson, writeJson } from '../../../formats/json.ts'
import { sseText } from '../../../formats/sse.ts'
import { isObject, numberOf, object, stringOf, type Tree, type TreeObject } from '../../../formats/tree.ts'
import type { Delta, DialectId } from '../conversation.ts'
import { Inexpressible, type Dialect, type StreamFrame } from '../dialect.ts'
import { dialectOf } from '../dialects.ts'
import { completionOf, deltasOf } from './model.ts'
import { personaOf } from './persona.ts'

/** One piece of a streamed answer. `content` marks those that carry a token. */
export interface Piece {
  readonly text: string
  readonly content: boolean
}

export type Answer =
  | { readonly status: number; readonly body: string }
  | { readonly status: 200; readonly pieces: readonly Piece[]; readonly delayMs: number }

export interface Asked {
  readonly dialect: Dialect
  readonly model: string
  readonly stream: boolean
}

/** Deepest nesting of a request. */
const DEPTH = 200

/** What the practice model answers to a request of any dialect. Answers to equal requests are equal, so they are remembered. */
export function respond(method: string, target: string, body: string): { readonly asked: Asked | undefined; readonly answer: Answer } {
  const key = `${method} ${target}\n${body}`
  const known = remembered.get(key)
  if (known !== undefined) return known
  const made = answered(method, target, body)
  if (key.length <= LONGEST_REMEMBERED) {
    if (remembered.size >= MOST_REMEMBERED) for (const oldest of remembered.keys()) {
      remembered.delete(oldest)
      break
    }
    remembered.set(key, made)
  }
  return made
}

const remembered = new Map<string, ReturnType<typeof respond>>()
const MOST_REMEMBERED = 64
const LONGEST_REMEMBERED = 65_536

function answered(method: string, target: string, body: string): ReturnType<typeof respond> {
  const path = target.replace(/\?.*$/, '')
  if (method === 'GET' && /\/models$/.test(path)) return plain(200, models())
  const generating = operationOf(path)
  const dialect = dialectOf(generating?.dialect ?? (path.includes('/messages') ? 'anthropic.messages' : 'openai.chat'))
  const wrong = (say: string, status = 400): ReturnType<typeof respond> => ({ asked: undefined, answer: { status, body: writeJson(dialect.error(refuse(status === 404 ? 'unknown_path' : 'bad_request', { say }), 'practice').body) } })
  if (method !== 'POST') return wrong(`the practice model has nothing at ${path}`, 404)
  let tree: Tree
  try {
    tree = parseJson(body, { depth: DEPTH })
  } catch (error) {
    if (error instanceof JsonError) return wrong(error.message)
    throw error
  }
  if (!isObject(tree)) return wrong('the body must be an object')
  if (generating === undefined) {
    if (path.endsWith('/embeddings')) return plain(200, embeddings(tree))
    if (path.endsWith('/messages/count_tokens')) return plain(200, object({ input_tokens: Math.max(1, Math.ceil(charactersOf(tree) / 4)) }))
    return wrong(`the practice model has nothing at ${path}`, 404)
  }
  try {
    return generated(dialect, tree, generating)
  } catch (error) {
    if (error instanceof Inexpressible) return wrong(error.message)
    throw error
  }
}

interface Generating {
  readonly dialect: DialectId
  readonly fromPath?: { readonly model: string; readonly stream: boolean }
}

function operationOf(path: string): Generating | undefined {
  if (path.endsWith('/chat/completions')) return { dialect: 'openai.chat' }
  if (path.endsWith('/responses')) return { dialect: 'openai.responses' }
  if (path.endsWith('/messages')) return { dialect: 'anthropic.messages' }
  const call = /\/models\/([^/:]+):(generateContent|streamGenerateContent)$/.exec(path)
  return call === null ? undefined : { dialect: 'gemini.generate', fromPath: { model: decodeURIComponent(call[1] as string), stream: call[2] === 'streamGenerateContent' } }
}

function generated(dialect: Dialect, tree: TreeObject, { fromPath }: Generating): ReturnType<typeof respond> {
  const conversation = dialect.decode(tree, fromPath)
  const model = fromPath?.model ?? conversation.model
  const asked = { dialect, model, stream: conversation.stream }
  if (!conversation.stream) {
    return { asked, answer: { status: 200, body: writeJson(dialect.encodeReply(completionOf(conversation, model), conversation)) } }
  }
  const encoder = dialect.encoder(conversation)
  const pieces = deltasOf(conversation, model).flatMap((delta) => encoder.push(delta).map((frame) => ({ text: frameText(frame), content: isContent(delta) })))
  return { asked, answer: { status: 200, pieces, delayMs: personaOf(model).delayMs } }
}

function isContent(delta: Delta): boolean {
  return delta.t === 'text'
}

function frameText({ event, data }: StreamFrame): string {
  return sseText(event, data === undefined ? '[DONE]' : writeJson(data))
}

function plain(status: number, tree: TreeObject): ReturnType<typeof respond> {
  return { asked: undefined, answer: { status, body: writeJson(tree) } }
}

function models(): TreeObject {
  return object({ object: 'list', data: [object({ id: 'practice', object: 'model', created: 0, owned_by: 'sallyport' })] })
}

function charactersOf(tree: Tree): number {
  if (typeof tree === 'string') return tree.length
  if (Array.isArray(tree)) return tree.reduce<number>((sum, one) => sum + charactersOf(one), 0)
  if (!isObject(tree)) return 0
  let sum = 0
  for (const value of tree.values()) sum += charactersOf(value)
  return sum
}

const DIMENSIONS = 64

/** Vectors of unit length that depend on the text alone. */
function embeddings(tree: TreeObject): TreeObject {
  const input = tree.get('input')
  const texts = (Array.isArray(input) ? input : [input]).map((one) => stringOf(one) ?? writeJson(one ?? null))
  const dimensions = Math.min(4_096, numberOf(tree.get('dimensions')) ?? DIMENSIONS)
  const packed = tree.get('encoding_format') === 'base64'
  const tokens = texts.reduce((sum, text) => sum + Math.ceil(text.length / 4), 0)
  return object({
    object: 'list',
    data: texts.map((text, index) => {
      const vector = vectorOf(text, dimensions)
      return object({ object: 'embedding', index, embedding: packed ? Buffer.from(vector.buffer).toString('base64') : Array.from(vector, (value) => Number(value.toFixed(8))) })
    }),
    model: personaOf(stringOf(tree.get('model')) ?? 'practice').name,
    usage: object({ prompt_tokens: tokens, total_tokens: tokens }),
  })
}

function vectorOf(text: string, dimensions: number): Float32Array {
  const vector = new Float32Array(dimensions)
  for (let at = 0; at < dimensions; at += 32) {
    const block = createHash('sha256').update(`${at} ${text}`).digest()
    for (let index = 0; index < 32 && at + index < dimensions; index++) vector[at + index] = (block[index] as number) / 127.5 - 1
  }
  const length = Math.hypot(...vector) || 1
  return vector.map((value) => value / length)
}
