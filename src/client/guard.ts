/**
 * Client of `POST /guard`: asks a running Sallyport what its guardrails say about a text. Needs nothing but `fetch`.
 *
 *     const guard = guardClient({ url: 'http://127.0.0.1:8080', key })
 *     const { passed, score, reason } = await guard.evaluate({ guardrail: 'prompt_injection', input })
 */

export type Origin = 'system' | 'user' | 'assistant' | 'reasoning' | 'tool_call' | 'tool_result' | 'tool_definition' | 'document' | 'command' | 'body'

/** Guardrails that come with Sallyport; your own have the names that you gave them. */
export type GuardrailName = 'prompt_injection' | 'jailbreak' | 'harmful' | 'toxicity' | 'secrets' | 'pii' | 'invisible_text' | (string & {})

export type Action = 'allow' | 'flag' | 'redact' | 'rewrite' | 'hold' | 'deny'

/** One piece of a conversation. Pieces of one input are judged together, the last of them in the light of the others. */
export interface Piece {
  readonly text: string
  /** Who wrote it: `user` where nothing is said. What the answer means depends on it. */
  readonly origin?: Origin
  /** What the user asked for: context for text that comes from elsewhere. */
  readonly task?: string
}

export type Input = string | readonly Piece[]

export interface Options {
  readonly signal?: AbortSignal
  /** Milliseconds; stands in place of the client's. */
  readonly timeout?: number
}

interface Asked extends Options {
  /** Absent = every guardrail that is on. */
  readonly guardrail?: GuardrailName | readonly GuardrailName[]
  readonly origin?: Origin
  readonly task?: string
}

export interface Evaluate extends Asked {
  readonly input: Input
}

export interface EvaluateAll extends Asked {
  /** At most 64; a piece alone is an input too. */
  readonly inputs: readonly (Input | Piece)[]
}

export interface Span {
  /** Which piece of the input; 0 for a plain string. */
  readonly piece: number
  /** UTF-16 offsets in the piece. */
  readonly start: number
  readonly end: number
  readonly guardrail: string
  readonly category: string
  readonly score: number
  readonly layer: 'normalise' | 'rules' | 'fast' | 'deep' | 'judge'
}

export interface Result {
  readonly guardrail: string
  readonly passed: boolean
  readonly action: Action
  readonly score: number | null
  readonly category: string | null
}

export interface Evaluation {
  /** Finds the receipt: `sallyport audit show ID`. */
  readonly id: string
  /** True where nothing would be refused, held or changed. */
  readonly passed: boolean
  readonly action: Action
  /** 0–1. Null where nothing that gives scores looked, and for keys without the right "scores", as all that follows. */
  readonly score: number | null
  readonly category: string | null
  readonly reason: string | null
  readonly spans: readonly Span[]
  /** What Sallyport took; null without the right "scores". */
  readonly latencyMs: number | null
  /** What each guardrail said, where more than one was asked. */
  readonly results: readonly Result[]
}

/**
 * Why there is no answer. `code` is one of docs/errors.md, or of the client's own: `timeout`, `aborted`, `unreachable`,
 * `unreadable`.
 */
export class GuardError extends Error {
  readonly code: string
  /** 0 where no answer came. */
  readonly status: number
  /** Finds the receipt; undefined where no answer came. */
  readonly id: string | undefined
  /** True where asking again may help. */
  readonly retry: boolean
  readonly retryAfterMs: number | undefined

  constructor(code: string, message: string, more: { readonly status?: number; readonly id?: string; readonly retry?: boolean; readonly retryAfterMs?: number; readonly cause?: unknown } = {}) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause })
    this.name = 'GuardError'
    this.code = code
    this.status = more.status ?? 0
    this.id = more.id
    this.retry = more.retry ?? false
    this.retryAfterMs = more.retryAfterMs
  }
}

