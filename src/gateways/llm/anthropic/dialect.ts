import { isObject, object, stringOf, type Tree, type TreeObject } from '../../../formats/tree.ts'
import type { Dialect } from '../dialect.ts'
import { isForeign } from '../signature.ts'
import { decode } from './decode.ts'
import { encoder } from './emit.ts'
import { encode } from './encode.ts'
import { errorAnswer, errorEvent, errorFault } from './errors.ts'
import { instruct } from './instruct.ts'
import { decodeReply, dropCalls, encodeReply, viewReply } from './reply.ts'
import { decoder, viewer } from './stream.ts'
import { survey } from './survey.ts'

/**
 * The request for another model. Thinking that another provider made for this caller (`gemini:…`) is taken out on
 * the way: Anthropic refuses signatures that are not its own.
 */
function retarget(tree: TreeObject, model: string): TreeObject {
  const made = new Map(tree)
  made.set('model', model)
  const messages = tree.get('messages')
  if (Array.isArray(messages) && messages.some(hasForeign)) made.set('messages', messages.map(withoutForeign).filter((message) => message !== undefined))
  return made
}

function isForeignThinking(block: Tree): boolean {
  if (!isObject(block)) return false
  const type = block.get('type')
  if (type === 'redacted_thinking') return isForeign('anthropic', stringOf(block.get('data')) ?? '')
  if (type !== 'thinking') return false
  const signature = stringOf(block.get('signature')) ?? ''
  return signature === '' || isForeign('anthropic', signature)
}

function hasForeign(message: Tree): boolean {
  const content = isObject(message) && message.get('role') === 'assistant' ? message.get('content') : undefined
  return Array.isArray(content) && content.some(isForeignThinking)
}

function withoutForeign(message: Tree): Tree | undefined {
  if (!isObject(message) || !hasForeign(message)) return message
  const kept = (message.get('content') as Tree[]).filter((block) => !isForeignThinking(block))
  return kept.length === 0 ? undefined : new Map([...message, ['content', kept]])
}

/** Anthropic Messages, `anthropic-version: 2023-06-01`. */
export const anthropicMessages: Dialect = {
  id: 'anthropic.messages',
  survey,
  retarget,
  instruct,
  decode,
  encode,
  upstreamPath: () => '/v1/messages',
  viewReply,
  decodeReply,
  encodeReply,
  dropCalls,
  viewer,
  decoder,
  encoder,
  terminator: () => ({ event: 'message_stop', data: object({ type: 'message_stop' }) }),
  isUsageOnly: () => false,
  readError: errorFault,
  error: errorAnswer,
  streamError: (refusal, id) => ({ event: 'error', data: errorEvent(refusal, id) }),
  heartbeat: () => 'event: ping\ndata: {"type": "ping"}\n\n',
}
