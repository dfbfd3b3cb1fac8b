import { refuse, Refused } from '../../../contract/verdict.ts'
import { object } from '../../../formats/tree.ts'
import type { Doing, Request } from './desk.ts'
import { plainReading } from '../methods/reading.ts'
import type { KeptStreams } from './resume.ts'
import type { Session } from './sessions.ts'
import type { EventStream } from './stream.ts'
import { watch } from './watch.ts'

type Listening = Pick<Request, 'desk' | 'endpoint' | 'principal' | 'exchange' | 'signal'>

/** The caller listens to its session, until `stop`. One at a time, so that nothing is told twice. */
export function heardDoing(listening: Listening, session: Session, stop: () => void): Doing {
  return staying(listening, async (stream) => {
    if (session.listener !== undefined) throw new Refused(refuse('already_listening'))
    session.listener = stop
    try {
      await watch(listening, { lists: () => true, resource: (server, uri) => session.subscribed.get(uri)?.server === server }, stream)
    } finally {
      delete session.listener
    }
  })
}

/** The answer that the caller lost goes on. */
export function resumedDoing(listening: Listening, { stream: kept, after }: NonNullable<ReturnType<KeptStreams['find']>>): Doing {
  return staying(listening, (stream) => kept.resume(stream, after, listening.signal))
}

function staying({ endpoint }: Listening, stay: (stream: EventStream) => Promise<void>): Doing {
  return {
    reading: { ...plainReading({ endpoint, action: 'mcp.connect', method: 'GET', effect: 'none' }), stream: true },
    candidates: [],
    answer: () => ({ result: object({}) }),
    stay: async (stream) => {
      await stay(stream)
      return undefined
    },
  }
}
