import type { ScribeReference, StoreFault } from '../interfaces.ts'

/** What passes between the event loop and the worker: arrays, because they clone faster than objects. */
export type Call = readonly [serial: number, operation: string, parameters: readonly unknown[]]
export type Answer =
  | readonly [serial: number, ok: true, value: unknown]
  | readonly [serial: number, ok: false, fault: StoreFault, message: string]

export interface WorkerSettings {
  readonly folder: string
  readonly readOnly: boolean
  /** Most pages of 8 KiB that the database may have; 0 = as many as the disk takes. */
  readonly maxPages: number
  readonly scribe: ScribeReference | undefined
}

/** The worker's first message: whether it could open the folder. */
export type Opening = { readonly ready: true } | { readonly ready: false; readonly fault: StoreFault; readonly message: string }

export const CLOSE = 'close'
