import type { DatabaseSync } from 'node:sqlite'
import type { PinChanges, PinId, PinRow } from '../pins.ts'

export function pinRows(db: DatabaseSync) {
  const all = db.prepare('SELECT server, kind, name, pinned, since, by, seen, at, why FROM pins ORDER BY server, kind, name')
  const texts = db.prepare('SELECT pinned_text AS pinned, seen_text AS seen FROM pins WHERE server = ? AND kind = ? AND name = ?')
  const pin = db.prepare(`INSERT INTO pins (server, kind, name, pinned, pinned_text, since, by) VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (server, kind, name) DO UPDATE SET pinned = excluded.pinned, pinned_text = excluded.pinned_text, since = excluded.since, by = excluded.by,
      seen = NULL, seen_text = NULL, at = NULL, why = NULL`)
  const quarantine = db.prepare(`INSERT INTO pins (server, kind, name, seen, seen_text, at, why) VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (server, kind, name) DO UPDATE SET seen = excluded.seen, seen_text = excluded.seen_text, at = excluded.at, why = excluded.why`)
  const settle = db.prepare('UPDATE pins SET seen = NULL, seen_text = NULL, at = NULL, why = NULL WHERE server = ? AND kind = ? AND name = ? AND pinned IS NOT NULL')
  const drop = db.prepare('DELETE FROM pins WHERE server = ? AND kind = ? AND name = ?')
  const isSeen = db.prepare('SELECT 1 FROM pins WHERE server = ? AND kind = ? AND name = ? AND seen = ?')
  const endorse = db.prepare(`UPDATE pins SET pinned = seen, pinned_text = seen_text, since = ?, by = ?, seen = NULL, seen_text = NULL, at = NULL, why = NULL
    WHERE server = ? AND kind = ? AND name = ?`)
  return {
    all: (): PinRow[] =>
      all.all().map((row) => ({
        server: row['server'] as string,
        kind: row['kind'] as string,
        name: row['name'] as string,
        ...(row['pinned'] !== null && { pinned: row['pinned'] as string, since: Number(row['since']), by: row['by'] as string }),
        ...(row['seen'] !== null && { seen: row['seen'] as string, at: Number(row['at']), why: row['why'] as string }),
      })),
    texts({ server, kind, name }: PinId): { pinned?: string; seen?: string } | undefined {
      const row = texts.get(server, kind, name)
      return row && { ...(row['pinned'] !== null && { pinned: row['pinned'] as string }), ...(row['seen'] !== null && { seen: row['seen'] as string }) }
    },
    note({ pinned, quarantined, returned, dropped }: PinChanges): void {
      for (const { server, kind, name, hash, text, at, by } of pinned) pin.run(server, kind, name, hash, text, at, by)
      for (const { server, kind, name, hash, text, at, why } of quarantined) quarantine.run(server, kind, name, hash, text, at, why)
      for (const { server, kind, name } of returned) settle.run(server, kind, name)
      for (const { server, kind, name } of dropped) drop.run(server, kind, name)
    },
    endorse(items: readonly (PinId & { readonly hash: string })[], at: number, by: string): boolean {
      if (!items.every(({ server, kind, name, hash }) => isSeen.get(server, kind, name, hash) !== undefined)) return false
      for (const { server, kind, name } of items) endorse.run(at, by, server, kind, name)
      return true
    },
  }
}
