import type { Leaf, ReplyEvent, Unread } from '../../../contract/reply.ts'
import type { Origin, Path } from '../../../contract/segment.ts'
import { Refused, refuse } from '../../../contract/verdict.ts'
import { at, isNumber, isObject, Lexeme, withAt, type Tree, type TreeObject } from '../../../formats/tree.ts'

/** An answer of a server on its way to the caller, with every text in it as a leaf. */
export interface TreeEvent extends ReplyEvent {
  readonly tree: TreeObject
}

/** One text of an answer, and how another one is put in its place. */
interface Place {
  readonly leaf: Leaf
  readonly put: (tree: TreeObject, text: string) => TreeObject
}

/** Names that MCP itself gives fields: they say nothing that their server chose. */
const NAMES: ReadonlySet<string> = new Set([
  'result', 'error', 'content', 'structuredContent', 'isError', 'type', 'text', 'data', 'mimeType', 'resource', 'uri', 'blob', 'name', 'title', 'description', 'annotations', 'audience', 'priority', 'lastModified', 'size', '_meta', 'icons', 'src', 'sizes', 'theme',
  'tools', 'inputSchema', 'outputSchema', 'readOnlyHint', 'destructiveHint', 'idempotentHint', 'openWorldHint', 'execution', 'taskSupport', '$schema', 'properties', 'required', 'additionalProperties', 'items', 'enum', 'const', 'default', 'anyOf', 'oneOf', 'allOf', 'minimum', 'maximum', 'minLength', 'maxLength', 'pattern', 'format',
  'prompts', 'arguments', 'resources', 'resourceTemplates', 'uriTemplate', 'contents', 'messages', 'role', 'completion', 'values', 'total', 'hasMore', 'listChanged', 'subscribe', 'taskId', 'status', 'statusMessage', 'createdAt', 'lastUpdatedAt', 'pollIntervalMs', 'inputRequests', 'method', 'params', 'ttlMs', 'cacheScope',
  'code', 'message', 'instructions', 'serverInfo', 'version', 'websiteUrl', 'protocolVersion', 'capabilities', 'resultType',
])
const MOST_LEAVES = 20_000
/** Parts without text that are told of one by one. */
const MOST_UNREAD = 100
/** Shorter numbers identify nobody. */
const LONG_NUMBER = 9
/** How much of two neighbouring texts is looked at as one. */
const SEAM = 320
/** Where parts stand that are read one after the other: of tools, of tasks, of resources, of prompts. */
const CONTENTS = [['result', 'content'], ['result', 'result', 'content'], ['result', 'contents'], ['result', 'messages']]
const TEXTUAL = /^(?:text\/|application\/(?:json|xml|yaml|javascript|x-ndjson)\b)|\+(?:json|xml)\b/i

/**
 * An answer with its texts as leaves: strings, long numbers, names of fields that the server chose, text inside base64, and
 * what neighbouring parts come to when they are read as one. Pictures and sounds are no text.
 */
export function treeEvent(tree: TreeObject, origin: Origin): TreeEvent {
  const { places, unread } = placesOf(tree, origin)
  const event: TreeEvent = {
    kind: 'end',
    ...(unread.length > 0 && { unread }),
    leaves: places.map(({ leaf }) => leaf),
    closes: [],
    opensCall: false,
    proposals: [],
    rewrite(texts) {
      let changed = tree
      for (const [index, { leaf, put }] of places.entries()) {
        const text = texts[index]
        if (text !== undefined && text !== leaf.text) changed = put(changed, text)
      }
      return changed === tree ? event : treeEvent(changed, origin)
    },
    drop: () => event,
    tree,
  }
  return event
}

