import type { Worker } from 'node:worker_threads'
import { StoreError } from '../interfaces.ts'
import { CLOSE, type Answer, type Call } from './wire.ts'

/** Messages under way at once: one being committed and one waiting for it, so that the worker never idles. */
const WINDOW = 2
/** What a call counts besides its strings and byte arrays. */
const CALL_BYTES = 256

interface Waiting {
  readonly bytes: number
  resolve(value: unknown): void
  reject(error: StoreError): void
}

export interface Calls {
  /** Resolves with what the worker gave once it is on disk. @throws {StoreError} */
  call(operation: string, parameters: readonly unknown[]): Promise<unknown>
  pressure(): number
  close(): Promise<void>
}

/**
 * The event loop's side of the port. The first call goes to an idle worker at once; further ones of a turn travel in one
 * message; while `WINDOW` messages are unanswered further calls wait here and then leave together, so a busy worker gets
 * few, large messages.
 */
export function callsTo(worker: Worker, limitBytes: number): Calls {
  const waiting = new Map<number, Waiting>()
  let unsent: Call[] = []
  let underway = 0
  let scheduled = false
  let queued = 0
  let serial = 0
  let ended: StoreError | undefined

  function send(): void {
    scheduled = false
    if (unsent.length === 0 || underway >= WINDOW || ended !== undefined) return
    const message = unsent
    unsent = []
    underway++
    try {
      worker.postMessage(message)
    } catch (error) {
      // Something in these calls cannot travel: they fail, the store goes on.
      underway--
      for (const [id] of message) finish(id)?.reject(new StoreError('refused', error instanceof Error ? error.message : String(error)))
    }
  }

  function finish(id: number): Waiting | undefined {
    const found = waiting.get(id)
    waiting.delete(id)
    queued -= found?.bytes ?? 0
    if (waiting.size === 0) worker.unref()
    return found
  }

  function end(error: StoreError): void {
    ended ??= error
    for (const id of [...waiting.keys()]) finish(id)?.reject(ended)
    unsent = []
  }

  worker.on('message', (answers: readonly Answer[]) => {
    underway--
    for (const answer of answers) {
      const found = finish(answer[0])
      if (answer[1]) found?.resolve(answer[2])
      else found?.reject(new StoreError(answer[2], answer[3]))
    }
    send()
  })
  worker.on('error', (error: unknown) => end(new StoreError('closed', `the store's worker ended: ${error instanceof Error ? error.message : String(error)}`)))
  worker.on('exit', () => end(new StoreError('closed', 'the store is closed')))
  worker.unref()

  function post(operation: string, parameters: readonly unknown[], bytes: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (waiting.size === 0) worker.ref()
      serial++
      waiting.set(serial, { bytes, resolve, reject })
      queued += bytes
      unsent.push([serial, operation, parameters])
      if (scheduled || underway >= WINDOW) return
      // An idle worker begins at once, while the rest of this turn goes on here.
      if (underway === 0) return send()
      scheduled = true
      queueMicrotask(send)
    })
  }

  return {
    call(operation, parameters) {
      if (ended !== undefined) return Promise.reject(ended)
      const bytes = CALL_BYTES + bytesOf(parameters)
      // A single call over the limit may still pass an empty queue, or it could never pass.
      if (queued > 0 && queued + bytes > limitBytes) return Promise.reject(new StoreError('overloaded', 'more is queued for the store than it accepts'))
      return post(operation, parameters, bytes)
    },
    pressure: () => (ended === undefined ? queued / limitBytes : 1),
    async close() {
      if (ended !== undefined) return
      const closed = post(CLOSE, [], 0)
      ended = new StoreError('closed', 'the store is closed')
      flushForClose()
      await closed
      await worker.terminate()
    },
  }

  /** `ended` stops `send`, so that the last message has to leave past it. */
  function flushForClose(): void {
    const message = unsent
    unsent = []
    underway++
    worker.postMessage(message)
  }
}

function bytesOf(value: unknown): number {
  if (typeof value === 'string') return value.length
  if (value instanceof Uint8Array) return value.length
  if (typeof value !== 'object' || value === null) return 8
  let bytes = 0
  for (const one of Object.values(value)) bytes += bytesOf(one)
  return bytes
}
