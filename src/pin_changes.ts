import type { Kind } from './gateways/mcp/servers/items.ts'
import { SINGLE, type PinKind, type Printed } from './gateways/mcp/pins/hash.ts'
import { weigh, type Why } from './gateways/mcp/pins/weigh.ts'
import type { PinChanges, PinId, PinRow, PinSeen } from './store/pins.ts'

/** What one look at a server changes, while it is found out. */
export interface Changes extends PinChanges {
  readonly pinned: (PinSeen & { readonly by: string })[]
  readonly quarantined: (PinSeen & { readonly why: string })[]
  readonly returned: PinId[]
  readonly dropped: PinId[]
}

export function noChanges(): Changes {
  return { pinned: [], quarantined: [], returned: [], dropped: [] }
}

/** How the settings of a server have its definitions judged. */
export interface Sorting {
  readonly firstUse: boolean
  /** Each caller has a connection of its own, and may be told something else than others: what one is told says nothing of what others were. */
  readonly each: boolean
}

interface Sorted extends Sorting {
  readonly server: string
  readonly kind: PinKind
  readonly name: string
  readonly print: Printed
  readonly at: number
  readonly row: PinRow | undefined
  readonly suspect: Why | undefined
  readonly met: boolean
}

/** Puts one definition among the changes. @returns whether it may be used. */
export function sort(changes: Changes, { server, kind, name, print, at, row, suspect, firstUse, each, met }: Sorted): boolean {
  const id = { server, kind, name }
  const weighed = weigh(row ?? {}, { kind, hash: print.hash, suspect, firstUse, met })
  // Otherwise two callers would take turns in quarantining and returning it.
  if (weighed.kind === 'returned' && !each) changes.returned.push(id)
  if (weighed.kind === 'pin') changes.pinned.push({ ...id, ...print, at, by: 'first_use' })
  if (weighed.kind === 'quarantine' && !weighed.noted) changes.quarantined.push({ ...id, ...print, at, why: weighed.why })
  return weighed.kind !== 'quarantine'
}

/** A list that was met: what it has from now on is not first sight. */
export function marker(server: string, kind: Kind, at: number): PinSeen & { readonly by: string } {
  return { server, kind, name: '', hash: '', text: '', at, by: 'first_use' }
}

/** What is pinned of a row, without what was seen. */
export function pinOf(row: PinRow | undefined): Pick<PinRow, 'pinned' | 'since' | 'by'> {
  return row?.pinned === undefined || row.since === undefined || row.by === undefined ? {} : { pinned: row.pinned, since: row.since, by: row.by }
}

export function keyOf(kind: string, name: string): string {
  return `${kind}\n${name}`
}

/** What operators call a definition: `tools/add`, `instructions`. */
export function labelOf(kind: string, name: string): string {
  return SINGLE.has(kind as PinKind) ? kind : `${kind}/${name}`
}

/** As much of a hash as records spell out. */
export function short(hash: string | undefined): string {
  return hash === undefined ? 'nothing' : hash.slice(0, 12)
}
