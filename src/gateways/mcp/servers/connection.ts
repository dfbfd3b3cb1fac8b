import type { Refusal } from '../../../contract/verdict.ts'
import { Refused } from '../../../contract/verdict.ts'
import { listItems, type Item, type Kind } from './items.ts'
import type { AskOptions, Introduction, Link } from './link.ts'
import type { Review, Reviewed } from '../pins/review.ts'

/** A connection to one server, with what is known of what the server lists: as far as it is pinned, and no further. */
export interface Connection {
  /** The way to the server: nothing goes to one that is withheld as a whole. */
  readonly link: Link
  /** What the server says of itself, as far as it is pinned. @throws {Refused} */
  introduction(options: AskOptions): Promise<Introduction>
  /** What it lists now, asked for anew. @throws {Refused} */
  list(kind: Kind, options: AskOptions): Promise<readonly Item[]>
  /** The same, from memory while nothing said that it changed. @throws {Refused} */
  all(kind: Kind, options: AskOptions): Promise<readonly Item[]>
  /** One item, from memory while nothing said that it changed; undefined where there is none. @throws {Refused} where it is quarantined, too. */
  item(kind: Kind, name: string, options: AskOptions): Promise<Item | undefined>
  /** What memory has of it. */
  known(kind: Kind, name: string): Item | undefined
  /** Why memory would not give it. */
  barred(kind: Kind, name: string): Refusal | undefined
  /** What memory has of all kinds, in characters of definitions. */
  size(): number
  /** Empties memory: what is needed next is asked for anew. */
  forget(): void
}

interface Remembered {
  readonly listed: readonly Item[]
  readonly reviewed: Reviewed
  /** Of all definitions together, in characters. */
  readonly length: number
  /** Changes that the server had told of, and judgements that had been made, when this was right. */
  readonly asOf: number
  readonly generation: number
}

interface Met {
  readonly seen: Introduction
  readonly passed: Introduction
  readonly asOf: number
  readonly generation: number
}

/** `remembered` hears that memory has more, or other things, than before. */
export function connectionOver(link: Link, review: Review, startMs: number, remembered: () => void = () => undefined): Connection {
  const memory = new Map<Kind, Remembered>()
  let met: Met | undefined

  const current = (kind: Kind): Reviewed | undefined => {
    const kept = memory.get(kind)
    return kept !== undefined && kept.asOf === link.changes() && kept.generation === review.generation() ? kept.reviewed : undefined
  }

  async function introduction(options: AskOptions): Promise<Introduction> {
    if (met === undefined) await review.ready()
    const seen = await link.introduction(options)
    const generation = review.generation()
    const asOf = link.changes()
    const passed = met?.seen === seen && met.generation === generation ? met.passed : undefined
    met = undefined
    met = { seen, passed: passed ?? (await review.introduction(seen)), asOf, generation }
    return met.passed
  }

  /** Whether the server is the one that was met last, and was not judged otherwise since. */
  const isMet = (): boolean => met !== undefined && met.asOf === link.changes() && met.generation === review.generation()

  async function take(kind: Kind, listed: readonly Item[], asOf: number): Promise<Reviewed> {
    const generation = review.generation()
    const reviewed = await review.items(kind, listed)
    memory.set(kind, { listed, reviewed, length: listed.reduce((sum, { print }) => sum + print.text.length, 0), asOf, generation })
    remembered()
    return reviewed
  }

  async function look(kind: Kind, options: AskOptions): Promise<Reviewed> {
    await introduction(options)
    // Of before the question, so that a change while it is answered is not taken for known.
    const asOf = link.changes()
    return take(kind, await listItems(link, kind, options), asOf)
  }

  async function reviewedOf(kind: Kind, options: AskOptions): Promise<Reviewed> {
    const known = current(kind)
    if (known !== undefined) return known
    const kept = memory.get(kind)
    // What was listed still stands where only the judgement of it may be another.
    return kept?.asOf === link.changes() && (await introduction(options)) ? take(kind, kept.listed, kept.asOf) : look(kind, options)
  }

  return {
    link: {
      ...link,
      introduction,
      request: (method, params, options) => (isMet() ? link.request(method, params, options) : introduction({ ...options, timeoutMs: startMs }).then(() => link.request(method, params, options))),
    },
    introduction,
    list: async (kind, options) => [...(await look(kind, options)).usable.values()],
    all: async (kind, options) => [...(await reviewedOf(kind, options)).usable.values()],
    async item(kind, name, options) {
      const reviewed = await reviewedOf(kind, options)
      const refusal = reviewed.barred(name)
      if (refusal !== undefined) throw new Refused(refusal)
      return reviewed.usable.get(name)
    },
    known: (kind, name) => current(kind)?.usable.get(name),
    barred: (kind, name) => current(kind)?.barred(name),
    size: () => [...memory.values()].reduce((sum, { length }) => sum + length, 0),
    forget: () => memory.clear(),
  }
}
