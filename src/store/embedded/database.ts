import { chmodSync, closeSync, existsSync, mkdirSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { StoreError, type StoreFault } from '../interfaces.ts'
import { lockFolder } from './lock.ts'
import { migrate } from './schema.ts'

const PAGE_BYTES = 8192
/** Write-ahead pages before SQLite moves them into the database: fewer and larger moves than its default. */
const WAL_PAGES = 4000

export interface OpenDatabase {
  readonly db: DatabaseSync
  close(): void
}

/**
 * Opens (and as the writer creates and locks) the database of a state folder: folder 0700, files 0600, write-ahead
 * log, every commit on disk before it counts.
 * @throws {StoreError} `locked`, `corrupt`, `read_only` or `io`.
 */
export function openDatabase(folder: string, readOnly: boolean, maxPages: number): OpenDatabase {
  const path = join(folder, 'state.db')
  if (readOnly) {
    if (!existsSync(path)) throw new StoreError('io', `there is no state in ${folder} yet`)
    const db = new DatabaseSync(path, { readOnly: true, timeout: 5000 })
    migrate(db, true)
    return { db, close: () => db.close() }
  }
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  chmodSync(folder, 0o700)
  // SQLite gives its journals the database file's mode, so the file must exist with the right one first. No file
  // of SQLite's may be opened here once a connection is: closing it would drop SQLite's locks.
  for (const name of ['lock', 'state.db']) {
    const file = join(folder, name)
    if (!existsSync(file)) closeSync(openSync(file, 'a', 0o600))
  }
  const release = lockFolder(folder)
  try {
    const db = new DatabaseSync(path, { timeout: 5000, enableForeignKeyConstraints: true })
    db.exec(`PRAGMA page_size = ${PAGE_BYTES}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON`)
    // Deleted keys and payloads are overwritten, not only unlinked: erasure must not leave them in free pages.
    db.exec(`PRAGMA secure_delete = ON; PRAGMA wal_autocheckpoint = ${WAL_PAGES}; PRAGMA cache_size = -32768`)
    migrate(db, false)
    if (maxPages > 0) db.exec(`PRAGMA max_page_count = ${maxPages}`)
    return {
      db,
      close() {
        db.close()
        release()
      },
    }
  } catch (error) {
    release()
    throw error
  }
}

/** What an exception from SQLite means to whoever asked. */
export function faultOf(error: unknown): { readonly fault: StoreFault; readonly message: string } {
  if (error instanceof StoreError) return { fault: error.fault, message: error.message }
  const message = error instanceof Error ? error.message : String(error)
  const code = (error as { errcode?: unknown }).errcode
  if (typeof code !== 'number') return { fault: 'refused', message }
  switch (code & 0xff) {
    case 13: return { fault: 'full', message }
    case 5: case 10: case 14: return { fault: 'io', message }
    case 8: return { fault: 'read_only', message }
    case 11: case 26: return { fault: 'corrupt', message }
    case 19: return { fault: 'conflict', message }
    default: return { fault: 'refused', message }
  }
}
