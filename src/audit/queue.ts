import type { Clock } from '../contract/clock.ts'
import type { Act, Intent, Payload, Receipt } from '../contract/receipt.ts'
import type { CounterRow } from '../contract/budget.ts'
import { StoreError, type Receipts, type StoreFault } from '../store/interfaces.ts'
import { clip } from './clip.ts'
import type { AuditEvent } from './events.ts'
import type { AuditSettings } from './settings.ts'
import { textOf } from './text.ts'

/** Longest that a receipt waits for an intent to leave with. */
const RECEIPT_WAIT_MS = 2
/** Batches under way at once: one being committed and one waiting, so that the writer never idles. */
const WINDOW = 2
const FIRST_RETRY_MS = 100
const LAST_RETRY_MS = 5000
/** What an item counts besides its text. */
const ITEM_BYTES = 64

interface Item {
  /** JSON of the record. */
  readonly record: string
  /** JSON of what travels beside it, without the place of its content. */
  readonly beside: string
  readonly content?: { readonly text: string; readonly subject: string; readonly truncated: boolean }
}

/** Items that share their fate, and the promise that tells it. */
interface Group {
  readonly items: Item[]
  bytes: number
  readonly done: Promise<void>
  resolve(): void
  reject(error: Error): void
}

export interface Queue {
  intent(record: Intent, rows: readonly CounterRow[]): Promise<void>
  receipt(record: Receipt, payload: Payload | undefined): Promise<void>
  act(record: Act): Promise<void>
  healthy(): boolean
  /** Resolves when everything queued so far is on disk, or could not be written for now. */
  flush(): Promise<void>
  /** Lets go of the subject's content among what could not be written yet. */
  forget(subject: string): void
  /** As `flush`, with one last attempt at what could not be written. Gives the number of records given up. */
  close(): Promise<number>
}

export interface QueueOptions {
  readonly receipts: Pick<Receipts, 'write'>
  readonly settings: AuditSettings
  readonly clock: Clock
  readonly on: (event: AuditEvent) => void
  /** The act that tells of a fault once it is over. */
  readonly recovered: (fault: StoreFault, since: number, refused: number) => Act
}

/**
 * The event loop's side of the log. Records of one turn leave in one string while others are being written; the store's side makes them canonical,
 * seals and hashes them. When the store cannot write, intents are refused at once (their exchanges then do not
 * happen), while receipts and acts tell of what did happen: they are kept, within bounds, and tried again.
 */
