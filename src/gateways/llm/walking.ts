import type { Effect, Subordinate } from '../../contract/exchange.ts'
import type { Origin, Segment } from '../../contract/segment.ts'
import { Refused, refuse } from '../../contract/verdict.ts'
import { isNumber, type Tree, type TreeObject } from '../../formats/tree.ts'
import type { MediaField, UrlField } from './fields.ts'

/** What a walk knows so far: where it is, and what it found. */
export interface Walking {
  readonly path: (string | number)[]
  group: string
  readonly allowed: readonly string[]
  readonly segments: Segment[]
  readonly effects: Set<Effect>
  readonly subordinates: Subordinate[]
  readonly parameters: Record<string, string | number | boolean>
  readonly names: Map<string, string[]>
  mediaBytes: number
  mediaParts: number
}

/** Names and ids as providers make them: only these become facts. Everything else could be a message to the model. */
export const named = /^[!-~]{0,128}$/
/** Too short for a credential, whose shortest kind has 20 characters. Longer names are inspected like any text. */
export const plain = /^[!-~]{0,19}$/
export const sealed = /^(?:(?:openai|anthropic|gemini):~?)?[A-Za-z0-9+/_-]*={0,2}$/
/** A MIME type, or the name of a file whose type nobody says. */
const textual = /^(?:text\/|application\/(?:json|xml|xhtml|javascript|x-javascript|x-python|yaml|x-yaml|csv|rtf|x-ndjson))|\.(?:txt|md|csv|tsv|json|jsonl|html?|xml|ya?ml|log|py|js|ts|sh|sql)$/i

export function visitUrl(w: Walking, field: UrlField, text: string): void {
  count(w, field)
  if (/^data:/i.test(text)) {
    visitDataUrl(w, text)
    return
  }
  inspect(w, field.origin ?? 'body', text)
  if (field.held?.(text) === true) {
    w.effects.add('provider_state')
    subordinate(w, 'llm.provider_state', 'State', withoutIndexes(w.path), ['provider_state'], { kind: 'provider' })
    return
  }
  const parsed = URL.parse(text)
  if (parsed === null || (parsed.protocol !== 'https:' && parsed.protocol !== 'http:')) throw malformed(w, 'an http, https or data URL')
  w.effects.add('url_fetch')
  subordinate(w, 'llm.fetch_url', 'Host', parsed.hostname, ['url_fetch'], { scheme: parsed.protocol.slice(0, -1), port: Number(parsed.port) || (parsed.protocol === 'https:' ? 443 : 80), path: parsed.pathname }, text)
}

/** `beside` is what a sibling says of it: a file's name counts where the type says nothing. */
export function visitDataUrl(w: Walking, text: string, beside?: string): void {
  const comma = text.indexOf(',')
  if (comma < 0) throw malformed(w, 'a data URL with a comma')
  const head = text.slice(5, comma)
  const declared = head.split(';', 1)[0] as string
  // RFC 2397: without a type it is text.
  const mime = declared === '' ? 'text/plain' : beside !== undefined && !textual.test(declared) ? beside : declared
  if (/;base64$/i.test(head)) {
    visitMedia(w, text.slice(comma + 1), mime)
    return
  }
  w.mediaParts++
  w.mediaBytes += text.length - comma - 1
  inspectInside(w, percentDecoded(text.slice(comma + 1)))
}

export function visitMedia(w: Walking, base64: string, mime: string | undefined): void {
  w.mediaParts++
  w.mediaBytes += Math.floor((base64.length * 3) / 4)
  if (mime !== undefined && textual.test(mime)) inspectInside(w, Buffer.from(base64, 'base64').toString('utf8'))
}

export function inspect(w: Walking, origin: Origin, text: string): void {
  if (text !== '') w.segments.push({ origin, text, path: w.path.slice(), group: w.group })
}

/** Text that stands encoded inside a string: it can be denied but not edited, hence the path that leads nowhere. */
function inspectInside(w: Walking, text: string): void {
  if (text !== '') w.segments.push({ origin: 'document', text, path: [...w.path, 0], group: w.group })
}

export function inspectKey(w: Walking, origin: Origin, key: string, place: number): void {
  if (!plain.test(key)) w.segments.push({ origin, text: key, path: [...w.path, place], group: w.group })
}

export function collect(w: Walking, name: string, value: string): void {
  const known = w.names.get(name)
  if (known === undefined) w.names.set(name, [value])
  else known.push(value)
}

export function subordinate(w: Walking, action: Subordinate['action'], type: string, id: string, effects: readonly Effect[], attributes: Subordinate['resource']['attributes'], whole?: string): void {
  w.subordinates.push({ action, resource: { type, id, attributes: { ...attributes, field: dotted(w) } }, effects, ...(whole !== undefined && { whole }) })
}

export function count(w: Walking, { counts }: UrlField | MediaField): void {
  if (counts !== undefined) w.parameters[counts] = ((w.parameters[counts] as number | undefined) ?? 0) + 1
}

export function mimeBeside(parent: TreeObject | undefined, names: readonly string[] | undefined): string | undefined {
  if (parent === undefined || names === undefined) return undefined
  for (const name of names) {
    const value = parent.get(name)
    if (typeof value === 'string') return value
  }
  return undefined
}

function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** Longest path that a refusal repeats: keys are the caller's and may be of any length. */
const SHOWN = 200

export function dotted(w: Walking): string {
  return w.path.join('.').slice(0, SHOWN)
}

export function withoutIndexes(path: readonly (string | number)[]): string {
  return path.filter((step) => typeof step === 'string').join('.')
}

export function wrong(w: Walking, expected: string, value: Tree): Refused {
  return malformed(w, `${expected}, not ${nameOf(value)}`)
}

export function malformed(w: Walking, expected: string): Refused {
  const param = dotted(w)
  return new Refused(refuse('bad_request', { param, say: `The request is malformed: ${param} must be ${expected}.` }))
}

function nameOf(value: Tree): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  if (value instanceof Map) return 'an object'
  return isNumber(value) ? 'a number' : typeof value === 'boolean' ? 'true or false' : 'a string'
}
