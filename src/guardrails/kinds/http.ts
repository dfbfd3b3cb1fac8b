import { z } from 'zod'
import type { Glance, Guardrail, Kind, Sight } from '../guardrail.ts'
import { settled } from '../kind_of.ts'
import type { Tools } from '../tools.ts'
import { KindError } from './error.ts'

const MASKED = 120
const TIMEOUT = 2000
const LEAST = 0.5
const MOST_INPUT = 256 * 1024

const keys = {
  url: z.string().min(1).max(2000).optional().describe('http: where the classifier is. It gets {"input","origin","task"} and answers {"score","category"?,"spans"?,"reason"?}. Plain http only to a loopback or private address written as such.'),
  authorization: z.string().regex(/^env:[A-Za-z_][A-Za-z0-9_]{0,100}$/, 'expected env:NAME').optional().describe('http: variable whose value is sent as the authorization field, as env:NAME.'),
}

const written = z.object({ url: z.string({ error: 'http needs "url"' }), authorization: z.string().optional() })

const answerSchema = z.strictObject({
  score: z.number().min(0).max(1),
  category: z.string().regex(/^[a-z][a-z0-9_]{0,63}$/).optional(),
  spans: z.array(z.tuple([z.number().int().min(0), z.number().int().min(0)])).max(64).optional(),
  reason: z.string().max(1000).optional(),
})

// Where plain http may go; the dialer that connects holds to the same.
const PRIVATE = /^(?:localhost|127(?:\.\d{1,3}){3}|10(?:\.\d{1,3}){3}|192\.168(?:\.\d{1,3}){2}|172\.(?:1[6-9]|2\d|3[01])(?:\.\d{1,3}){2}|\[::1\])$/

function checkedUrl(text: string): URL {
  const url = URL.parse(text)
  const wrong = (message: string): z.ZodError => new z.ZodError([{ code: 'custom', path: ['url'], message, input: undefined }])
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) throw wrong('expected an http or https URL')
  if (url.username !== '' || url.password !== '') throw wrong('a URL must not hold a credential: use authorization')
  if (url.protocol === 'http:' && !PRIVATE.test(url.hostname)) throw wrong('plain http goes only to a loopback or private address')
  return url
}

/** A made guardrail that dials. */
export interface Dialling extends Guardrail {
  /** The one origin that it dials. */
  readonly dials: string
}

export function dials(guardrail: Guardrail): guardrail is Dialling {
  return 'dials' in guardrail
}

/** Any classifier behind HTTP. */
export const httpClassifiers: Kind = {
  use: 'http',
  about: 'A classifier of yours behind HTTP.',
  keys,
  make(id, values, place): Dialling {
    const { url: text, authorization } = written.parse(values)
    const url = checkedUrl(text)
    const credential = authorization === undefined ? undefined : place?.env[authorization.slice(4)]
    if (place !== undefined && authorization !== undefined && (credential === undefined || credential === '')) throw new KindError('authorization', `the environment variable ${authorization.slice(4)} is not set`)
    const headers = credential === undefined ? {} : { authorization: credential }
    const kindOf = settled(id, 'deep')
    const look = async (input: string, glance: Glance, { remote }: Tools, signal: AbortSignal): Promise<Sight> => {
      if (remote === undefined) throw new Error('there is no way out to the classifier')
      if (input.trim() === '') return { spans: [] }
      if (input.length > MOST_INPUT) return { spans: [], inconclusive: 'the text is too long for the classifier' }
      const said = await remote.post({ url: url.href, body: JSON.stringify({ input, origin: glance.origin, task: glance.task }), headers, asked: glance.asked }, signal)
      const { score, category = 'flagged', spans } = read(said, input.length)
      const kind = kindOf(`http:${category}`, category, score, LEAST)
      return { score, spans: score === 0 ? [] : (spans ?? [[0, input.length]]).map(([start, end]) => ({ kind, start, end })) }
    }
    return {
      id,
      about: `The classifier at ${url.host}.`,
      layer: 'deep',
      categories: ['flagged'],
      on: ['user', 'tool_result', 'document'],
      phase: 'both',
      action: 'deny',
      threshold: LEAST,
      postures: { observe: 'shadow', guard: 'enforce', strict: 'enforce' },
      refusal: { request: 'content_refused', reply: 'answer_refused' },
      timeout: TIMEOUT,
      needs: 'remote',
      dials: url.origin,
      look,
      context: ({ task }) => task,
      marker: () => '[REMOVED_TEXT]',
      mask: (_category, shown) => (shown.length <= MASKED ? shown : `${shown.slice(0, MASKED - 3)}...`),
    }
  },
}

// Anything that is not exactly the answer is no answer: half understood, a classifier would pass what it flags.
function read(said: string, length: number): z.infer<typeof answerSchema> {
  let value: unknown
  try {
    value = JSON.parse(said)
  } catch {
    throw new Error('the classifier answered something else than JSON')
  }
  const answer = answerSchema.safeParse(value)
  if (!answer.success) throw new Error(`the classifier answered JSON of another shape: ${answer.error.issues[0]?.path.join('.') ?? ''}`)
  if (answer.data.spans?.some(([start, end]) => start >= end || end > length)) throw new Error('the classifier marked what is not in the text')
  return answer.data
}
