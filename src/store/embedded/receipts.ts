import { hash } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import { frontierOf, leafHash, TILE, type Frontier } from '../../formats/merkle.ts'
import { StoreError, type AppendEntry, type Checkpoint, type DataKey, type LogEntry, type SealedPayload, type Scribe, type TreeHead } from '../interfaces.ts'
import { reservationRows } from './counters.ts'
import { subjectRows } from './subjects.ts'

const KINDS = ['intent', 'receipt', 'act'] as const

/** The log's tables, on the worker's side of the port. Every function is one step of the caller's transaction. */
export function receiptRows(db: DatabaseSync, scribe: Scribe | undefined) {
  const insert = db.prepare('INSERT INTO records (idx, exchange, parent, tenant, kind, record) VALUES (?, ?, ?, ?, ?, ?)')
  const insertTile = db.prepare('INSERT INTO tiles VALUES (?, ?)')
  const insertPayload = db.prepare('INSERT INTO payloads VALUES (?, ?, ?, ?, ?)')
  const addBytes = db.prepare('INSERT INTO payload_bytes VALUES (?, ?) ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes')
  const openIntent = db.prepare('INSERT OR IGNORE INTO intents VALUES (?, ?, ?)')
  const closeIntent = db.prepare('DELETE FROM intents WHERE tenant = ? AND exchange = ?')
  const saveTree = db.prepare('UPDATE tree SET size = ?, frontier = ?')
  const columns = 'idx, exchange, parent, tenant, kind, record'
  const page = db.prepare(`SELECT ${columns} FROM records WHERE idx >= ? ORDER BY idx LIMIT ?`)
  const tilePage = db.prepare('SELECT hash FROM tiles WHERE idx >= ? ORDER BY idx LIMIT ?')
  const family = db.prepare(`SELECT ${columns} FROM records WHERE exchange = ?1 OR parent = ?1 ORDER BY idx`)
  const tail = db.prepare(`SELECT ${columns} FROM records WHERE idx < ? ORDER BY idx DESC LIMIT ?`)
  const tailDefault = db.prepare(`SELECT ${columns} FROM records WHERE idx < ? AND tenant = 'default' ORDER BY idx DESC LIMIT ?`)
  const tailOther = db.prepare(`SELECT ${columns} FROM records WHERE idx < ? AND tenant = ? AND tenant <> 'default' ORDER BY idx DESC LIMIT ?`)
  const openIntents = db.prepare(`SELECT ${columns} FROM records WHERE idx IN (SELECT idx FROM intents) ORDER BY idx`)
  const payloadOf = db.prepare(`SELECT p.tenant, p.subject, p.at, p.bytes FROM records r JOIN payloads p ON p.idx = r.idx
    WHERE r.exchange = ?1 AND (?2 IS NULL OR r.tenant = ?2) ORDER BY r.idx DESC LIMIT 1`)
  const payloadPage = db.prepare('SELECT idx, bytes FROM payloads WHERE idx >= ? AND idx < ? ORDER BY idx')
  const bytesOf = db.prepare('SELECT bytes FROM payload_bytes WHERE tenant = ?')
  const freed = db.prepare('SELECT tenant, sum(length(bytes)) AS freed FROM payloads WHERE subject = ? GROUP BY tenant')
  const drop = db.prepare('DELETE FROM payloads WHERE subject = ?')
  const lapsed = db.prepare(`SELECT DISTINCT subject FROM payloads WHERE at < ?1
    AND subject NOT IN (SELECT subject FROM holds WHERE until IS NULL OR until > ?2)`)
  const freedBefore = db.prepare('SELECT tenant, sum(length(bytes)) AS freed FROM payloads WHERE subject = ? AND at < ? GROUP BY tenant')
  const dropBefore = db.prepare('DELETE FROM payloads WHERE subject = ? AND at < ?')
  const insertCheckpoint = db.prepare('INSERT OR REPLACE INTO checkpoints VALUES (?, ?, ?)')
  const lastCheckpoint = db.prepare('SELECT size, root, note FROM checkpoints ORDER BY size DESC LIMIT 1')
  const checkpointPage = db.prepare('SELECT size, root, note FROM checkpoints WHERE size > ? ORDER BY size LIMIT ?')
  const reservations = reservationRows(db)
  const subjects = subjectRows(db)

  // Undefined = to be read again: after a rollback, what was appended in memory did not happen.
  let held: Frontier | undefined
  let grown = false

  function stored(): Frontier {
    const row = db.prepare('SELECT size, frontier FROM tree').get()
    if (row === undefined) throw new StoreError('corrupt', 'the log has lost the row that holds its tree')
    try {
      return frontierOf(Number(row['size']), row['frontier'] as Uint8Array)
    } catch (error) {
      throw new StoreError('corrupt', `the log's tree was changed: ${error instanceof Error ? error.message : String(error)}`)
    }
  }

  function edge(): Frontier {
    held ??= stored()
    return held
  }

  function append(entries: readonly AppendEntry[]): number {
    const tree = edge()
    const added = new Map<string, number>()
    for (const entry of entries) {
      const index = tree.size()
      const tile = tree.push(leafHash(entry.record))
      grown = true
      insert.run(index, entry.id, entry.parent ?? null, entry.tenant, KINDS.indexOf(entry.kind), entry.record)
      if (tile !== undefined) insertTile.run((index + 1) / TILE - 1, tile)
      if (entry.kind === 'intent') openIntent.run(entry.tenant, entry.id, index)
      else if (entry.kind === 'receipt') closeIntent.run(entry.tenant, entry.id)
      if (entry.payload !== undefined) {
        const { tenant, subject, at, bytes } = entry.payload
        insertPayload.run(index, tenant, subject, at ?? Date.now(), bytes)
        added.set(tenant, (added.get(tenant) ?? 0) + bytes.length)
      }
      if (entry.reservation !== undefined) reservations.open(entry.reservation)
    }
    for (const [tenant, bytes] of added) addBytes.run(tenant, bytes)
    return entries.length
  }

  function payloadBytes(tenant: string): number {
    return Number(bytesOf.get(tenant)?.['bytes'] ?? 0)
  }

  function dropPayloads(subject: string): number {
    for (const row of freed.all(subject)) addBytes.run(row['tenant'] as string, -Number(row['freed']))
    return Number(drop.run(subject).changes)
  }

  return {
    append,
    write(batch: string, contents: readonly string[]): number {
      if (scribe === undefined) throw new StoreError('refused', 'this store was opened without a scribe')
      const draft = scribe.read(batch, contents)
      const keys = new Map<string, DataKey>()
      for (const subject of draft.subjects) {
        const key = subjects.get(subject)
        if (key !== undefined) keys.set(subject, key)
      }
      const used = new Map(draft.tenants.map((tenant) => [tenant, payloadBytes(tenant)]))
      const made = draft.finish(keys, used)
      for (const [subject, key] of made.keys) subjects.put(subject, key.wrapped, key.under)
      return append(made.entries)
    },
    /** Keeps the tree's edge with the rows it belongs to: called once before each commit. */
    seal(): void {
      if (grown) saveTree.run(edge().size(), edge().bytes())
      grown = false
    },
    revert(): void {
      held = undefined
      grown = false
    },
    /** What the rows say, where another process may be the one that appends. */
    head(readOnly: boolean): TreeHead {
      const tree = readOnly ? stored() : edge()
      return { size: tree.size(), root: tree.root() }
    },
    read: (from: number, limit: number): LogEntry[] => page.all(from, limit).map(entryOf),
    tiles: (from: number, limit: number): Uint8Array[] => tilePage.all(from, limit).map((row) => row['hash'] as Uint8Array),
    find(id: string, tenant?: string): LogEntry[] {
      const all = family.all(id).map(entryOf)
      return tenant === undefined ? all : all.filter((entry) => entry.tenant === tenant)
    },
    tail(options: { readonly tenant?: string; readonly before?: number; readonly limit: number }): LogEntry[] {
      const before = options.before ?? Number.MAX_SAFE_INTEGER
      if (options.tenant === undefined) return tail.all(before, options.limit).map(entryOf)
      if (options.tenant === 'default') return tailDefault.all(before, options.limit).map(entryOf)
      return tailOther.all(before, options.tenant, options.limit).map(entryOf)
    },
    interrupted: (): LogEntry[] => openIntents.all().map(entryOf),
    payload(id: string, tenant?: string): SealedPayload | undefined {
      const row = payloadOf.get(id, tenant ?? null)
      if (row === undefined) return undefined
      return { tenant: row['tenant'] as string, subject: row['subject'] as string, at: Number(row['at']), bytes: row['bytes'] as Uint8Array }
    },
    payloadHashes(from: number, to: number): { index: number; hash: Uint8Array }[] {
      const hashes: { index: number; hash: Uint8Array }[] = []
      for (const row of payloadPage.iterate(from, to)) hashes.push({ index: Number(row['idx']), hash: hash('sha256', row['bytes'] as Uint8Array, 'buffer') })
      return hashes
    },
    payloadBytes,
    dropPayloads,
    expirePayloads(before: number, now: number): number {
      let dropped = 0
      for (const row of lapsed.all(before, now)) {
        const subject = row['subject'] as string
        for (const one of freedBefore.all(subject, before)) addBytes.run(one['tenant'] as string, -Number(one['freed']))
        dropped += Number(dropBefore.run(subject, before).changes)
      }
      return dropped
    },
    erase(subject: string, now: number, act: AppendEntry): number {
      const hold = subjects.held(subject)
      if (hold !== undefined && (hold.until === undefined || hold.until > now)) throw new StoreError('held', hold.reason)
      // Rows go first: on a full disk they make the room that the act needs.
      const dropped = dropPayloads(subject)
      subjects.destroy(subject)
      append([act])
      scribe?.forget(subject)
      return dropped
    },
    saveCheckpoint(note: string, head: TreeHead): void {
      insertCheckpoint.run(head.size, head.root, note)
    },
    lastCheckpoint(): Checkpoint | undefined {
      const row = lastCheckpoint.get()
      return row === undefined ? undefined : checkpointOf(row)
    },
    checkpoints: (after: number, limit: number): Checkpoint[] => checkpointPage.all(after, limit).map(checkpointOf),
  }
}

type Row = Record<string, unknown>

function entryOf(row: Row): LogEntry {
  const kind = KINDS[Number(row['kind'])]
  if (kind === undefined) throw new StoreError('corrupt', `entry ${Number(row['idx'])} of the log is of no known kind`)
  return {
    index: Number(row['idx']),
    id: row['exchange'] as string,
    ...(row['parent'] === null ? {} : { parent: row['parent'] as string }),
    tenant: row['tenant'] as string,
    kind,
    record: row['record'] as Uint8Array,
  }
}

function checkpointOf(row: Row): Checkpoint {
  return { note: row['note'] as string, head: { size: Number(row['size']), root: row['root'] as Uint8Array } }
}
