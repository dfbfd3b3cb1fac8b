import { JsonError, parseJson } from './json.ts'
import { isObject, Lexeme, numberOf, type Tree, type TreeObject } from './tree.ts'

/** How an argument may be declared, so that policies can read it. */
export type ArgumentType = 'String' | 'Long' | 'Boolean' | 'StringSet'
export type Argument = string | number | boolean | readonly string[]

/** What is known of a tool's arguments: those that policies read, and those that say whom or what the call acts on. */
export interface KnownArguments {
  readonly parameters: Readonly<Record<string, ArgumentType>>
  /** Names, or dotted paths into them. */
  readonly control: readonly string[]
}

/** One value inside arguments, by its dotted path. */
export interface ArgumentValue {
  readonly path: string
  readonly value: string | number | boolean | null
  readonly control: boolean
}

const DEEPEST = 64
/** Characters that policies read of one argument: they stand in every receipt in the clear. */
const LONGEST = 65_536

/** The arguments of a tool call as a strict tree (no text = none); undefined where they are not one JSON object. */
export function argumentTree(text: string): TreeObject | undefined {
  try {
    const tree = parseJson(text.trim() === '' ? '{}' : text, { depth: DEEPEST })
    return isObject(tree) ? tree : undefined
  } catch (error) {
    if (error instanceof JsonError) return undefined
    throw error
  }
}

/** Declared arguments by name, or what is wrong with one: a policy that asks `has` would miss it. */
export function declaredArguments(tree: TreeObject, { parameters, control }: KnownArguments): Readonly<Record<string, Argument>> | string {
  const found: Record<string, Argument> = {}
  // Many readers match names whatever their case, and the last one wins: policy would judge the other one.
  const known = [...Object.keys(parameters), ...control.map((one) => one.split('.')[0] as string)]
  if (known.length === 0) return found
  const meant = new Set(known.map(foldedText))
  for (const name of tree.keys()) if (!known.includes(name) && meant.has(foldedText(name))) return `${JSON.stringify(name)} may be read as another argument`
  for (const [name, type] of Object.entries(parameters)) {
    const value = tree.get(name)
    if (value === undefined || value === null) continue
    const read = readAs(type, value)
    if (read === undefined) return `${name} is not a ${type}`
    if (typeof read === 'object' ? read.reduce((sum, one) => sum + one.length + 1, 0) > LONGEST : String(read).length > LONGEST) return `${name} is longer than policies read`
    found[name] = read
  }
  return found
}

function readAs(type: ArgumentType, value: Tree): Argument | undefined {
  switch (type) {
    case 'String':
      return typeof value === 'string' ? value : undefined
    case 'Boolean':
      return typeof value === 'boolean' ? value : undefined
    case 'StringSet':
      return Array.isArray(value) && value.every((one) => typeof one === 'string') ? value : undefined
    case 'Long': {
      const number = numberOf(value)
      // Cedar has no fractions: rounded away from zero, so that an amount just over a limit is never under it.
      const whole = number === undefined ? Number.NaN : Math.sign(number) * Math.ceil(Math.abs(number))
      return Number.isSafeInteger(whole) ? whole : undefined
    }
  }
}

/** Every value inside arguments: all that the call acts on first, then at most so many `others`. */
export function argumentValues(tree: TreeObject, { control }: Pick<KnownArguments, 'control'>, others: number): readonly ArgumentValue[] {
  const acting = control.map(foldedText)
  const controls: ArgumentValue[] = []
  const rest: ArgumentValue[] = []
  const put = (path: string, value: ArgumentValue['value']): void => {
    // None of those may be missing: what is endorsed is all of them.
    const spelt = foldedText(path)
    if (acting.some((one) => spelt === one || spelt.startsWith(`${one}.`))) controls.push({ path, value, control: true })
    else if (rest.length < others) rest.push({ path, value, control: false })
  }
  const take = (path: string, value: Tree): void => {
    if (value instanceof Map) {
      if (value.size === 0) put(path, '{}')
      for (const [key, inner] of value) take(path === '' ? key : `${path}.${key}`, inner)
    } else if (Array.isArray(value)) {
      if (value.length === 0) put(path, '[]')
      for (const [index, inner] of value.entries()) take(`${path}.${index}`, inner)
    } else put(path, value instanceof Lexeme ? value.text : value)
  }
  if (tree.size > 0) take('', tree)
  return [...controls, ...rest]
}

/** A text as it is compared with others: compatibility forms and case count for nothing. */
export function foldedText(text: string): string {
  return text.normalize('NFKC').toLowerCase()
}
