import type { Dialect, StreamFrame } from '../../dialect.ts'
import { errorAnswer, errorFault } from '../errors.ts'
import { decode } from './decode.ts'
import { dropCalls, isUsageOnly, scrub } from './drop.ts'
import { encode } from './encode.ts'
import { instruct } from './instruct.ts'
import { decodeReply, encodeReply } from './reply.ts'
import { decoder, encoder } from './stream.ts'
import { retarget, survey } from './survey.ts'
import { viewReply, viewer } from './view.ts'

/** The bare `[DONE]`. */
const DONE: StreamFrame = {}

/** OpenAI's Chat Completions, as OpenAI and the many servers that are compatible with it speak it. */
export const openaiChat: Dialect = {
  id: 'openai.chat',
  survey,
  retarget,
  instruct,
  decode,
  encode,
  upstreamPath: () => '/v1/chat/completions',
  viewReply,
  decodeReply,
  encodeReply,
  dropCalls,
  scrub,
  viewer,
  decoder,
  encoder,
  terminator: () => DONE,
  isUsageOnly,
  readError: errorFault,
  error: errorAnswer,
  streamError: (refusal, id) => ({ data: errorAnswer(refusal, id).body }),
  heartbeat: () => ': waiting\n\n',
}
