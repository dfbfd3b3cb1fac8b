/** Letters that a reader, or a model, takes for one another, once case is gone. */
const ALIKE: Readonly<Record<string, string>> = { i: 'l', '1': 'l', '|': 'l', '!': 'l', '0': 'o', '5': 's', $: 's', '@': 'a' }
const SEPARATORS = /(?<![0-9])[-_.:/ ]+|[-_.:/ ]+(?![0-9])/g

/** What is left of a name when case and separators are folded: servers write the same word by different conventions. */
function wordsOf(name: string): string {
  return name.normalize('NFKC').toLowerCase().replace(SEPARATORS, '')
}

/**
 * What is left of a name when case, separators and letters that look alike are folded: two names of one fold are one
 * name to whoever reads them. Names are visible ASCII here; `skeleton` of what is not comes first.
 */
export function foldedName(name: string): string {
  return wordsOf(name).replace(/rn/g, 'm').replace(/vv/g, 'w').replace(/[i1|!05$@]/g, (one) => ALIKE[one] as string)
}

/** A tool that is known already: of which server, and with which hash. */
export interface Known {
  readonly server: string
  readonly name: string
  readonly hash: string
}

/**
 * Whose name a new one looks like. The very same name with the very same definition is no stranger: two servers of one
 * make offer it.
 */
export function lookAlike(own: { readonly server: string; readonly name: string; readonly hash: string }, known: Iterable<Known>): Known | undefined {
  const folded = foldedName(own.name)
  for (const one of known) {
    if (one.server === own.server && one.name === own.name) continue
    if (one.name === own.name ? one.hash !== own.hash : foldedName(one.name) === folded) return one
  }
  return undefined
}

/**
 * Whose name a new one passes itself off as: another's of the same server that reads alike in any way, or another server's
 * but for letters that look alike. That two servers have a tool of one name, two instances of one server for instance, is
 * no disguise: at its own endpoint each is met by itself, and where all are one place names say whose they are.
 */
export function disguised(own: Pick<Known, 'server' | 'name'>, known: Iterable<Known>): Known | undefined {
  const folded = foldedName(own.name)
  const words = wordsOf(own.name)
  for (const one of known) {
    if (one.name === own.name || foldedName(one.name) !== folded) continue
    if (one.server === own.server || wordsOf(one.name) !== words) return one
  }
  return undefined
}
