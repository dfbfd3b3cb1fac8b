import type { DatabaseSync } from 'node:sqlite'
import type { Scribe } from '../interfaces.ts'
import { approvalRows } from './approvals.ts'
import { counterRows } from './counters.ts'
import { grantRows } from './grants.ts'
import { keyRows } from './keys.ts'
import { pinRows } from './pins.ts'
import { receiptRows } from './receipts.ts'
import { revocationRows } from './revocations.ts'
import { sessionRows } from './sessions.ts'
import { subjectRows } from './subjects.ts'
import { workloadRows } from './workloads.ts'

/** Everything that can be asked of the worker, by interface and function. */
export function operationsOf(db: DatabaseSync, scribe: Scribe | undefined) {
  return {
    counters: counterRows(db),
    receipts: receiptRows(db, scribe),
    keys: keyRows(db),
    workloads: workloadRows(db),
    revocations: revocationRows(db),
    subjects: subjectRows(db),
    sessions: sessionRows(db),
    approvals: approvalRows(db),
    grants: grantRows(db),
    pins: pinRows(db),
  }
}

export type Operations = ReturnType<typeof operationsOf>

/** What needs no transaction. Everything else is taken as writing. */
export const READS: ReadonlySet<string> = new Set([
  'counters.load',
  'receipts.head',
  'receipts.read',
  'receipts.tiles',
  'receipts.find',
  'receipts.tail',
  'receipts.interrupted',
  'receipts.payload',
  'receipts.payloadHashes',
  'receipts.payloadBytes',
  'receipts.lastCheckpoint',
  'receipts.checkpoints',
  'keys.all',
  'workloads.all',
  'revocations.all',
  'subjects.get',
  'subjects.held',
  'sessions.get',
  'sessions.all',
  'approvals.get',
  'approvals.pending',
  'approvals.decided',
  'approvals.tally',
  'approvals.found',
  'approvals.standing',
  'grants.get',
  'grants.list',
  'pins.all',
  'pins.texts',
])

/** What destroys a key: afterwards the write-ahead log must be emptied, or the key would still stand in it. */
export const SHREDS: ReadonlySet<string> = new Set(['receipts.erase', 'subjects.destroy', 'approvals.forget', 'grants.drop'])

/** What resolves with the tree's head after the commit. */
export const GROWS: ReadonlySet<string> = new Set(['receipts.append', 'receipts.write'])
