import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { StoreError } from '../interfaces.ts'

/**
 * Makes this process the only writer of a state folder. The lock is an open exclusive transaction on an empty
 * database: the operating system gives it up with the process, also after kill -9, so it is never stale. Who holds
 * it stands in a file beside it, because the lock's own file must not be opened by anything but SQLite (closing any
 * descriptor of it would drop the lock of the whole process).
 * @throws {StoreError} `locked`, naming the holder.
 */
export function lockFolder(folder: string): () => void {
  const path = join(folder, 'lock')
  const holder = join(folder, 'lock.json')
  const db = new DatabaseSync(path, { timeout: 0 })
  try {
    db.exec('BEGIN EXCLUSIVE')
  } catch {
    db.close()
    throw new StoreError('locked', `the state folder ${folder} is in use by ${holderOf(holder)}`)
  }
  writeFileSync(holder, JSON.stringify({ pid: process.pid, host: hostname(), since: new Date().toISOString() }), { mode: 0o600 })
  return () => {
    rmSync(holder, { force: true })
    db.close()
  }
}

function holderOf(path: string): string {
  try {
    const written: unknown = JSON.parse(readFileSync(path, 'utf8'))
    const { pid, host, since } = written as { pid: number; host: string; since: string }
    return `process ${pid} on ${host} since ${since}`
  } catch {
    return 'another process'
  }
}
