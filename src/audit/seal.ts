import { createCipheriv, createDecipheriv, createSecretKey, randomBytes, randomFillSync, type KeyObject } from 'node:crypto'
import type { DataKey } from '../store/interfaces.ts'
import type { SealKey } from './keyring.ts'

/**
 * Sealed values: `version ‖ length of key id ‖ key id ‖ nonce (12) ‖ ciphertext ‖ tag (16)`, AES-256-GCM. A data key
 * is itself a sealed value, whose key is a named one of the keyring; payloads are sealed under data keys.
 */
const VERSION = 1
const NONCE = 12
const TAG = 16

const nonces = Buffer.alloc(NONCE * 512)
let nonceAt = nonces.length

/** Random, so that no counter has to survive a crash; one key seals far fewer than the 2^32 values this is safe for. */
function nextNonce(): Buffer {
  if (nonceAt === nonces.length) {
    randomFillSync(nonces)
    nonceAt = 0
  }
  nonceAt += NONCE
  return nonces.subarray(nonceAt - NONCE, nonceAt)
}

/** A subject's key, ready for use. */
export interface OpenDataKey {
  readonly id: string
  readonly key: KeyObject
}

/** Makes a subject's data key and wraps it. Whoever has no key-encryption key, or another subject, cannot open it. */
export function makeDataKey(subject: string, under: SealKey): { readonly open: OpenDataKey; readonly wrapped: DataKey } {
  const id = `data-${randomBytes(8).toString('hex')}`
  const key = randomBytes(32)
  const plain = Buffer.concat([Buffer.from(id.padEnd(32)), key])
  const wrapped = sealWith(under.id, createSecretKey(under.key), Buffer.from(subject), plain)
  return { open: { id, key: createSecretKey(key) }, wrapped: { wrapped, under: under.id } }
}

/** @throws {Error} when no key at hand made it, or it was changed. */
export function openDataKey(subject: string, { wrapped, under }: DataKey, keys: readonly SealKey[]): OpenDataKey {
  const wrapper = keys.find((one) => one.id === under)
  if (wrapper === undefined) throw new Error(`the data key is wrapped under ${under}, which is not at hand`)
  const plain = openWith(wrapper.id, createSecretKey(wrapper.key), Buffer.from(subject), wrapped)
  return { id: plain.toString('latin1', 0, 32).trimEnd(), key: createSecretKey(plain.subarray(32)) }
}

/** Binds a payload to its exchange and tenant: moved elsewhere it does not open. */
function binding(tenant: string, exchange: string): Buffer {
  return Buffer.from(JSON.stringify([tenant, exchange]))
}

export function sealPayload(key: OpenDataKey, tenant: string, exchange: string, text: string): Buffer {
  return sealWith(key.id, key.key, binding(tenant, exchange), Buffer.from(text))
}

/** @throws {Error} when it was sealed under another key, for another exchange, or was changed. */
export function openPayload(key: OpenDataKey, tenant: string, exchange: string, sealed: Uint8Array): string {
  return openWith(key.id, key.key, binding(tenant, exchange), sealed).toString('utf8')
}

function sealWith(id: string, key: KeyObject, bound: Buffer, plain: Buffer): Buffer {
  const nonce = nextNonce()
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  cipher.setAAD(bound)
  const body = cipher.update(plain)
  const rest = cipher.final()
  return Buffer.concat([Buffer.of(VERSION, id.length), Buffer.from(id, 'latin1'), nonce, body, rest, cipher.getAuthTag()])
}

function openWith(id: string, key: KeyObject, bound: Buffer, sealed: Uint8Array): Buffer {
  const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength)
  const start = 2 + (bytes[1] ?? 0)
  if (bytes[0] !== VERSION || bytes.length < start + NONCE + TAG) throw new Error('this is no sealed value')
  const used = bytes.toString('latin1', 2, start)
  if (used !== id) throw new Error(`the value was sealed under ${used}, not ${id}`)
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(start, start + NONCE))
  decipher.setAAD(bound)
  decipher.setAuthTag(bytes.subarray(bytes.length - TAG))
  return Buffer.concat([decipher.update(bytes.subarray(start + NONCE, bytes.length - TAG)), decipher.final()])
}
