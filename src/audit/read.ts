import type { AuditRecord } from '../contract/receipt.ts'
import type { LogEntry, Receipts, Store } from '../store/interfaces.ts'
import type { Keyring } from './keyring.ts'
import { openDataKey, openPayload } from './seal.ts'

export interface Shown {
  readonly index: number
  readonly record: AuditRecord
}

/** `sealed`: not opened because no keys were given · `erased`: it was kept, and its key or bytes are gone since. */
export type ShownPayload =
  | { readonly state: 'open'; readonly content: unknown }
  | { readonly state: 'none' | 'quota' | 'unsealable' | 'sealed' | 'erased' | 'broken' }

const PAGE = 500

function shownOf(entry: LogEntry): Shown {
  return { index: entry.index, record: JSON.parse(Buffer.from(entry.record).toString('utf8')) as AuditRecord }
}

/** The newest entries, newest first; `before` is an index. */
export async function tail(
  receipts: Pick<Receipts, 'tail'>,
  options: { readonly tenant?: string; readonly before?: number; readonly limit: number },
): Promise<readonly Shown[]> {
  return (await receipts.tail(options)).map(shownOf)
}

/** Entries from index `from` on, oldest first, as far as they are there: for following a log that grows. */
export async function* follow(receipts: Pick<Receipts, 'read'>, from: number, tenant?: string): AsyncGenerator<Shown> {
  for await (const entry of pages(receipts, from)) if (tenant === undefined || entry.tenant === tenant) yield shownOf(entry)
}

async function* pages(receipts: Pick<Receipts, 'read'>, from: number): AsyncGenerator<LogEntry> {
  for (let next = from; ; ) {
    const page = await receipts.read(next, PAGE)
    yield* page
    const last = page.at(-1)
    if (last === undefined) return
    next = last.index + 1
  }
}

/** The entries of an exchange and of its children, oldest first; payloads are opened where `keyring` is given. */
export async function show(
  store: Pick<Store, 'receipts' | 'subjects'>,
  id: string,
  options: { readonly tenant?: string; readonly keyring?: Keyring } = {},
): Promise<readonly (Shown & { readonly payload?: ShownPayload })[]> {
  const entries = await store.receipts.find(id, options.tenant)
  return Promise.all(
    entries.map(async (entry) => {
      const shown = shownOf(entry)
      return entry.kind === 'receipt' ? { ...shown, payload: await payloadOf(store, entry, shown.record, options.keyring) } : shown
    }),
  )
}

async function payloadOf(
  { receipts, subjects }: Pick<Store, 'receipts' | 'subjects'>,
  entry: LogEntry,
  record: AuditRecord,
  keyring: Keyring | undefined,
): Promise<ShownPayload> {
  const fact = record.kind === 'receipt' ? record.payload : undefined
  if (typeof fact !== 'object') return { state: fact ?? 'none' }
  const sealed = await receipts.payload(entry.id, entry.tenant)
  if (sealed === undefined) return { state: 'erased' }
  if (keyring === undefined) return { state: 'sealed' }
  const key = await subjects.get(sealed.subject)
  if (key === undefined) return { state: 'erased' }
  try {
    const text = openPayload(openDataKey(sealed.subject, key, keyring.seal), entry.tenant, entry.id, sealed.bytes)
    return { state: 'open', content: JSON.parse(text) as unknown }
  } catch {
    return { state: 'broken' }
  }
}

/** The log as JSON lines `{"index":…,"record":…}`, the record exactly as it was hashed. */
export async function* exportLines(
  receipts: Pick<Receipts, 'read'>,
  options: { readonly tenant?: string; readonly from?: number } = {},
): AsyncGenerator<string> {
  for await (const entry of pages(receipts, options.from ?? 0)) {
    if (options.tenant !== undefined && entry.tenant !== options.tenant) continue
    yield `{"index":${entry.index},"record":${Buffer.from(entry.record).toString('utf8')}}\n`
  }
}
