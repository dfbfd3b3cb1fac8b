import { BodyError, type Body, type Fields } from '../../../contract/arrival.ts'
import { DialError, type Dial, type DialReply } from '../../../contract/dial.ts'
import { respond, type Answer } from './respond.ts'

/** The practice model as a dial: same shape as the network, without a socket. */
export const practiceDial: Dial = async ({ method, url, body, signal }) => {
  if (signal.aborted) throw new DialError('aborted', 'aborted before the dial')
  const { pathname, search } = new URL(url)
  const text = body === undefined ? '' : typeof body === 'string' ? body : new TextDecoder().decode(body)
  return replyOf(respond(method, pathname + search, text).answer, signal)
}

export interface Practised {
  readonly status: number
  readonly fields: Fields
  /** The body: one chunk, or one for each event of a stream. */
  readonly chunks: readonly string[]
}

/** One request to the practice model, by its path below any base URL. Never throws: nonsense gets a 400 or 404. */
export function practise(path: string, body: string): Practised {
  const { answer } = respond('POST', path, body)
  return { status: answer.status, fields: [['content-type', typeOf(answer)]], chunks: 'pieces' in answer ? answer.pieces.map((piece) => piece.text) : [answer.body] }
}

function typeOf(answer: Answer): string {
  return 'pieces' in answer ? 'text/event-stream' : 'application/json'
}

function replyOf(answer: Answer, signal: AbortSignal): DialReply {
  let gone = signal.aborted
  let wake: (() => void) | undefined
  const abort = (): void => {
    gone = true
    wake?.()
  }
  signal.addEventListener('abort', abort, { once: true })

  async function* stream(): AsyncGenerator<Uint8Array> {
    try {
      if (!('pieces' in answer)) {
        yield Buffer.from(answer.body)
        return
      }
      if (answer.delayMs === 0) {
        yield Buffer.from(answer.pieces.map((piece) => piece.text).join(''))
        return
      }
      for (const piece of answer.pieces) {
        if (piece.content) {
          await new Promise<void>((resolve) => {
            const timer = setTimeout(resolve, answer.delayMs)
            wake = () => {
              clearTimeout(timer)
              resolve()
            }
          })
        }
        if (gone) throw new BodyError('cut')
        yield Buffer.from(piece.text)
      }
    } finally {
      signal.removeEventListener('abort', abort)
    }
  }

  const body: Body = {
    stream,
    async whole(limit) {
      const chunks: Uint8Array[] = []
      let size = 0
      for await (const chunk of stream()) {
        size += chunk.length
        if (size > limit) throw new BodyError('too_large')
        chunks.push(chunk)
      }
      return chunks.length === 1 ? (chunks[0] as Uint8Array) : Buffer.concat(chunks)
    },
  }
  return { status: answer.status, fields: [['content-type', typeOf(answer)]], body, abort }
}
