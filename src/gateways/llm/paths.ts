import type { DialectId } from './conversation.ts'

/** What a path asks for. `family` picks the error shape, also where nothing is at the path. */
export type Operation =
  | { readonly kind: 'generate'; readonly family: Family; readonly dialect: DialectId; readonly fromPath?: { readonly model: string; readonly stream: boolean }; readonly framing: 'sse' | 'array' }
  | { readonly kind: 'embed' | 'count' | 'models'; readonly family: Family }
  | { readonly kind: 'model'; readonly family: Family; readonly model: string }
  | { readonly kind: 'unknown'; readonly family: Family; readonly rest: string }

export type Family = 'openai' | 'anthropic' | 'gemini'

export interface Pathed {
  readonly operation: Operation
  readonly verb: 'GET' | 'POST'
}

/**
 * Reads the target of a request. Paths are matched as they came, undecoded: an encoded slash or dot is simply not
 * one of ours. Returns undefined where no provider prefix matches at all.
 */
export function readPath(target: string): Pathed | undefined {
  const mark = target.indexOf('?')
  const path = mark < 0 ? target : target.slice(0, mark)
  const query = mark < 0 ? '' : target.slice(mark + 1)
  if (path.startsWith('/v1/')) return openai(path.slice(4))
  if (path.startsWith('/openai/v1/')) return openai(path.slice(11))
  if (path.startsWith('/anthropic/')) return anthropic(path.slice(11))
  if (path.startsWith('/gemini/')) return gemini(path.slice(8), query)
  return undefined
}

function openai(rest: string): Pathed {
  const family = 'openai'
  if (rest === 'chat/completions') return post({ kind: 'generate', family, dialect: 'openai.chat', framing: 'sse' })
  if (rest === 'responses') return post({ kind: 'generate', family, dialect: 'openai.responses', framing: 'sse' })
  if (rest === 'embeddings') return post({ kind: 'embed', family })
  return models(family, rest)
}

function anthropic(rest: string): Pathed {
  const family = 'anthropic'
  if (rest === 'v1/messages') return post({ kind: 'generate', family, dialect: 'anthropic.messages', framing: 'sse' })
  if (rest === 'v1/messages/count_tokens') return post({ kind: 'count', family })
  return rest.startsWith('v1/') ? models(family, rest.slice(3)) : { verb: 'POST', operation: { kind: 'unknown', family, rest } }
}

const geminiCall = /^v1(?:beta)?\/models\/([A-Za-z0-9._~@-]{1,128}):(generateContent|streamGenerateContent)$/

function gemini(rest: string, query: string): Pathed {
  const family = 'gemini'
  const call = geminiCall.exec(rest)
  if (call !== null) {
    const stream = call[2] === 'streamGenerateContent'
    const framing = stream && !query.split('&').includes('alt=sse') ? 'array' : 'sse'
    return post({ kind: 'generate', family, dialect: 'gemini.generate', fromPath: { model: call[1] as string, stream }, framing })
  }
  const version = rest.startsWith('v1beta/') ? 7 : rest.startsWith('v1/') ? 3 : 0
  return version > 0 ? models(family, rest.slice(version)) : { verb: 'POST', operation: { kind: 'unknown', family, rest } }
}

function models(family: Family, rest: string): Pathed {
  if (rest === 'models') return { verb: 'GET', operation: { kind: 'models', family } }
  const one = /^models\/([A-Za-z0-9._~@/-]{1,128})$/.exec(rest)
  if (one !== null) return { verb: 'GET', operation: { kind: 'model', family, model: one[1] as string } }
  return { verb: 'POST', operation: { kind: 'unknown', family, rest } }
}

function post(operation: Operation): Pathed {
  return { verb: 'POST', operation }
}