export interface GuardClient {
  /** @throws {GuardError} where there is no answer: never take that for a pass. */
  evaluate(asked: Evaluate): Promise<Evaluation>
  /** Answers in the order of `inputs`. An input that was refused (a budget spent on the way) is a GuardError in its place. */
  evaluateAll(asked: EvaluateAll): Promise<readonly (Evaluation | GuardError)[]>
}

export interface GuardClientOptions {
  /** Of the data port, without a path: `http://127.0.0.1:8080`. */
  readonly url: string
  /** A key made with `sallyport keys create`; with `--right scores` it also sees scores and what led to them. */
  readonly key?: string
  /** Milliseconds; 10,000 where nothing is said. */
  readonly timeout?: number
  readonly fetch?: typeof fetch
}

const TIMEOUT = 10_000

export function guardClient({ url, key, timeout: usual = TIMEOUT, fetch: send = fetch }: GuardClientOptions): GuardClient {
  const endpoint = `${url.replace(/\/+$/, '')}/guard`
  const ask = async (body: Readonly<Record<string, unknown>>, { signal, timeout = usual }: Options): Promise<Record<string, unknown>> => {
    const late = AbortSignal.timeout(timeout)
    let status = 0
    let text: string
    let wait: string | null
    try {
      const reply = await send(endpoint, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...(key !== undefined && { authorization: `Bearer ${key}` }) },
        body: JSON.stringify(body),
        signal: signal === undefined ? late : AbortSignal.any([signal, late]),
      })
      status = reply.status
      wait = reply.headers.get('retry-after')
      text = await reply.text()
    } catch (cause) {
      if (signal?.aborted === true) throw new GuardError('aborted', 'The evaluation was called off.', { status, cause })
      if (late.aborted) throw new GuardError('timeout', `No answer within ${timeout} ms.`, { status, retry: true, cause })
      throw new GuardError('unreachable', `Sallyport cannot be reached at ${endpoint}.`, { status, retry: true, cause })
    }
    const said = parsed(text)
    if (status === 200 && said !== undefined) return said
    throw errorOf(said?.['error'], status, wait === null ? undefined : Number(wait) * 1000)
  }
  return {
    async evaluate({ signal, timeout, ...body }) {
      return evaluationOf(await ask(body, optionsOf(signal, timeout)))
    },
    async evaluateAll({ signal, timeout, ...body }) {
      const { evaluations } = await ask(body, optionsOf(signal, timeout))
      if (!Array.isArray(evaluations) || evaluations.length !== body.inputs.length) throw unreadable()
      return evaluations.map((one: unknown) => {
        if (!isRecord(one)) throw unreadable()
        return one['error'] === undefined ? evaluationOf(one) : errorOf(one['error'], 200, undefined)
      })
    },
  }
}

function optionsOf(signal: AbortSignal | undefined, timeout: number | undefined): Options {
  return { ...(signal !== undefined && { signal }), ...(timeout !== undefined && { timeout }) }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isRecord(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** An answer that does not say whether the text passed must never be taken for one that did. */
function evaluationOf(said: Record<string, unknown>): Evaluation {
  if (typeof said['passed'] !== 'boolean' || typeof said['action'] !== 'string' || typeof said['id'] !== 'string') throw unreadable()
  return { score: null, category: null, reason: null, spans: [], latencyMs: null, results: [], ...said } as unknown as Evaluation
}

function errorOf(said: unknown, status: number, retryAfterMs: number | undefined): GuardError {
  if (!isRecord(said) || typeof said['code'] !== 'string') return unreadable(status)
  const { code, message, id, retry } = said
  return new GuardError(code, typeof message === 'string' ? message : code, { status, retry: retry === true, ...(typeof id === 'string' && { id }), ...(retryAfterMs !== undefined && { retryAfterMs }) })
}

function unreadable(status = 200): GuardError {
  return new GuardError('unreadable', 'What answered is not a Sallyport, or not one that this client understands.', { status })
}
