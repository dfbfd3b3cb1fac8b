import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { approvalsContract } from '../contract/approvals.ts'
import { countersContract } from '../contract/counters.ts'
import { keysContract } from '../contract/keys.ts'
import { pinsContract } from '../contract/pins.ts'
import { receiptsContract } from '../contract/receipts.ts'
import { grantsContract } from '../contract/grants.ts'
import { revocationsContract } from '../contract/revocations.ts'
import { sessionsContract } from '../contract/sessions.ts'
import { subjectsContract } from '../contract/subjects.ts'
import { workloadsContract } from '../contract/workloads.ts'
import type { Store } from '../interfaces.ts'
import { openEmbedded } from './open.ts'

async function make(t: TestContext): Promise<Store> {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-store-'))
  const store = await openEmbedded({ folder })
  t.after(async () => {
    await store.close()
    rmSync(folder, { recursive: true })
  })
  return store
}

countersContract(make)
receiptsContract(make)
keysContract(make)
subjectsContract(make)
sessionsContract(make)
approvalsContract(make)
workloadsContract(make)
revocationsContract(make)
grantsContract(make)
pinsContract(make)
