import { Worker } from 'node:worker_threads'
import { StoreError, type ScribeReference, type Store } from '../interfaces.ts'
import { callsTo, type Calls } from './calls.ts'
import type { Opening, WorkerSettings } from './wire.ts'

export interface EmbeddedOptions {
  /** The state folder: created with mode 0700 when missing. One process may write it at a time. */
  readonly folder: string
  /** Reads beside the process that writes; every writing call then rejects with `read_only`. */
  readonly readOnly?: boolean
  /** Most pages of 8 KiB for the database; over it writes reject with `full`. Absent = the disk's own limit. */
  readonly maxPages?: number
  /** Most bytes queued for the worker before calls reject with `overloaded`. Default 64 MiB. */
  readonly queueBytes?: number
  /** Needed for `receipts.write` alone. */
  readonly scribe?: ScribeReference
}

/**
 * Opens the embedded store: node:sqlite in a worker thread.
 * @throws {StoreError} `locked` (naming the holder), `corrupt`, `read_only` or `io`.
 */
export async function openEmbedded(options: EmbeddedOptions): Promise<Store> {
  const settings: WorkerSettings = {
    folder: options.folder,
    readOnly: options.readOnly ?? false,
    maxPages: options.maxPages ?? 0,
    scribe: options.scribe,
  }
  // Published builds are compiled: the worker's file then ends as this one does.
  const file = import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js'
  const worker = new Worker(new URL(file, import.meta.url), { workerData: settings, name: 'store', env: {}, execArgv: [] })
  const opening = await new Promise<Opening>((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
  })
  if (!opening.ready) {
    await worker.terminate()
    throw new StoreError(opening.fault, opening.message)
  }
  worker.removeAllListeners('error')
  return storeOver(callsTo(worker, options.queueBytes ?? 64 * 1024 * 1024))
}

type Functions<T> = { readonly [name in keyof T]: (...given: never[]) => Promise<unknown> }

function storeOver(calls: Calls): Store {
  /** An interface whose every function is one call to the worker. */
  function remote<T extends Functions<T>>(group: string, names: readonly (keyof T & string)[]): T {
    const made: Record<string, (...given: unknown[]) => Promise<unknown>> = {}
    for (const name of names) {
      const operation = `${group}.${name}`
      made[name] = (...given) => calls.call(operation, given)
    }
    return made as unknown as T
  }
  return {
    counters: remote<Store['counters']>('counters', ['load', 'settle', 'sweep']),
    receipts: remote<Store['receipts']>('receipts', [
      'append', 'write', 'head', 'read', 'tiles', 'find', 'tail', 'interrupted', 'payload', 'payloadHashes', 'payloadBytes', 'dropPayloads',
      'expirePayloads', 'erase', 'saveCheckpoint', 'lastCheckpoint', 'checkpoints',
    ]),
    keys: remote<Store['keys']>('keys', ['all', 'insert', 'revoke']),
    workloads: remote<Store['workloads']>('workloads', ['all', 'offer', 'enrol', 'renew', 'revoke', 'revokeCertificate', 'sweep']),
    grants: remote<Store['grants']>('grants', ['get', 'put', 'drop', 'list']),
    revocations: remote<Store['revocations']>('revocations', ['all', 'put', 'lift', 'sweep']),
    subjects: remote<Store['subjects']>('subjects', ['get', 'put', 'destroy', 'hold', 'held']),
    sessions: remote<Store['sessions']>('sessions', ['get', 'put', 'drop', 'all', 'sweep']),
    approvals: remote<Store['approvals']>('approvals', [
      'insert', 'get', 'pending', 'decide', 'decided', 'tally', 'consent', 'found', 'standing', 'use', 'withdraw', 'forget', 'sweep',
    ]),
    pins: remote<Store['pins']>('pins', ['all', 'texts', 'note', 'endorse']),
    pressure: () => calls.pressure(),
    close: () => calls.close(),
  }
}
