import { createHash } from 'node:crypto'
import type { Clock } from './contract/clock.ts'
import type { Epoch } from './contract/epoch.ts'
import type { PackageFacts } from './contract/program.ts'
import { refuse, Refused, type Refusal } from './contract/verdict.ts'
import { parseJson } from './formats/json.ts'
import { isObject, object, type Tree, type TreeObject } from './formats/tree.ts'
import type { Item, Kind } from './gateways/mcp/servers/items.ts'
import type { Introduction } from './gateways/mcp/servers/link.ts'
import { completes, differs, hashOf, infoOf, packageTree, printed, withVersion, type PinKind } from './gateways/mcp/pins/hash.ts'
import { disguised, type Known } from './gateways/mcp/pins/names.ts'
import type { Review } from './gateways/mcp/pins/review.ts'
import { crossings } from './gateways/mcp/pins/shadowing.ts'
import type { Why } from './gateways/mcp/pins/weigh.ts'
import type { McpServer } from './gateways/mcp/settings.ts'
import { makeLooks } from './looking.ts'
import { keyOf, labelOf, marker, noChanges, pinOf, short, sort, type Changes, type Sorting } from './pin_changes.ts'
import type { PinChanges, PinRow, Pins } from './store/pins.ts'

export interface PinningParts {
  readonly store: Pins
  readonly clock: Clock
  /** Of this moment: its guardrails look at definitions. */
  readonly epoch: () => Epoch
  /** Names of the servers that are in use. */
  readonly configured: () => ReadonlySet<string>
  /** Keeps who changed what of the pins. */
  readonly record: (by: string, act: string, detail: Readonly<Record<string, string | number>>) => Promise<void>
}

/** One definition, as operators see it. */
export interface PinView {
  readonly kind: PinKind
  readonly name: string
  /** `new` was never pinned · `refused` is pinned, and the guardrails do not let it pass. */
  readonly state: 'pinned' | 'quarantined' | 'new' | 'refused'
  readonly pinned?: string
  /** Milliseconds since the Unix epoch. */
  readonly since?: number
  readonly by?: string
  readonly seen?: string
  readonly at?: number
  readonly why?: string
  /** What the guardrails found, by guardrail and category. */
  readonly found?: string
}

export interface PinTexts extends PinView {
  /** Canonical JSON. */
  readonly pinnedText?: string
  readonly seenText?: string
}

export interface Endorsed {
  readonly kind: PinKind
  readonly name: string
  readonly hash: string
}

/** What an operator could endorse: all but what the guardrails refuse. */
export interface Waiting {
  readonly items: readonly Endorsed[]
  /** Of all of them together. */
  readonly hash: string
}

/** What of every MCP server is pinned. It outlives epochs; all of it is always current. */
export interface Pinning {
  /** @param facts what is run, where the server is a program. */
  of(settings: McpServer, facts?: () => Promise<PackageFacts>): Review
  /** Of one server; undefined where it was never met. */
  view(server: string): readonly PinView[]
  texts(server: string, kind: string, name: string): Promise<PinTexts | undefined>
  waiting(server: string): Waiting
  /** Pins what was last seen of one item, or of all that wait, if it has this hash: all of it, because two that begin alike are made in minutes. @throws {PinError} */
  endorse(server: string, what: Pick<Endorsed, 'kind' | 'name'> | undefined, hash: string, by: string): Promise<readonly Endorsed[]>
}

/** Something that cannot be endorsed, in words for the operator. */
export class PinError extends Error {}

/** Names that a record of a change spells out. */
const MOST_NAMED = 20
/** Definitions kept of one server: one that invents new ones forever must not fill the disk. */
const MOST_KEPT = 5_000

