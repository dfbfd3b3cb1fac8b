import { listItems, type Item, type Kind } from './items.ts'
import type { AskOptions, Link } from './link.ts'

/** A connection to one server, with what is known of what the server lists. */
export interface Connection {
  readonly link: Link
  /** What it lists now, asked for anew. @throws {Refused} */
  list(kind: Kind, options: AskOptions): Promise<readonly Item[]>
  /** One item, from memory while nothing said that it changed; undefined where there is none. @throws {Refused} */
  item(kind: Kind, name: string, options: AskOptions): Promise<Item | undefined>
  /** What memory has of it. */
  known(kind: Kind, name: string): Item | undefined
}

interface Remembered {
  readonly items: ReadonlyMap<string, Item>
  readonly asOf: number
}

export function connectionOver(link: Link): Connection {
  const memory = new Map<Kind, Remembered>()

  const current = (kind: Kind): ReadonlyMap<string, Item> | undefined => {
    const kept = memory.get(kind)
    return kept?.asOf === link.changes() ? kept.items : undefined
  }

  async function list(kind: Kind, options: AskOptions): Promise<readonly Item[]> {
    await link.introduction(options)
    // Of before the question, so that a change while it is answered is not taken for known.
    const asOf = link.changes()
    const listed = await listItems(link, kind, options)
    memory.set(kind, { items: new Map(listed.map((one) => [one.name, one])), asOf })
    return listed
  }

  return {
    link,
    list,
    async item(kind, name, options) {
      const known = current(kind)
      if (known !== undefined) return known.get(name)
      return (await list(kind, options)).find((one) => one.name === name)
    },
    known: (kind, name) => current(kind)?.get(name),
  }
}
