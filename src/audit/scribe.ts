import { hash } from 'node:crypto'
import type { PayloadFact } from '../contract/receipt.ts'
import { canonicalJson } from '../formats/canonical.ts'
import type { AppendEntry, DataKey, Draft, OpenReservation, Scribe, ScribeReference } from '../store/interfaces.ts'
import { readKeyring, type Keyring } from './keyring.ts'
import { makeDataKey, openDataKey, sealPayload, type OpenDataKey } from './seal.ts'

/** Unwrapped data keys kept at hand. */
const KEYS_AT_HAND = 4096
/** Depth to which a record that canonical JSON refuses is kept. */
const DEEPEST = 50

/** A record as it travels to the scribe; the queue writes it, in JSON. */
export interface Posted {
  readonly record: {
    readonly kind: AppendEntry['kind']
    readonly exchange: string
    readonly parent?: string
    readonly tenant: string
    readonly at: number
  }
  readonly rows?: OpenReservation['rows']
  /** Which of the contents is the payload, whose it is, and whether it was cut. */
  readonly content?: { readonly at: number; readonly subject: string; readonly truncated: boolean }
}

export interface PostedBatch {
  /** Bytes of payload that one tenant may hold. */
  readonly quota: number
  readonly items: readonly Posted[]
}

/** The scribe for a store that keeps the audit log of this state folder. */
export function scribeFor(folder: string): ScribeReference {
  return { module: import.meta.url, options: { folder } }
}

/** Called on the store's side, once. The keys are read when the first record comes: audit makes them at first start. */
export function openScribe(options: unknown): Scribe {
  const { folder } = options as { readonly folder: string }
  const atHand = new Map<string, { readonly wrapped: Uint8Array; readonly open: OpenDataKey }>()
  let keyring: Keyring | undefined

  /** The stored row is the authority: a key that was destroyed or replaced meanwhile is not used from memory. */
  function keyOf(subject: string, stored: DataKey | undefined, made: Map<string, DataKey>): OpenDataKey {
    keyring ??= readKeyring(folder)
    const row = made.get(subject) ?? stored
    const known = atHand.get(subject)
    if (row !== undefined && known !== undefined && Buffer.compare(known.wrapped, row.wrapped) === 0) return known.open
    if (row !== undefined) return remember(subject, row.wrapped, openDataKey(subject, row, keyring.seal))
    const fresh = makeDataKey(subject, keyring.seal[0])
    made.set(subject, fresh.wrapped)
    return remember(subject, fresh.wrapped.wrapped, fresh.open)
  }

  function remember(subject: string, wrapped: Uint8Array, open: OpenDataKey): OpenDataKey {
    if (atHand.size >= KEYS_AT_HAND) atHand.delete(atHand.keys().next().value as string)
    atHand.set(subject, { wrapped, open })
    return open
  }

  return {
    read(batch, contents) {
      const { quota, items } = JSON.parse(batch) as PostedBatch
      return draftOf(items, contents, quota, keyOf)
    },
    forget(subject) {
      atHand.delete(subject)
    },
  }
}

function draftOf(
  items: readonly Posted[],
  contents: readonly string[],
  quota: number,
  keyOf: (subject: string, stored: DataKey | undefined, made: Map<string, DataKey>) => OpenDataKey,
): Draft {
  const sealing = items.filter((item) => item.content !== undefined)
  return {
    subjects: [...new Set(sealing.map((item) => item.content?.subject as string))],
    tenants: [...new Set(sealing.map((item) => item.record.tenant))],
    finish(keys, used) {
      const made = new Map<string, DataKey>()
      const held = new Map(used)
      return { entries: items.map(entryOf), keys: made }

      function entryOf({ record, rows, content }: Posted): AppendEntry {
        const { exchange: id, parent, tenant, kind, at } = record
        const sealed = content === undefined ? 'none' : seal(record, content.subject, contents[content.at] as string)
        const bytes = typeof sealed === 'string' ? undefined : sealed
        return {
          id,
          tenant,
          kind,
          ...(parent !== undefined && { parent }),
          record: bytesOf(kind === 'receipt' ? { ...record, payload: factOf(sealed, content?.truncated === true) } : record),
          ...(bytes !== undefined && content !== undefined && { payload: { subject: content.subject, tenant, at, bytes } }),
          ...(rows !== undefined && { reservation: { id, rows } }),
        }
      }

      function seal({ tenant, exchange }: Posted['record'], subject: string, text: string): Sealed {
        const before = held.get(tenant) ?? 0
        // Before the work of sealing: a tenant over its quota must not cost more than one within it.
        if (before + text.length > quota) return 'quota'
        try {
          const sealed = sealPayload(keyOf(subject, keys.get(subject), made), tenant, exchange, text)
          held.set(tenant, before + sealed.length)
          return sealed
        } catch {
          // A lost or broken key costs the payload, never the receipt.
          return 'unsealable'
        }
      }
    },
  }
}

type Sealed = Uint8Array | Extract<PayloadFact, string>

function factOf(sealed: Sealed, truncated: boolean): PayloadFact {
  if (typeof sealed === 'string') return sealed
  return { hash: hash('sha256', sealed, 'base64'), bytes: sealed.length, ...(truncated && { truncated }) }
}

/**
 * The record's canonical bytes. Text that has no canonical form (half a character, as a caller may send it in a
 * name) is made whole first, and structure nested beyond reason is left out: a record must not keep itself, or its
 * neighbours in the batch, from being written.
 */
function bytesOf(record: object): Uint8Array {
  try {
    return Buffer.from(canonicalJson(record))
  } catch {
    return Buffer.from(canonicalJson(wellFormed(record, 0)))
  }
}

function wellFormed(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return value.toWellFormed()
  if (typeof value !== 'object' || value === null) return value
  if (depth === DEEPEST) return null
  if (Array.isArray(value)) return value.map((one) => wellFormed(one, depth + 1))
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key.toWellFormed(), wellFormed(one, depth + 1)]))
}