export function queueOver({ receipts, settings, clock, on, recovered }: QueueOptions): Queue {
  let order: { readonly group: 'intents' | 'kept'; readonly item: Item }[] = []
  let intents = groupOf()
  let kept = groupOf()
  let backlog: Group[] = []
  let fault: { readonly kind: StoreFault; readonly since: number; refused: number } | undefined
  let scheduled = false
  let underway = 0
  let queued = 0
  let delay = FIRST_RETRY_MS
  let cancelRetry: (() => void) | undefined
  let cancelSoon: (() => void) | undefined
  let closed = false
  const pending = new Set<Promise<void>>()

  function put(name: 'intents' | 'kept', item: Item): Promise<void> {
    const bytes = ITEM_BYTES + item.record.length + item.beside.length + (item.content?.text.length ?? 0)
    // Receipts have twice the room: what they tell of has happened, and was let through while intents still fitted.
    const room = name === 'intents' ? settings.queueBytes : settings.queueBytes * 2
    if (closed) return failed(new StoreError('closed', 'the audit log is closed'))
    if (queued + bytes > room) {
      if (name === 'kept') on({ kind: 'lost', records: 1 })
      return failed(new StoreError('overloaded', 'more records wait for the disk than audit.queue_bytes allows'))
    }
    if (name === 'intents' && fault !== undefined) {
      fault.refused++
      return failed(new StoreError(fault.kind, 'the audit log cannot be written'))
    }
    const group = name === 'intents' ? intents : kept
    queued += bytes
    group.bytes += bytes
    group.items.push(item)
    if (fault !== undefined) return group.done
    order.push({ group: name, item })
    if (name === 'intents') schedule()
    else soon()
    return group.done
  }

  function schedule(): void {
    if (scheduled || underway >= WINDOW) return
    // Nothing is being written: to wait for what this turn may still bring would only add to the wait.
    if (underway === 0) return leave()
    scheduled = true
    setImmediate(() => {
      scheduled = false
      if (underway < WINDOW && order.length > 0 && fault === undefined) leave()
    })
  }

  /** Nobody waits for a receipt: it leaves with the next intent, or by itself a moment later. Half the commits. */
  function soon(): void {
    if (scheduled || cancelSoon !== undefined) return
    // Not the injected clock: like setImmediate above, this is about this process's own loop.
    const timer = setTimeout(() => {
      cancelSoon = undefined
      schedule()
    }, RECEIPT_WAIT_MS)
    cancelSoon = () => clearTimeout(timer)
  }

  function leave(): void {
    cancelSoon?.()
    cancelSoon = undefined
    const batch = [intents, kept] as const
    const items = order.map((one) => one.item)
    order = []
    intents = groupOf()
    kept = groupOf()
    track(send(items, batch[0], batch[1]))
  }

  async function send(items: readonly Item[], ours: Group, theirs: Group): Promise<void> {
    underway++
    try {
      await write(items)
      done(ours)
      done(theirs)
      on({ kind: 'committed', records: items.length })
    } catch (error) {
      fail(ours, faultError(error))
      if (theirs.items.length > 0) backlog.push(theirs)
      broken(faultError(error))
    } finally {
      underway--
    }
    if (intents.items.length > 0 && fault === undefined) schedule()
    else if (order.length > 0 && fault === undefined) soon()
  }

  async function write(items: readonly Item[]): Promise<void> {
    const contents: string[] = []
    const texts = items.map((item) => {
      if (item.content === undefined) return `{"record":${item.record}${item.beside}}`
      contents.push(item.content.text)
      const { subject, truncated } = item.content
      return `{"record":${item.record}${item.beside},"content":{"at":${contents.length - 1},"subject":${JSON.stringify(subject)},"truncated":${truncated}}}`
    })
    await receipts.write(`{"quota":${settings.payloadQuota},"items":[${texts.join(',')}]}`, contents)
  }

  function done(group: Group): void {
    queued -= group.bytes
    group.resolve()
  }

  function fail(group: Group, error: Error): void {
    queued -= group.bytes
    group.reject(error)
  }

  function broken(error: StoreError): void {
    // What was put since the batch left has not been tried, and cannot be promised.
    order = []
    if (intents.items.length > 0) {
      fail(intents, error)
      intents = groupOf()
    }
    if (fault === undefined) {
      fault = { kind: error.fault, since: clock.wall(), refused: 0 }
      on({ kind: 'unwritable', fault: error.fault, message: error.message })
    }
    if (cancelRetry !== undefined || closed) return
    cancelRetry = clock.timer(delay, () => {
      cancelRetry = undefined
      track(retry())
    })
    delay = Math.min(delay * 2, LAST_RETRY_MS)
  }

  /** Everything kept, with the act that tells of the fault, in one transaction: it is over when that is on disk. */
  async function retry(): Promise<void> {
    if (fault === undefined) return
    const groups = [...backlog, kept]
    backlog = []
    kept = groupOf()
    const act: Item = { record: textOf(recovered(fault.kind, fault.since, fault.refused)), beside: '' }
    underway++
    try {
      await write([...groups.flatMap((group) => group.items), act])
      const { kind, since, refused } = fault
      fault = undefined
      delay = FIRST_RETRY_MS
      for (const group of groups) done(group)
      on({ kind: 'writable', fault: kind, since, refused })
      // What came during the attempt was only kept.
      for (const item of kept.items) order.push({ group: 'kept', item })
    } catch (error) {
      backlog = [...groups.filter((group) => group.items.length > 0), ...backlog]
      broken(faultError(error))
    } finally {
      underway--
    }
    if (order.length > 0) schedule()
  }

  function track(work: Promise<void>): void {
    pending.add(work)
    void work.finally(() => pending.delete(work))
  }

  function guarded(make: () => Promise<void>): Promise<void> {
    try {
      return make()
    } catch (error) {
      return failed(error instanceof Error ? error : new Error(String(error)))
    }
  }

  /** Attempts, not promises: on a full disk what is kept may wait for ever. */
  async function flush(): Promise<void> {
    if (order.length > 0 && fault === undefined) leave()
    await Promise.allSettled([...pending])
  }

  return {
    intent: (record, rows) =>
      guarded(() => put('intents', { record: textOf(record), beside: rows.length === 0 ? '' : `,"rows":${JSON.stringify(rows)}` })),
    receipt: (record, payload) =>
      guarded(() => {
        const content = payload === undefined ? undefined : contentOf(payload, settings)
        return put('kept', { record: textOf(record), beside: '', ...(content !== undefined && { content }) })
      }),
    act: (record) => guarded(() => put('kept', { record: textOf(record), beside: '' })),
    healthy: () => fault === undefined && !closed && queued < settings.queueBytes,
    flush,
    forget(subject) {
      for (const { items } of [...backlog, kept]) {
        for (const [at, item] of items.entries()) {
          if (item.content?.subject === subject) items[at] = { record: item.record, beside: item.beside }
        }
      }
    },
    async close() {
      await flush()
      cancelRetry?.()
      cancelRetry = undefined
      closed = true
      if (fault !== undefined) await retry()
      while (order.length > 0 || pending.size > 0) await flush()
      const lost = [...backlog, kept]
      for (const group of lost) fail(group, new StoreError('closed', 'the audit log was closed before it could be written'))
      return lost.reduce((sum, group) => sum + group.items.length, 0)
    },
  }
}

