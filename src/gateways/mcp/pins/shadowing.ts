import { isObject, type Tree } from '../../../formats/tree.ts'

/** A definition that speaks of a tool of another server. */
export interface Crossing {
  readonly server: string
  readonly tool: string
  /** It does not only name it: it says what to do with it. */
  readonly orders: boolean
}

/** How much around a name is read with it, in UTF-16 units. */
const AROUND = 120
const BESIDE = 8
const MOST_TEXT = 65_536
/** Names that are a word like any other are no sign. */
const TELLING = /[_./-]|[a-z][A-Z]|\d/
const ORDERS = /\b(?:before|after|instead\s+of|rather\s+than|prior\s+to|whenever|when(?:ever)?\s+(?:you\s+)?(?:us|call|invok)\w*|do\s+not\s+(?:use|call)|don't\s+(?:use|call)|never\s+(?:use|call)|must|always|first\s+(?:use|call)|replaces|supersedes|deprecated|side[- ]?effect)\b/i

/**
 * Tools of other servers that a definition names. Descriptions that send a model elsewhere, or say how another's tool is
 * to be used, are how one server reaches into another (shadowing).
 */
export function crossings(definition: Tree, own: ReadonlySet<string>, others: Iterable<{ readonly server: string; readonly name: string }>): readonly Crossing[] {
  const text = textsOf(definition).join('\n').slice(0, MOST_TEXT)
  const found: Crossing[] = []
  for (const { server, name } of others) {
    if (name.length < 6) continue
    // A plain word counts only near the name of its server, and a name that both have only right beside it.
    const reach = own.has(name) ? server.length + BESIDE : TELLING.test(name) ? undefined : AROUND
    for (let at = text.indexOf(name); at >= 0; at = text.indexOf(name, at + 1)) {
      const around = (letters: number): string => text.slice(Math.max(0, at - letters), at + name.length + letters)
      // `mail__send` is how callers know it where all servers are one place.
      const prefixed = text.startsWith(`${server}__`, at - server.length - 2)
      if ((isWord(text[at - 1]) && !prefixed) || isWord(text[at + name.length]) || (reach !== undefined && !prefixed && !hasWord(around(reach), server))) continue
      found.push({ server, tool: name, orders: ORDERS.test(around(AROUND)) })
      break
    }
  }
  return found
}

function hasWord(text: string, word: string): boolean {
  for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1)) if (!isWord(text[at - 1]) && !isWord(text[at + word.length])) return true
  return false
}

function isWord(letter: string | undefined): boolean {
  return letter !== undefined && /[\w-]/.test(letter)
}

function textsOf(tree: Tree): readonly string[] {
  if (typeof tree === 'string') return [tree]
  if (Array.isArray(tree)) return tree.flatMap(textsOf)
  return isObject(tree) ? [...tree.values()].flatMap(textsOf) : []
}
