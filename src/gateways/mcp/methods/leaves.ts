import type { Leaf, ReplyEvent, Unread } from '../../../contract/reply.ts'
import type { Origin, Path } from '../../../contract/segment.ts'
import { Refused, refuse } from '../../../contract/verdict.ts'
import { isNumber, isObject, Lexeme, withAt, type Tree, type TreeObject } from '../../../formats/tree.ts'
import { isBase64, textInside } from './bytes.ts'
import { Runs } from './runs.ts'

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
/** Of one answer of one server. */
export const MOST_LEAVES = 20_000
/** Parts without text that are told of one by one. */
const MOST_UNREAD = 100
/** Shorter numbers identify nobody. */
const LONG_NUMBER = 9
/** Words of the protocol, between which texts stand that are read as one. */
const SILENT: ReadonlySet<string> = new Set(['type', 'mimeType', 'role', 'uri', 'audience', 'lastModified', 'createdAt', 'lastUpdatedAt', 'status', 'taskId', 'resultType'])
/** Each item of these was looked at by itself, and nobody reads two as one. */
const LISTS: ReadonlySet<string> = new Set(['tools', 'prompts', 'resources', 'resourceTemplates'])
const TEXTUAL = /^(?:text\/|application\/(?:json|xml|yaml|javascript|x-ndjson)\b)|\+(?:json|xml)\b/i

/**
 * An answer with its texts as leaves: strings, long numbers, names of fields that the server chose, text inside base64, and
 * what texts come to that are read one after the other. Pictures and sounds are no text, unless what they hold is.
 */
export function treeEvent(tree: TreeObject, origin: Origin, most = MOST_LEAVES): TreeEvent {
  const { places, unread } = placesOf(tree, origin, most)
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
      return changed === tree ? event : treeEvent(changed, origin, most)
    },
    drop: () => event,
    tree,
  }
  return event
}

function placesOf(tree: TreeObject, origin: Origin, most: number): { readonly places: readonly Place[]; readonly unread: readonly Unread[] } {
  const places: Place[] = []
  const unread: Unread[] = []
  const names = new Set<string>()
  const add = (channel: string, text: string, put: Place['put']): void => {
    if (text === '') return
    if (places.length >= most) throw new Refused(refuse('upstream_too_large', { say: 'The server\'s answer has more parts than this gateway accepts.', detail: `more than ${most} texts` }))
    places.push({ leaf: { channel, origin, text, whole: true }, put })
  }
  const runs = new Runs()
  const named = new Runs()
  const say = (text: string, path: Path, key: string | number | undefined): void => {
    if (!SILENT.has(key as string) || /\s/.test(text)) runs.add(text, path, key === 'text')
  }
  const visitText = (value: string, path: Path): void => {
    add(path.join('/'), value, (whole, text) => withAt(whole, path, text) as TreeObject)
    say(value, path, path.at(-1))
  }
  /** `kind`: what it is where it is no text, as its part calls it. */
  const visitBytes = (value: string, path: Path, kind: Unread['kind'], told: boolean): void => {
    if (!isBase64(value)) return visitText(value, path)
    const channel = path.join('/')
    const inside = textInside(value, told)
    if (inside === undefined) {
      if (unread.length < MOST_UNREAD) unread.push({ channel: path.slice(0, -1).join('/'), origin, kind })
      return
    }
    add(channel, inside.text, (whole, text) => withAt(whole, path, inside.write(text)) as TreeObject)
    // Its place holds base64, so that a text which was taken out of it shows as a change of all of it.
    runs.add(inside.text, undefined, true)
  }
  const visit = (value: Tree, path: Path): void => {
    if (typeof value === 'string') visitText(value, path)
    else if (isNumber(value)) {
      const text = value instanceof Lexeme ? value.text : String(value)
      if (text.length >= LONG_NUMBER) add(path.join('/'), text, (whole, put) => withAt(whole, path, put) as TreeObject)
    } else if (Array.isArray(value)) {
      const apart = LISTS.has(path.at(-1) as string)
      for (const [index, item] of value.entries()) {
        if (apart) rest()
        visit(item, [...path, index])
      }
      if (apart) rest()
    } else if (isObject(value)) {
      const mime = value.get('mimeType')
      const type = value.get('type')
      for (const [key, item] of value) {
        if (!NAMES.has(key)) {
          names.add(key)
          // A name that is no word of a program's may be half of a sentence.
          if (typeof item === 'string' && /\s/.test(key)) {
            named.rest()
            named.add(key, undefined, true)
            named.add(item, [...path, key], true)
          }
        }
        const own = [...path, key]
        if (typeof item === 'string' && key === 'blob') visitBytes(item, own, 'bytes', typeof mime === 'string' && TEXTUAL.test(mime))
        else if (typeof item === 'string' && key === 'data' && (type === 'image' || type === 'audio')) visitBytes(item, own, type, false)
        else visit(item, own)
      }
    }
  }
  /** What follows is not read with what came before. */
  const rest = (): void => {
    if (names.size > 0) add('names', [...names].join(' '), unchangeable)
    names.clear()
    runs.rest()
    named.rest()
  }
  visit(tree, [])
  rest()
  for (const [index, run] of [...runs.all(), ...named.all()].entries()) add(`seam/${index}`, run.text, (changed, put) => (run.crosses(tree, changed, put) ? unchangeable(changed, put) : changed))
  return { places, unread }
}

/** A name, or what stands in two texts at once, has no place where something else could be put. */
const unchangeable: Place['put'] = () => {
  throw new Refused(refuse('answer_refused', { detail: 'something to take out of the name of a field, or of two texts at once' }))
}
