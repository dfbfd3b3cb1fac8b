import { isObject, object, type Tree, type TreeObject } from '../../formats/tree.ts'
import { malformed } from './introduce.ts'
import type { AskOptions, Link } from './link.ts'
import { argumentSchema, type ArgumentSchema } from './schema.ts'

/** What a server lists. */
export type Kind = 'tools' | 'prompts' | 'resources' | 'templates'

/** One thing as its server describes it: `name` is what requests name it by. */
export interface Item {
  readonly kind: Kind
  readonly name: string
  readonly definition: TreeObject
  /** Of a tool: what its arguments must be; read when it is first called. */
  schema(): ArgumentSchema
}

interface Listing {
  readonly method: string
  /** Where the answer has the list, and an item its name. */
  readonly member: string
  readonly name: string
  readonly form: RegExp
}

/** Visible ASCII: what looks alike is the same, and no name writes over another. */
const NAME = /^[\x21-\x7e]{1,128}$/
const URI = /^[\x21-\x7e]{1,2048}$/

const listings: Readonly<Record<Kind, Listing>> = {
  tools: { method: 'tools/list', member: 'tools', name: 'name', form: NAME },
  prompts: { method: 'prompts/list', member: 'prompts', name: 'name', form: NAME },
  resources: { method: 'resources/list', member: 'resources', name: 'uri', form: URI },
  templates: { method: 'resources/templates/list', member: 'resourceTemplates', name: 'uriTemplate', form: URI },
}

const MOST_ITEMS = 1_000
const MOST_PAGES = 100

/** The member of an answer that holds the list. */
export function memberOf(kind: Kind): string {
  return listings[kind].member
}

/**
 * All that a server lists of one kind, from all pages. What has no usable name (or a tool no schema), and the second of
 * two of one name, is left out: nobody could decide about it.
 * @throws {Refused}
 */
export async function listItems(link: Link, kind: Kind, options: AskOptions): Promise<readonly Item[]> {
  const { method, member } = listings[kind]
  const items = new Map<string, Item>()
  const cursors = new Set<string>()
  let params: TreeObject = new Map()
  for (let page = 0; page < MOST_PAGES; page++) {
    const answer = await link.request(method, params, options)
    if ('error' in answer) throw malformed(`${method}: error ${answer.error.code}`)
    const listed = answer.result.get(member)
    if (!Array.isArray(listed)) throw malformed(`${method}: no ${member}`)
    for (const one of listed) {
      const item = itemOf(kind, one)
      if (item === undefined || items.has(item.name)) continue
      if (items.size >= MOST_ITEMS) throw malformed(`${method}: more than ${MOST_ITEMS}`)
      items.set(item.name, item)
    }
    const next = answer.result.get('nextCursor')
    if (next === undefined || next === null) return [...items.values()]
    if (typeof next !== 'string' || cursors.has(next)) throw malformed(`${method}: a cursor that leads nowhere`)
    cursors.add(next)
    params = object({ cursor: next })
  }
  throw malformed(`${method}: more than ${MOST_PAGES} pages`)
}

function itemOf(kind: Kind, listed: Tree): Item | undefined {
  if (!isObject(listed)) return undefined
  const { name: key, form } = listings[kind]
  const [name, inputSchema] = [listed.get(key), listed.get('inputSchema')]
  if (typeof name !== 'string' || !form.test(name) || (kind === 'tools' && !isObject(inputSchema))) return undefined
  const definition = new Map(listed)
  // Of the exchange that listed it, not of the item.
  definition.delete('_meta')
  let schema: ArgumentSchema | undefined
  return { kind, name, definition, schema: () => (schema ??= argumentSchema(isObject(inputSchema) ? inputSchema : new Map())) }
}