function placesOf(tree: TreeObject, origin: Origin): { readonly places: readonly Place[]; readonly unread: readonly Unread[] } {
  const places: Place[] = []
  const unread: Unread[] = []
  const names = new Set<string>()
  const add = (channel: string, text: string, put: Place['put']): void => {
    if (text === '') return
    if (places.length >= MOST_LEAVES) throw new Refused(refuse('upstream_too_large', { say: 'The server\'s answer has more parts than this gateway accepts.', detail: `more than ${MOST_LEAVES} texts` }))
    places.push({ leaf: { channel, origin, text, whole: true }, put })
  }
  const visit = (value: Tree, path: Path, binary: boolean): void => {
    const channel = path.join('/')
    if (typeof value === 'string') {
      if (!binary) add(channel, value, (whole, text) => withAt(whole, path, text) as TreeObject)
    } else if (isNumber(value)) {
      const text = value instanceof Lexeme ? value.text : String(value)
      if (text.length >= LONG_NUMBER) add(channel, text, (whole, put) => withAt(whole, path, put) as TreeObject)
    } else if (Array.isArray(value)) value.forEach((item, index) => visit(item, [...path, index], false))
    else if (isObject(value)) {
      const text = blobText(value)
      const kind = text === undefined ? unreadKind(value) : undefined
      if (kind !== undefined && unread.length < MOST_UNREAD) unread.push({ channel, origin, kind })
      if (text !== undefined) add(`${channel}/blob`, text, (whole, put) => withAt(whole, [...path, 'blob'], Buffer.from(put).toString('base64')) as TreeObject)
      for (const [key, item] of value) {
        if (!NAMES.has(key)) names.add(key)
        visit(item, [...path, key], isBinary(value, key))
      }
    }
  }
  visit(tree, [], false)
  if (names.size > 0) add('names', [...names].join('\n'), unchangeable)
  seams(tree, add)
  return { places, unread }
}

/** A name, or what stands in two parts at once, has no place where something else could be put. */
const unchangeable: Place['put'] = () => {
  throw new Refused(refuse('answer_refused', { detail: 'something to take out of the name of a field, or of two parts at once' }))
}

function isBinary(part: TreeObject, key: string): boolean {
  if (key === 'blob') return part.has('uri')
  return key === 'data' && (part.get('type') === 'image' || part.get('type') === 'audio')
}

/** Of a part that is no text. */
function unreadKind(part: TreeObject): Unread['kind'] | undefined {
  const type = part.get('type')
  if ((type === 'image' || type === 'audio') && typeof part.get('data') === 'string') return type
  return typeof part.get('blob') === 'string' && part.has('uri') ? 'bytes' : undefined
}

/** What a blob says, where it is text. */
function blobText(part: TreeObject): string | undefined {
  const [blob, mime] = [part.get('blob'), part.get('mimeType')]
  if (typeof blob !== 'string' || !part.has('uri')) return undefined
  const bytes = Buffer.from(blob, 'base64')
  const text = bytes.toString('utf8')
  return (typeof mime === 'string' && TEXTUAL.test(mime)) || (text.isWellFormed() && !text.includes('\ufffd') && !text.includes('\0')) ? text : undefined
}

/** A sentence that was cut in two between parts says what it says to whoever reads both. */
function seams(tree: TreeObject, add: (channel: string, text: string, put: Place['put']) => void): void {
  for (const path of CONTENTS) {
    const content = at(tree, path)
    if (!Array.isArray(content)) continue
    let before: string | undefined
    for (const [index, part] of content.entries()) {
      const text = saidBy(part)
      if (text === undefined || text === '') continue
      if (before !== undefined) {
        const [left, right] = [before.slice(-SEAM), text.slice(0, SEAM)]
        // Where one of the two was changed, what was found stood in it alone.
        add(`seam/${index}`, `${left} ${right}`, (changed, put) => (unchangedAround(content, at(changed, path), index) ? unchangeable(changed, put) : changed))
      }
      before = text
    }
  }
}

/** Text of a part, or of a message's only one. */
function saidBy(part: Tree): string | undefined {
  if (!isObject(part)) return undefined
  const [text, content] = [part.get('text'), part.get('content')]
  if (typeof text === 'string') return text
  return isObject(content) ? saidBy(content) : undefined
}

function unchangedAround(old: readonly Tree[], now: Tree | undefined, index: number): boolean {
  return Array.isArray(now) && old.slice(0, index + 1).every((part, place) => part === now[place])
}
