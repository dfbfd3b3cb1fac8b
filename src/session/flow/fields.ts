import { JsonError, parseJson } from '../../formats/json.ts'
import { isObject, type Tree, type TreeObject } from '../../formats/tree.ts'
import { shapeOf, type Value } from './values.ts'

/** A value that is the whole of a field, by the name of the field and its dotted path. */
export interface Field {
  readonly name: string
  readonly path: string
  readonly text: string
}

const DEEPEST = 64
const MOST_FIELDS = 50_000
/** A structure that is larger is prose as a whole. */
const LONGEST = 8 * 1024 * 1024

/** The text of a tool's result taken apart: values that fill a field of a structure, and the rest, which can say anything. */
export interface Parts {
  readonly fields: readonly Field[]
  readonly prose: string
  /** Ids of records beside the names that the same record gives. */
  readonly named: readonly { readonly id: string; readonly name: string }[]
}

/** More than a word: what a field is called can say something too. */
const SAYS = /\s/
const ID_FIELD = /^(?:id|uid|uuid|key|handle|slug|user_?name|.*(?:_id|Id|ID))$/
const NAME_FIELD = /^(?:name|real_?name|full_?name|display_?name|title|label|handle|user_?name|nick_?name)$/i

/**
 * Reads JSON, and plain `name: value` lines at the indentation where the text begins. Only what surely is a field is
 * one: whoever writes a field's text cannot make a second field of it in JSON, and lines that stand deeper are prose.
 */
export function partsOf(text: string): Parts {
  const start = text.trimStart().charAt(0)
  if ((start === '{' || start === '[') && text.length <= LONGEST) {
    try {
      return fromTree(parseJson(text.trim(), { depth: DEEPEST, nodes: 500_000 }))
    } catch (error) {
      if (!(error instanceof JsonError)) throw error
    }
  }
  return text.length <= LONGEST ? fromLines(text) : { fields: [], prose: text, named: [] }
}

function fromTree(tree: Tree): Parts {
  const fields: Field[] = []
  const prose: string[] = []
  const named: { id: string; name: string }[] = []
  const take = (path: string, name: string, value: Tree): void => {
    if (isObject(value)) named.push(...namesOf(value))
    if (isObject(value))
      for (const [key, inner] of value) {
        if (SAYS.test(key)) prose.push(key)
        take(path === '' ? key : `${path}.${key}`, key, inner)
      }
    else if (Array.isArray(value)) for (const inner of value) take(path, name, inner)
    else if (value !== null && typeof value !== 'boolean') {
      const text = typeof value === 'string' ? value : typeof value === 'number' ? String(value) : value.text
      if (fields.length < MOST_FIELDS && isWhole(text)) fields.push(...listed(text).map((one) => ({ name, path, text: one })))
      else prose.push(text)
    }
  }
  take('', '', tree)
  return { fields, prose: prose.join('\n'), named: named.slice(0, MOST_FIELDS) }
}

function namesOf(record: TreeObject): readonly { readonly id: string; readonly name: string }[] {
  const found = (pattern: RegExp): readonly string[] => [...record].flatMap(([key, value]) => (pattern.test(key) && (typeof value === 'string' || typeof value === 'number') && String(value).length <= 200 ? [String(value)] : []))
  const names = found(NAME_FIELD)
  return names.length === 0 ? [] : found(ID_FIELD).flatMap((id) => names.filter((name) => name !== id).map((name) => ({ id, name })))
}

const LINE = /^([ \t]*(?:- )?)(?:"([\w .-]{1,64})"|([A-Za-z_][\w .-]{0,63})): +(?:"([^"\n]{1,400})"|'([^'\n]{1,400})'|(\S[^\n]{0,399}))$/

function fromLines(text: string): Parts {
  const first = LINE.exec(text.slice(0, 1000).trimStart().split('\n', 1)[0] ?? '')
  if (first === null) return { fields: [], prose: text, named: [] }
  const column = (text.slice(0, text.search(/\S/)).split('\n').at(-1) ?? '').length + (first[1] ?? '').length
  const fields: Field[] = []
  const prose: string[] = []
  for (const line of text.split('\n')) {
    const found = LINE.exec(line.trimEnd())
    const value = found === null || (found[1] ?? '').length !== column ? undefined : (found[4] ?? found[5] ?? found[6] ?? '').trim()
    const name = found?.[2] ?? found?.[3] ?? ''
    if (value !== undefined && SAYS.test(name)) prose.push(name)
    if (value !== undefined && fields.length < MOST_FIELDS && isWhole(value)) fields.push(...listed(value).map((one) => ({ name, path: name, text: one })))
    else prose.push(line)
  }
  return { fields, prose: prose.join('\n'), named: [] }
}

/** A single word, or a list of nothing but addresses and the like. */
function isWhole(text: string): boolean {
  return text.length <= 400 && (/^\S{1,200}$/.test(text.trim()) || listed(text).every((one) => shapeOf(one) !== undefined))
}

function listed(text: string): readonly string[] {
  return text.split(/[,;]\s*/).map((one) => one.trim().replace(/^\[|\]$/g, '')).filter((one) => one !== '')
}

/** Values of a directory's result that look like identifiers, of the named fields alone where there are names. */
export function directoryValues(text: string, wanted: readonly string[] | undefined): readonly (Value | string)[] {
  const { fields } = partsOf(text)
  if (wanted === undefined) return fields.flatMap((one) => shapeOf(one.text) ?? [])
  return fields.filter(({ name, path }) => wanted.includes(name) || wanted.includes(path)).map((one) => shapeOf(one.text) ?? one.text)
}

