import { object } from '../../../../formats/tree.ts'
import { reasonOf } from '../../../../contract/reasons.ts'
import type { Dialect } from '../../dialect.ts'
import { errorAnswer, errorFault } from '../errors.ts'
import { decode } from './decode.ts'
import { dropCalls, scrub } from './drop.ts'
import { encoder } from './emit.ts'
import { encode } from './encode.ts'
import { instruct } from './instruct.ts'
import { decodeReply, encodeReply } from './reply.ts'
import { decoder } from './stream.ts'
import { retarget, survey } from './survey.ts'
import { viewReply, viewer } from './view.ts'

/** OpenAI's Responses API, without the state that it can keep. */
export const openaiResponses: Dialect = {
  id: 'openai.responses',
  survey,
  retarget,
  instruct,
  decode,
  encode,
  upstreamPath: () => '/v1/responses',
  viewReply,
  decodeReply,
  encodeReply,
  dropCalls,
  scrub,
  viewer,
  decoder,
  encoder,
  // The last event repeats the whole answer; nobody can make it up for a stream that lacks it.
  terminator: () => undefined,
  isUsageOnly: () => false,
  readError: errorFault,
  error: errorAnswer,
  /** OpenAI's `error` event; SDKs throw what it says. */
  streamError(refusal, id) {
    const say = refusal.say ?? reasonOf(refusal.refuse).say
    return {
      event: 'error',
      data: object({ type: 'error', sequence_number: 0, code: refusal.refuse, message: `${say} (${id})`, param: refusal.param ?? null }),
    }
  },
  heartbeat: () => ': waiting\n\n',
}