/** @throws {StoreError} */
export async function openPinning({ store, clock, epoch, configured, record }: PinningParts): Promise<Pinning> {
  const rows = new Map<string, Map<string, PinRow>>()
  for (const row of await store.all()) rowsOf(row.server).set(keyOf(row.kind, row.name), row)
  const looks = makeLooks(epoch)
  const turns = new Map<string, Promise<unknown>>()
  let endorsed = 0

  function rowsOf(server: string): Map<string, PinRow> {
    let known = rows.get(server)
    if (known === undefined) rows.set(server, (known = new Map()))
    return known
  }

  function* toolsPinned(except?: string): Generator<Known> {
    const inUse = configured()
    for (const [server, known] of rows) {
      if (server === except || !inUse.has(server)) continue
      for (const { kind, name, pinned } of known.values()) if (kind === 'tools' && name !== '' && pinned !== undefined) yield { server, name, hash: pinned }
    }
  }

  async function keep(server: string, changes: PinChanges): Promise<void> {
    const { pinned, quarantined, returned, dropped } = changes
    if (pinned.length + quarantined.length + returned.length + dropped.length === 0) return
    try {
      await store.note(changes)
      const told = [
        ['mcp.pin', pinned.filter(({ name }) => name !== '').map(({ kind, name, hash }) => `${labelOf(kind, name)} ${short(hash)}`)],
        ['mcp.quarantine', quarantined.map(({ kind, name, hash, why }) => `${labelOf(kind, name)} ${why}: pinned ${short(rowsOf(server).get(keyOf(kind, name))?.pinned)}, seen ${short(hash)}`)],
        ['mcp.return', returned.map(({ kind, name }) => labelOf(kind, name))],
      ] as const
      for (const [act, names] of told) if (names.length > 0) await record('sallyport', act, { server, count: names.length, items: listed(names) })
    } catch (error) {
      throw new Refused(refuse('audit_unavailable', { detail: `pins of ${server}: ${error instanceof Error ? error.message : 'not kept'}` }))
    }
    const known = rowsOf(server)
    for (const { kind, name, hash, at, by } of pinned) known.set(keyOf(kind, name), { server, kind, name, pinned: hash, since: at, by })
    for (const { kind, name, hash, at, why } of quarantined) known.set(keyOf(kind, name), { server, kind, name, ...pinOf(known.get(keyOf(kind, name))), seen: hash, at, why })
    for (const { kind, name } of dropped) known.delete(keyOf(kind, name))
    for (const { kind, name } of returned) known.set(keyOf(kind, name), { server, kind, name, ...pinOf(known.get(keyOf(kind, name))) })
  }

  function of(settings: McpServer, facts?: () => Promise<PackageFacts>): Review {
    const server = settings.name
    const sorting: Sorting = { firstUse: settings.pin === 'first_use', each: settings.connection === 'principal' || (settings.kind === 'http' && settings.oauth !== undefined) }
    const { firstUse } = sorting
    const row = (kind: string, name: string): PinRow | undefined => rowsOf(server).get(keyOf(kind, name))
    // One look after another, so that two at once do not both take themselves for the first.
    const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
      const made = (turns.get(server) ?? Promise.resolve()).then(work)
      turns.set(server, made.catch(() => undefined))
      return made
    }

    /** Why nothing of the server is passed on: what is run is not what was pinned. */
    function shut(): Refusal | undefined {
      const found = row('package', 'package')
      return found?.seen === undefined ? undefined : quarantined(found, 'package', 'package')
    }

    /** @returns whether it may be passed on, and what the guardrails found. */
    async function single(kind: PinKind, definition: TreeObject, changes: Changes, met: boolean): Promise<{ readonly taken: boolean; readonly found: string | undefined }> {
      const print = printed(kind, kind, definition)
      const found = kind === 'package' ? undefined : await looks.look(server, print.hash, definition)
      const taken = sort(changes, { ...sorting, server, kind, name: kind, print, at: clock.wall(), row: row(kind, kind), suspect: found === undefined ? undefined : 'poisoned', met })
      return { taken: taken && found === undefined, found }
    }

    async function weighPackage(seen: TreeObject, changes: Changes): Promise<void> {
      const known = row('package', 'package')
      const print = printed('package', 'package', seen)
      const pinned = firstUse && known?.pinned !== undefined && known.pinned !== print.hash ? (await store.texts({ server, kind: 'package', name: 'package' }))?.pinned : undefined
      // What was endorsed before it could be fetched.
      if (pinned !== undefined && completes(treeOf(pinned), seen)) changes.pinned.push({ server, kind: 'package', name: 'package', ...print, at: clock.wall(), by: known?.by ?? '' })
      else await single('package', seen, changes, known !== undefined)
    }

    return {
      generation: () => endorsed + epoch().serial,
      async ready() {
        const pinned = facts === undefined || row('package', 'package')?.pinned === undefined ? undefined : await store.texts({ server, kind: 'package', name: 'package' })
        if (facts === undefined || pinned?.pinned === undefined) return
        const now = await facts()
        if (!differs(treeOf(pinned.pinned), now)) return
        await inTurn(async () => {
          const changes = noChanges()
          await single('package', packageTree(now), changes, true)
          await keep(server, changes)
        })
        const refusal = shut()
        if (refusal !== undefined) throw new Refused(refusal)
      },
      introduction: (seen) =>
        inTurn(async () => {
          const met = row('info', 'info') !== undefined
          const changes = noChanges()
          if (facts !== undefined) await weighPackage(packageTree(await facts()), changes)
          const { found: poisonedInfo } = await single('info', infoOf(seen), changes, met)
          const instructions = seen.instructions === undefined ? undefined : object({ instructions: seen.instructions })
          const told = instructions !== undefined && (await single('instructions', instructions, changes, met)).taken
          // A list that it has not now is no first sight when it has one later.
          if (!met && firstUse) for (const [kind, capability] of LISTED) if (!seen.capabilities.has(capability)) changes.pinned.push(marker(server, kind, clock.wall()))
          await keep(server, changes)
          const closed = shut()
          if (closed !== undefined && row('package', 'package')?.pinned !== undefined) throw new Refused(closed)
          const info = row('info', 'info')
          const asPinned = info?.pinned === undefined ? undefined : treeOf((await store.texts({ server, kind: 'info', name: 'info' }))?.pinned ?? '{}')
          return {
            protocol: seen.protocol,
            ...introduced(settings, seen, poisonedInfo === undefined ? asPinned : undefined),
            ...(told && seen.instructions !== undefined && { instructions: seen.instructions }),
          }
        }),
      items: (kind, listed) =>
        inTurn(async () => {
          const changes = noChanges()
          const met = row(kind, '') !== undefined
          if (!met) changes.pinned.push(marker(server, kind, clock.wall()))
          const own = new Set(listed.map(({ name }) => name))
          if (kind === 'resources' && rowsOf(server).size >= MOST_KEPT / 2) for (const one of rowsOf(server).values()) if (one.kind === kind && one.name !== '' && one.seen === undefined && !own.has(one.name)) changes.dropped.push({ server, kind, name: one.name })
          const others = kind === 'tools' || kind === 'prompts' ? [...toolsPinned(server)] : []
          const here: Known[] = kind === 'tools' ? [...rowsOf(server).values()].flatMap((one) => (one.kind === kind && one.name !== '' && one.pinned !== undefined && own.has(one.name) ? [{ server, name: one.name, hash: one.pinned }] : [])) : []
          const usable = new Map<string, Item>()
          const poison = new Map<string, string>()
          for (const item of listed) {
            const { name, print } = item
            const known = row(kind, name)
            const found = await looks.look(server, print.hash, item.definition)
            if (found !== undefined) poison.set(name, found)
            const suspect = found !== undefined ? 'poisoned' : known?.pinned === print.hash ? undefined : suspicion(server, kind, item, own, others, here)
            if (known === undefined && rowsOf(server).size - changes.dropped.length + changes.pinned.length + changes.quarantined.length >= MOST_KEPT) continue
            const taken = sort(changes, { ...sorting, server, kind, name, print, at: clock.wall(), row: known, suspect, met })
            if (taken && kind === 'tools') here.push({ server, name, hash: print.hash })
            if (taken && found === undefined) usable.set(name, item)
          }
          await keep(server, changes)
          const closed = shut()
          if (closed !== undefined) return { usable: new Map(), barred: () => closed }
          return { usable, barred: (name: string) => barredOf(kind, name, own, usable, poison) }
        }),
    }

    function barredOf(kind: Kind, name: string, listed: ReadonlySet<string>, usable: ReadonlyMap<string, Item>, poison: ReadonlyMap<string, string>): Refusal | undefined {
      if (!listed.has(name) || usable.has(name)) return undefined
      const found = poison.get(name)
      const known = row(kind, name)
      return known === undefined ? refuse('quarantined', { detail: `${labelOf(kind, name)}: more definitions than are kept` }) : quarantined(known, kind, name, found)
    }
  }

  function suspicion(server: string, kind: Kind, { name, definition }: Item, own: ReadonlySet<string>, others: readonly Known[], here: readonly Known[]): Why | undefined {
    if (kind === 'tools' && disguised({ server, name }, [...others, ...here]) !== undefined) return 'look_alike'
    return crossings(definition, own, others).some(({ orders }) => orders) ? 'shadowing' : undefined
  }

  function viewOf({ kind, name, pinned, since, by, seen, at, why }: PinRow): PinView {
    const found = looks.found(seen ?? pinned ?? '')
    const state = seen !== undefined ? (pinned === undefined ? 'new' : 'quarantined') : found !== undefined ? 'refused' : 'pinned'
    return {
      kind: kind as PinKind, name, state,
      ...(pinned !== undefined && since !== undefined && by !== undefined && { pinned, since, by }),
      ...(seen !== undefined && at !== undefined && why !== undefined && { seen, at, why }),
      ...(found !== undefined && { found }),
    }
  }

  function waitingOf(server: string): Waiting {
    const items = [...(rows.get(server)?.values() ?? [])].flatMap(({ kind, name, seen }) => (seen === undefined || looks.found(seen) !== undefined ? [] : [{ kind: kind as PinKind, name, hash: seen }]))
    const lines = items.map(({ kind, name, hash }) => `${keyOf(kind, name)}\n${hash}`).sort()
    return { items, hash: createHash('sha256').update(lines.join('\n\n')).digest('hex') }
  }

  return {
    of,
    view: (server) => [...(rows.get(server)?.values() ?? [])].filter(({ name }) => name !== '').map(viewOf).sort((a, b) => (labelOf(a.kind, a.name) < labelOf(b.kind, b.name) ? -1 : 1)),
    async texts(server, kind, name) {
      const row = name === '' ? undefined : rows.get(server)?.get(keyOf(kind, name))
      const texts = row && (await store.texts(row))
      const view = row && viewOf(row)
      const [pinnedText, seenText] = [texts?.pinned, texts?.seen]
      // The hash is that of the text beside it, also where another definition was seen between the two: it is what gets endorsed.
      return view && { ...view, ...(pinnedText !== undefined && { pinnedText }), ...(seenText !== undefined && { seenText, seen: hashOf(kind, name, seenText) }) }
    },
    waiting: (server) => waitingOf(server),
    async endorse(server, what, hash, by) {
      const known = rowsOf(server)
      const waiting = waitingOf(server)
      const items = what === undefined ? waiting.items : waiting.items.filter(({ kind, name }) => kind === what.kind && name === what.name)
      const refused = what && looks.found(known.get(keyOf(what.kind, what.name))?.seen ?? '')
      if (refused !== undefined) throw new PinError(`the guardrails refuse it (${refused}): change the guardrail, or tell whoever makes the server`)
      if (items.length === 0) throw new PinError('nothing of that name waits to be endorsed')
      const expected = what === undefined ? waiting.hash : items[0]?.hash
      if (expected !== hash) throw new PinError(`what waits has another hash (${short(expected)}): it is not what you have seen`)
      const at = clock.wall()
      if (!(await store.endorse(items.map((one) => ({ server, ...one })), at, by))) throw new PinError('it has changed in the meantime')
      for (const { kind, name, hash: pinned } of items) known.set(keyOf(kind, name), { server, kind, name, pinned, since: at, by })
      endorsed++
      await record(by, 'mcp.endorse', { server, count: items.length, items: listed(items.map(({ kind, name, hash: pinned }) => `${labelOf(kind, name)} ${short(pinned)}`)) })
      return items
    },
  }
}

