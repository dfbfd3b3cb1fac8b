import { refuse, Refused } from '../../../contract/verdict.ts'
import { writeJson } from '../../../formats/json.ts'
import { isObject, object, type Tree, type TreeObject } from '../../../formats/tree.ts'
import { malformed } from './introduce.ts'
import type { AskOptions, Link } from './link.ts'
import { printed, type Printed } from '../pins/hash.ts'
import { argumentSchema, type ArgumentSchema } from '../schema.ts'

/** What a server lists. */
export type Kind = 'tools' | 'prompts' | 'resources' | 'templates'

/** One thing as its server describes it: `name` is what requests name it by. */
export interface Item {
  readonly kind: Kind
  readonly name: string
  readonly definition: TreeObject
  /** What it is pinned by. */
  readonly print: Printed
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
/** Characters of one definition, and of all: they are kept, so that changes can be shown. */
const LONGEST = 262_144
const LONGEST_ALL = 8_388_608

/** Something that was listed and cannot be used, by the name that it gives itself. */
export interface Unusable {
  readonly name: string
  readonly why: string
}

/** The member of an answer that holds the list. */
export function memberOf(kind: Kind): string {
  return listings[kind].member
}

/**
 * All that a server lists of one kind, from all pages. What has no usable name (or a tool no schema), and the second of
 * two of one name, is left out: nobody could decide about it. `unusable` hears of it.
 * @throws {Refused}
 */
export async function listItems(link: Link, kind: Kind, options: AskOptions, unusable?: (one: Unusable) => void): Promise<readonly Item[]> {
  const { method, member } = listings[kind]
  const items = new Map<string, Item>()
  const cursors = new Set<string>()
  let params: TreeObject = new Map()
  let length = 0
  // All pages together take no longer than one answer may.
  const late = AbortSignal.timeout(options.timeoutMs)
  const signal = AbortSignal.any([options.signal, late])
  for (let page = 0; page < MOST_PAGES; page++) {
    const answer = await link.request(method, params, { ...options, signal }).catch((error: unknown) => {
      throw late.aborted && !options.signal.aborted ? new Refused(refuse('upstream_timeout', { say: 'The server did not answer in time.', detail: method })) : error
    })
    if ('error' in answer) throw malformed(`${method}: error ${answer.error.code}`)
    const listed = answer.result.get(member)
    if (!Array.isArray(listed)) throw malformed(`${method}: no ${member}`)
    for (const one of listed) {
      const item = itemOf(kind, one)
      // What nobody can use was read all the same.
      length += typeof item === 'string' ? writeJson(one).length : item.print.text.length
      if (length > LONGEST_ALL) throw malformed(`${method}: definitions of more than ${LONGEST_ALL} characters`)
      if (typeof item === 'string' || items.has(item.name)) {
        unusable?.({ name: nameIn(kind, one), why: typeof item === 'string' ? item : 'another of this name is listed' })
        continue
      }
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

function nameIn(kind: Kind, listed: Tree): string {
  const name = isObject(listed) ? listed.get(listings[kind].name) : undefined
  return typeof name === 'string' ? name.slice(0, 256) : ''
}

/** @returns why it is none, where it is none. */
function itemOf(kind: Kind, listed: Tree): Item | string {
  if (!isObject(listed)) return 'it is no object'
  const { name: key, form } = listings[kind]
  const [name, inputSchema] = [listed.get(key), listed.get('inputSchema')]
  if (typeof name !== 'string') return `it has no ${key}`
  if (!form.test(name)) return `its ${key} is empty, too long, or not in visible ASCII`
  if (kind === 'tools' && !isObject(inputSchema)) return 'it has no inputSchema'
  const definition = new Map(listed)
  // Of the exchange that listed it, not of the item.
  definition.delete('_meta')
  const print = printOf(kind, name, definition)
  if (print === undefined) return 'its definition is too large, or too deep'
  let schema: ArgumentSchema | undefined
  return { kind, name, definition, print, schema: () => (schema ??= argumentSchema(isObject(inputSchema) ? inputSchema : new Map())) }
}

function printOf(kind: Kind, name: string, definition: TreeObject): Printed | undefined {
  try {
    const print = printed(kind, name, definition)
    return print.text.length > LONGEST ? undefined : print
  } catch (error) {
    if (error instanceof TypeError) return undefined
    throw error
  }
}
