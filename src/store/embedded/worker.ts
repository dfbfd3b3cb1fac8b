import { parentPort, receiveMessageOnPort, workerData, type MessagePort } from 'node:worker_threads'
import type { Scribe, ScribeReference } from '../interfaces.ts'
import { faultOf, openDatabase, type OpenDatabase } from './database.ts'
import { GROWS, operationsOf, READS, SHREDS } from './operations.ts'
import { CLOSE, type Answer, type Call, type Opening, type WorkerSettings } from './wire.ts'

/**
 * The thread that owns the database. Whatever was posted while it was busy is taken together and committed in one
 * transaction (group commit whenever idle, no timer); answers leave only after that commit is on disk.
 */
async function start(port: MessagePort, settings: WorkerSettings): Promise<void> {
  let open: OpenDatabase
  try {
    open = openDatabase(settings.folder, settings.readOnly, settings.maxPages)
  } catch (error) {
    port.postMessage({ ready: false, ...faultOf(error) } satisfies Opening)
    return
  }
  try {
    const answer = answererOf(open, await scribeOf(settings.scribe), settings.readOnly)
    port.on('message', (first: readonly Call[]) => {
      const calls = [...first]
      for (let next = receiveMessageOnPort(port); next !== undefined; next = receiveMessageOnPort(port)) {
        calls.push(...(next.message as readonly Call[]))
      }
      const closing = calls.find((call) => call[1] === CLOSE)
      port.postMessage(answer(calls.filter((call) => call !== closing)))
      if (closing === undefined) return
      open.close()
      port.postMessage([[closing[0], true, undefined]] satisfies Answer[])
      port.close()
    })
    port.postMessage({ ready: true } satisfies Opening)
  } catch (error) {
    open.close()
    port.postMessage({ ready: false, ...faultOf(error) } satisfies Opening)
  }
}

async function scribeOf(reference: ScribeReference | undefined): Promise<Scribe | undefined> {
  if (reference === undefined) return undefined
  const module = (await import(reference.module)) as { openScribe(options: unknown): Scribe }
  return module.openScribe(reference.options)
}

function answererOf({ db }: OpenDatabase, scribe: Scribe | undefined, readOnly: boolean): (calls: readonly Call[]) => Answer[] {
  const operations = operationsOf(db, scribe)
  const begin = db.prepare('BEGIN IMMEDIATE')
  const commit = db.prepare('COMMIT')

  function perform(operation: string, parameters: readonly unknown[]): unknown {
    if (operation === 'receipts.head') return operations.receipts.head(readOnly)
    const [group, name] = operation.split('.') as [keyof typeof operations, string]
    const run = (operations[group] as unknown as Record<string, (...given: readonly unknown[]) => unknown>)[name]
    if (run === undefined) throw new TypeError(`no operation ${operation}`)
    return run(...parameters)
  }

  /** @throws whatever the first failing call threw; nothing of the group happened then. */
  function together(calls: readonly Call[]): Answer[] {
    const writing = !readOnly && calls.some((call) => !READS.has(call[1]))
    if (!writing) return calls.map(([serial, operation, parameters]) => [serial, true, perform(operation, parameters)])
    begin.run()
    try {
      const values = calls.map(([, operation, parameters]) => perform(operation, parameters))
      operations.receipts.seal()
      commit.run()
      const head = calls.some((call) => GROWS.has(call[1])) ? operations.receipts.head(false) : undefined
      return calls.map(([serial, operation], at) => [serial, true, GROWS.has(operation) ? head : values[at]])
    } catch (error) {
      if (db.isTransaction) db.exec('ROLLBACK')
      operations.receipts.revert()
      throw error
    }
  }

  /** One call's fault must not take its neighbours' work with it: a group that failed is done again one by one. */
  function apart(call: Call): Answer {
    try {
      return together([call])[0] as Answer
    } catch (error) {
      const { fault, message } = faultOf(error)
      return [call[0], false, fault, message]
    }
  }

  function answer(calls: readonly Call[]): Answer[] {
    try {
      return together(calls)
    } catch {
      return calls.map(apart)
    }
  }

  const empty = db.prepare('PRAGMA wal_checkpoint(TRUNCATE)')
  let shredding = false

  /** Tried again with every later group until no reader stands in the way. */
  function emptyLog(): void {
    try {
      shredding = Number(empty.get()?.['busy']) !== 0
    } catch (error) {
      if (faultOf(error).fault === 'corrupt') throw error
    }
  }

  return (calls) => {
    const answers = answer(calls)
    shredding ||= !readOnly && calls.some((call) => SHREDS.has(call[1]))
    if (shredding) emptyLog()
    return answers
  }
}

if (parentPort === null) throw new Error('worker.ts runs in a worker thread only')
await start(parentPort, workerData as WorkerSettings)
