import type { Clock } from '../contract/clock.ts'
import type { Dial } from '../contract/dial.ts'
import type { Act, Audit, Intent } from '../contract/receipt.ts'
import { canonicalJson } from '../formats/canonical.ts'
import { uuid7Maker } from '../formats/ids.ts'
import type { Store } from '../store/interfaces.ts'
import { startCheckpoints } from './checkpoints.ts'
import type { AuditEvent } from './events.ts'
import { interruptedReceipt } from './interrupted.ts'
import { hasKeyring, KeyringError, makeKeyring, readKeyring } from './keyring.ts'
import { verifierOf, verifierText } from './note.ts'
import { queueOver } from './queue.ts'
import { secondPlaceOf } from './second-place.ts'
import type { AuditSettings } from './settings.ts'

const HOUR_MS = 3_600_000
/** Interrupted intents closed in one batch. */
const AT_ONCE = 1000

export interface AuditOptions {
  /** Opened with `scribeFor(folder)`. */
  readonly store: Store
  /** The state folder: the audit keys and, by default, the checkpoint file are in it. */
  readonly folder: string
  readonly settings: AuditSettings
  readonly clock: Clock
  /** Needed where checkpoints go to a URL. */
  readonly dial?: Dial
  readonly on?: (event: AuditEvent) => void
}

/** Whose content, and who wants it: an operator's name, for the record. */
export interface Erasure {
  readonly subject: string
  readonly tenant: string
  readonly by: string
}

export interface AuditLog extends Audit {
  /** The key that verifies this log's checkpoints (C2SP signed-note), to be kept elsewhere. */
  readonly verifier: string
  /** Everything queued so far is on disk, or has failed. */
  flush(): Promise<void>
  /** Signs what is new and sends it to the second place. */
  checkpoint(): Promise<void>
  /**
   * Destroys the subject's key and payloads and leaves an act; records and tree stay. Gives the payloads dropped.
   * @throws {StoreError} `held`, with the reason, under a legal hold.
   */
  erase(erasure: Erasure): Promise<number>
  /** Forbids erasure and expiry until then (ms since the epoch; undefined = until lifted by a past time). */
  hold(erasure: Erasure, until: number | undefined, reason: string): Promise<void>
  /** Writes what is queued, signs a last checkpoint and stops. Gives the number of records that could not be written. */
  close(): Promise<number>
}

/**
 * Opens the audit log: makes its keys at first start, closes what an earlier process left open as `interrupted`, and
 * signs checkpoints from then on.
 * @throws {KeyringError} when a log that exists has lost its keys: new ones would hide that.
 */
export async function openAudit({ store, folder, settings, clock, dial, on }: AuditOptions): Promise<AuditLog> {
  const tell = tellerOf(on)
  const { receipts } = store
  const head = await receipts.head()
  if (!hasKeyring(folder)) {
    if (head.size > 0) throw new KeyringError('the audit log has entries, and its keys are gone: restore audit-keys.json')
    makeKeyring(folder)
  }
  const keyring = readKeyring(folder)
  const newId = uuid7Maker(() => clock.wall())
  const place = secondPlaceOf(settings.checkpoints.to, folder, clock, dial)
  const actOf = (act: string, detail: Act['detail'], by = 'sallyport', tenant = 'default'): Act => ({
    kind: 'act', exchange: newId(), tenant, at: clock.wall(), by, act, detail,
  })
  const queue = queueOver({
    receipts,
    settings,
    clock,
    on: tell,
    recovered: (fault, since, refused) => actOf('audit.recovered', { fault, since, refused }),
  })

  const last = await receipts.lastCheckpoint()
  if (last !== undefined && last.head.size > head.size) {
    tell({ kind: 'rolled_back', size: head.size, checkpoint: last.head.size })
    void queue.act(actOf('audit.rolled_back', { size: head.size, checkpoint: last.head.size }))
  }
  await closeInterrupted()
  const checkpoints = startCheckpoints({
    receipts,
    keyring,
    place,
    everyMs: settings.checkpoints.everyMs,
    lateAfterMs: settings.checkpoints.lateAfterMs,
    clock,
    on: tell,
    alarm: (act, detail) => void queue.act(actOf(act, detail)),
    last: last?.head.size ?? 0,
  })
  let cancelExpiry = clock.timer(0, expire)

  async function closeInterrupted(): Promise<void> {
    const open = await receipts.interrupted()
    if (open.length === 0) return
    const now = clock.wall()
    for (const [at, entry] of open.entries()) {
      const intent = JSON.parse(Buffer.from(entry.record).toString('utf8')) as Intent
      void queue.receipt(interruptedReceipt(intent, now), undefined)
      if (at % AT_ONCE === AT_ONCE - 1) await queue.flush()
    }
    // On a full disk they are kept and tried again like any receipt: the start does not wait for that.
    await queue.flush()
    tell({ kind: 'interrupted', exchanges: open.length })
  }

  function expire(): void {
    cancelExpiry = clock.timer(HOUR_MS, expire)
    const now = clock.wall()
    receipts.expirePayloads(now - settings.payloadRetentionMs, now).then(
      (dropped) => {
        if (dropped === 0) return
        tell({ kind: 'payloads_expired', dropped })
        void queue.act(actOf('payloads.expired', { dropped, before: now - settings.payloadRetentionMs }))
      },
      // The store's fault shows at the next record, which is what health hangs on; expiry comes round again.
      () => undefined,
    )
  }

  return {
    intent: (record, rows) => queue.intent(record, rows),
    receipt: (record, payload) => queue.receipt(record, payload),
    act: (record) => queue.act(record),
    healthy: () => queue.healthy(),
    verifier: verifierText(verifierOf(keyring.origin, keyring.sign[0].publicKey)),
    flush: () => queue.flush(),
    checkpoint: () => checkpoints.now(),
    async erase({ subject, tenant, by }) {
      // What is queued of this subject must be in the store, or it would come back after the erasure.
      await queue.flush()
      queue.forget(subject)
      const act = actOf('subject.erased', { subject }, by, tenant)
      return receipts.erase(subject, clock.wall(), { id: act.exchange, tenant, kind: 'act', record: Buffer.from(canonicalJson(act)) })
    },
    async hold({ subject, tenant, by }, until, reason) {
      await store.subjects.hold(subject, until, reason)
      await queue.act(actOf('subject.held', { subject, reason, ...(until !== undefined && { until }) }, by, tenant))
    },
    async close() {
      cancelExpiry()
      const lost = await queue.close()
      await checkpoints.close()
      return lost
    },
  }
}

/** An observer's failure must not stop the log. */
function tellerOf(on: AuditOptions['on']): (event: AuditEvent) => void {
  return (event) => {
    try {
      on?.(event)
    } catch (error) {
      process.emitWarning(error instanceof Error ? error : String(error))
    }
  }
}
