import { isObject, stringOf, type Tree, type TreeObject } from '../../../formats/tree.ts'
import type { Conversation, Message, Part } from '../conversation.ts'
import { leafText } from '../leaves.ts'
import { HINTS } from './hints.ts'
import { decodeSettings, decodeTools, type Spare } from './settings.ts'
import { camel, get } from './names.ts'
import { decodeAnswerPart, inlineSource, mediaPart } from './reply.ts'

type Only = Conversation['only'][number]

const SHARED = new Set(['model', 'contents', 'systemInstruction', 'tools', 'toolConfig', 'generationConfig'])

/** Reads a surveyed request into the neutral form. */
export function decode(tree: TreeObject, fromPath?: { readonly model: string; readonly stream: boolean }): Conversation {
  const only: Only[] = []
  const spare: Spare = (field, value) => only.push({ dialect: 'gemini.generate', field, value })
  for (const [field, value] of tree) if (!SHARED.has(camel(field)) && !Object.hasOwn(HINTS, camel(field)) && !isEmpty(value)) spare(field, value)
  const calls = new Calls()
  const instruction = get(tree, 'systemInstruction')
  const contents = tree.get('contents')
  return {
    model: fromPath?.model ?? stringOf(tree.get('model'))?.replace(/^models\//, '') ?? '',
    system: isObject(instruction) ? partsOf(instruction, 'user', 'systemInstruction', calls, spare) : [],
    messages: (Array.isArray(contents) ? contents.filter(isObject) : []).map((content, index): Message => {
      const role = content.get('role') === 'model' ? 'assistant' : 'user'
      return { role, parts: partsOf(content, role, `contents.${index}`, calls, spare) }
    }),
    ...decodeTools(tree, spare),
    ...decodeSettings(tree, spare),
    stream: fromPath?.stream ?? false,
    includeUsage: true,
    only,
  }
}

function isEmpty(value: Tree): boolean {
  return value === null || value === false || (Array.isArray(value) && value.length === 0) || (isObject(value) && value.size === 0)
}

/** Pairs calls and results: Google needs no ids, everybody else does. Results without one answer the oldest open call of their name. */
class Calls {
  private readonly open: { readonly id: string; readonly name: string }[] = []
  private made = 0

  call(id: string | undefined, name: string): string {
    const own = id ?? `call_${this.made++}`
    this.open.push({ id: own, name })
    return own
  }

  result(id: string | undefined, name: string): string {
    const place = this.open.findIndex((call) => (id === undefined ? call.name === name : call.id === id))
    const found = place < 0 ? undefined : this.open.splice(place, 1)[0]
    return id ?? found?.id ?? `call_${this.made++}`
  }
}

const KNOWN_PART = new Set(['text', 'thought', 'thoughtSignature', 'inlineData', 'fileData', 'functionCall', 'functionResponse', 'mediaResolution'])

function partsOf(content: TreeObject, role: 'user' | 'assistant', path: string, calls: Calls, spare: Spare): Part[] {
  const list = content.get('parts')
  const made: Part[] = []
  ;(Array.isArray(list) ? list : []).forEach((part, index) => {
    if (!isObject(part)) return
    const here = `${path}.parts.${index}`
    for (const [field, value] of part) if (!KNOWN_PART.has(camel(field)) && value !== null) spare(`${here}.${field}`, value)
    made.push(...decodePart(part, role, here, calls, spare))
  })
  return made
}

function decodePart(part: TreeObject, role: 'user' | 'assistant', path: string, calls: Calls, spare: Spare): Part[] {
  const response = get(part, 'functionResponse')
  if (isObject(response)) return [decodeResult(response, path, calls, spare)]
  const call = get(part, 'functionCall')
  if (isObject(call)) {
    const id = calls.call(stringOf(call.get('id')), stringOf(call.get('name')) ?? '')
    return decodeAnswerPart(part, () => id)
  }
  const resolution = get(part, 'mediaResolution')
  const detail = isObject(resolution) ? detailOf(resolution, `${path}.mediaResolution`, spare) : {}
  const data = get(part, 'inlineData')
  if (isObject(data)) return [withName({ ...mediaPart(inlineSource(data)), ...detail }, data)]
  const file = get(part, 'fileData')
  if (isObject(file)) {
    const mime = stringOf(get(file, 'mimeType'))
    const url = stringOf(get(file, 'fileUri')) ?? ''
    const held = !/^https?:/i.test(url) || URL.parse(url)?.hostname.endsWith('generativelanguage.googleapis.com') === true
    const place = mime === undefined ? {} : { mime }
    const source = held ? ({ from: 'provider', id: url, ...place } as const) : ({ from: 'url', url, ...place } as const)
    return [withName({ ...mediaPart(source), ...detail }, file)]
  }
  const text = stringOf(part.get('text'))
  if (text === undefined) return []
  return role === 'user' ? [{ kind: 'text', text }] : decodeAnswerPart(part, () => '')
}

function withName(part: Part, holder: TreeObject): Part {
  const name = stringOf(get(holder, 'displayName'))
  return name !== undefined && part.kind === 'file' ? { ...part, name } : part
}

function detailOf(resolution: TreeObject, path: string, spare: Spare): { readonly detail?: string } {
  const level = resolution.get('level')
  if (level === 'MEDIA_RESOLUTION_LOW') return { detail: 'low' }
  if (level === 'MEDIA_RESOLUTION_HIGH') return { detail: 'high' }
  spare(path, resolution)
  return {}
}

/** `{output: text}` and `{error: text}` are Google's own convention; any other object is its JSON text. */
function decodeResult(response: TreeObject, path: string, calls: Calls, spare: Spare): Part {
  const name = stringOf(response.get('name')) ?? ''
  const id = calls.result(stringOf(response.get('id')), name)
  for (const field of ['scheduling', 'willContinue']) {
    const value = get(response, field)
    if (value !== undefined && value !== null && value !== false) spare(`${path}.functionResponse.${field}`, value)
  }
  const value = response.get('response')
  const parts: Part[] = []
  let failed = false
  if (isObject(value)) {
    const only = value.size === 1
    const error = only ? value.get('error') : undefined
    const output = only ? (value.get('output') ?? value.get('result')) : undefined
    failed = error !== undefined
    parts.push({ kind: 'text', text: leafText(typeof error === 'string' ? error : typeof output === 'string' ? output : value) })
  }
  const media = response.get('parts')
  for (const item of Array.isArray(media) ? media.filter(isObject) : []) parts.push(...decodePart(item, 'user', path, calls, spare))
  return { kind: 'result', id, name, parts, ...(failed ? { failed } : {}) }
}