/** For a record, which is no place for a thousand names. */
function listed(names: readonly string[]): string {
  return `${names.slice(0, MOST_NAMED).join('; ')}${names.length > MOST_NAMED ? '; …' : ''}`
}

const LISTED: readonly (readonly [Kind, string])[] = [['tools', 'tools'], ['prompts', 'prompts'], ['resources', 'resources'], ['templates', 'resources']]

function quarantined({ pinned, seen, why }: PinRow, kind: string, name: string, found?: string): Refusal {
  const reason = found === undefined ? (why ?? 'changed') : `the guardrails refuse it (${found})`
  return refuse('quarantined', { detail: `${labelOf(kind, name)}: pinned ${pinned ?? 'nothing'}, seen ${seen ?? pinned ?? 'nothing'}: ${reason}` })
}

/** What a server shows of itself, where nothing that it says may be passed on. */
function introduced({ name }: McpServer, { info, capabilities }: Introduction, pinned: TreeObject | undefined): Pick<Introduction, 'info' | 'capabilities'> {
  const [shown, able] = [pinned?.get('serverInfo'), pinned?.get('capabilities')]
  if (isObject(shown) && isObject(able)) return { info: withVersion(shown, info), capabilities: able }
  return { info: object({ name, version: '0' }), capabilities: new Map([...capabilities].flatMap(([key, value]): [string, Tree][] => (PLAIN.has(key) && isObject(value) ? [[key, new Map([...value].filter(([, one]) => typeof one === 'boolean'))]] : []))) }
}

const PLAIN: ReadonlySet<string> = new Set(['tools', 'prompts', 'resources', 'completions', 'logging'])

function treeOf(text: string): TreeObject {
  const tree = parseJson(text, { depth: 128 })
  return isObject(tree) ? tree : new Map<string, Tree>()
}