function groupOf(): Group {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  // Whoever waits still sees it fail; who does not must not bring the process down.
  promise.catch(() => undefined)
  return { items: [], bytes: 0, done: promise, resolve, reject }
}

function failed(error: Error): Promise<void> {
  const rejected = Promise.reject<void>(error)
  rejected.catch(() => undefined)
  return rejected
}

function faultError(error: unknown): StoreError {
  return error instanceof StoreError ? error : new StoreError('io', error instanceof Error ? error.message : String(error))
}

/** The payload's text within the cap: what was found and why first, then the reply, the mirrors', and the request. */
function contentOf(payload: Payload, settings: AuditSettings): Item['content'] {
  if (settings.payload === 'none') return undefined
  const notes = clip({ findings: payload.findings, detail: payload.detail, ...(settings.payload === 'full' && { flow: payload.flow }) }, Math.floor(settings.payloadBytes / 4))
  if (settings.payload === 'masked') {
    const text = JSON.stringify(notes.value)
    return text === '{}' ? undefined : { text, subject: payload.subject, truncated: notes.truncated }
  }
  const reply = clip(payload.reply, Math.floor(settings.payloadBytes / 4))
  // Long conversations are mostly in earlier receipts already, so mirrors take their room.
  const mirrors = clip(payload.mirrors, Math.floor(settings.payloadBytes / 4))
  const request = clip(payload.request, Math.floor(settings.payloadBytes / (payload.mirrors === undefined ? 2 : 4)))
  const value = {
    ...(notes.value as object),
    ...(payload.reply !== undefined && { reply: reply.value }),
    ...(payload.mirrors !== undefined && { mirrors: mirrors.value }),
    ...(payload.request !== undefined && { request: request.value }),
  }
  return { text: JSON.stringify(value), subject: payload.subject, truncated: [notes, reply, mirrors, request].some((one) => one.truncated) }
}

