import type { KeyScope } from '../settings.ts'

/** A workload that was enrolled here. */
export interface Workload {
  /** `spiffe://<trust domain>/<path>` */
  readonly id: string
  readonly tenant: string
  /** What it may at most do; the same words as for a key. */
  readonly scope: KeyScope
  /** Milliseconds since the Unix epoch. */
  readonly created: number
  /** Set where it was revoked: whatever it presents is refused then. */
  readonly revoked?: number
}

/** What the verification of a presented chain needs to know: in memory, and current at every call. */
export interface Trust {
  readonly trustDomain: string
  /** DER of the roots that SVIDs may lead to, the signing one first; the same array until they change. */
  anchors(): readonly Uint8Array[]
  /** The workload of a SPIFFE id, revoked or not; undefined where none was enrolled under it. */
  find(spiffeId: string): Workload | undefined
  /** Whether a certificate was revoked by its serial number: upper-case hexadecimal, as `X509Certificate.serialNumber` of node:crypto. */
  isRevoked(serial: string): boolean
}
