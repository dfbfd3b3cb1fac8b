import type { Origin } from '../../../contract/segment.ts'
import type { Refusal } from '../../../contract/verdict.ts'
import { isObject, object, type Tree, type TreeObject } from '../../../formats/tree.ts'
import { malformed } from '../servers/introduce.ts'
import { treeEvent, type TreeEvent } from './leaves.ts'
import type { Answer, RpcError } from '../rpc.ts'

const MOST_PARTS = 1_000
const PARTS: ReadonlySet<string> = new Set(['text', 'image', 'audio', 'resource', 'resource_link'])

/** A server's error, as the guards look at it. */
export function errorEvent({ code, message, data }: RpcError, origin: Origin): TreeEvent {
  return treeEvent(object({ error: object({ code, message, data }) }), origin)
}

/** An answer as the guards look at it: what it says, and no more than the protocol has a place for. */
export function resultEvent(answer: Answer): TreeEvent {
  if ('error' in answer) return errorEvent(answer.error, 'tool_result')
  const { result } = answer
  const wrong = resultProblem(result)
  if (wrong !== undefined) throw malformed(`tools/call: ${wrong}`)
  return treeEvent(object({ result }), 'tool_result')
}

export function resultProblem(result: TreeObject): string | undefined {
  const [content, structured, isError] = [result.get('content'), result.get('structuredContent'), result.get('isError')]
  if (!Array.isArray(content) || content.length > MOST_PARTS) return 'no content, or too many parts'
  const problem = contentProblem(content)
  if (problem !== undefined) return problem
  if (structured !== undefined && !isObject(structured)) return 'structured content that is no object'
  return isError === undefined || typeof isError === 'boolean' ? undefined : 'isError'
}

/** Parts of content, as tools and prompts have them. */
export function contentProblem(content: readonly Tree[]): string | undefined {
  for (const part of content) {
    if (!isObject(part)) return 'a part of the content is no object'
    const type = part.get('type')
    if (typeof type !== 'string' || !PARTS.has(type)) return 'a part of the content is of no known type'
    if (type === 'text' && typeof part.get('text') !== 'string') return 'a text without text'
    if ((type === 'image' || type === 'audio') && typeof part.get('data') !== 'string') return `${type} without data`
    if (type === 'resource' && !isObject(part.get('resource'))) return 'a resource without a resource'
  }
  return undefined
}

/** What the guards left of a server's answer. @throws {Refused} where there is none. */
export function answerOf(event: TreeEvent | undefined): Answer {
  const [result, error] = [event?.tree.get('result'), event?.tree.get('error')]
  if (isObject(result)) return { result }
  if (!isObject(error)) throw malformed('no answer')
  const [code, message, data] = [error.get('code'), error.get('message'), error.get('data')]
  return { error: { code: code as number, message: message as string, ...(data !== undefined && { data }) } }
}

/** A decision against a call, as the model behind the agent reads it. */
export function deniedResult(refusal: Refusal, say: string, exchange: string): Answer {
  return {
    result: object({
      content: [object({ type: 'text', text: `${say} (${exchange})` })],
      isError: true,
      _meta: object({ 'sallyport/code': refusal.refuse, 'sallyport/id': exchange }),
    }),
  }
}
