import type { Clock } from '../contract/clock.ts'
import type { Receipts } from '../store/interfaces.ts'
import type { AuditEvent } from './events.ts'
import type { Keyring } from './keyring.ts'
import { signCheckpoint } from './note.ts'
import type { SecondPlace } from './second-place.ts'

export interface CheckpointOptions {
  readonly receipts: Pick<Receipts, 'head' | 'saveCheckpoint'>
  readonly keyring: Keyring
  readonly place: SecondPlace
  readonly everyMs: number
  readonly lateAfterMs: number
  readonly clock: Clock
  readonly on: (event: AuditEvent) => void
  /** Leaves an act in the log: once when the second place is late, once when it has caught up. */
  readonly alarm: (act: 'checkpoint.late' | 'checkpoint.caught_up', detail: Readonly<Record<string, string | number>>) => void
  /** Size of the newest checkpoint stored before. */
  readonly last: number
}

export interface Checkpoints {
  /** Signs what is new, and waits until the second place has it or has failed. */
  now(): Promise<void>
  /** One last checkpoint; nothing runs afterwards. */
  close(): Promise<void>
}

/** Signs a checkpoint in every interval that brought something new, stores it and sends it to the second place. */
export function startCheckpoints(options: CheckpointOptions): Checkpoints {
  const { receipts, keyring, clock, on } = options
  let signed = options.last
  // The newest checkpoint that the second place lacks; an older one is not worth sending any more.
  let owed: { readonly note: string; readonly size: number } | undefined
  let owedSince = 0
  let late = false
  let reason = 'it has not answered'
  let delivering: Promise<void> | undefined
  let signing: Promise<void> | undefined
  let closed = false
  let cancel = clock.timer(options.everyMs, tick)

  function tick(): void {
    cancel = clock.timer(options.everyMs, tick)
    void round()
  }

  function round(): Promise<void> {
    signing ??= make().finally(() => (signing = undefined))
    return signing
  }

  async function make(): Promise<void> {
    try {
      const head = await receipts.head()
      if (head.size > signed) {
        const note = signCheckpoint(keyring.origin, head, keyring.sign[0])
        await receipts.saveCheckpoint(note, head)
        signed = head.size
        if (owed === undefined) owedSince = clock.monotonic()
        owed = { note, size: head.size }
        on({ kind: 'checkpoint', size: head.size })
      }
    } catch (error) {
      on({ kind: 'checkpoint_failed', message: messageOf(error) })
    }
    if (owed !== undefined && delivering === undefined) delivering = deliver(owed).finally(() => (delivering = undefined))
    watch()
  }

  async function deliver({ note, size }: { readonly note: string; readonly size: number }): Promise<void> {
    try {
      await options.place(note)
      // Something newer may be owed by now; what it lacks has been owed only since this one left.
      if (owed?.size === size) owed = undefined
      else owedSince = clock.monotonic()
      on({ kind: 'checkpoint_kept', size })
      if (!late) return
      late = false
      options.alarm('checkpoint.caught_up', { size })
    } catch (error) {
      reason = messageOf(error)
      on({ kind: 'checkpoint_failed', message: reason })
    }
  }

  function watch(): void {
    if (late || closed || owed === undefined) return
    const sinceMs = clock.monotonic() - owedSince
    if (sinceMs < options.lateAfterMs) return
    late = true
    on({ kind: 'checkpoint_late', size: owed.size, sinceMs, message: reason })
    options.alarm('checkpoint.late', { size: owed.size, reason: reason.slice(0, 500) })
  }

  async function now(): Promise<void> {
    await signing
    await delivering
    await round()
    await delivering
  }

  return {
    now,
    async close() {
      closed = true
      cancel()
      await now()
    },
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
