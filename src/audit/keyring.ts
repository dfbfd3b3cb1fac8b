import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, type KeyObject } from 'node:crypto'
import { closeSync, existsSync, fsyncSync, linkSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'

/** A named key: its id travels in everything sealed or signed with it, so that keys can be replaced. */
export interface SealKey {
  readonly id: string
  readonly key: Uint8Array
}

export interface SignKey {
  readonly id: string
  readonly privateKey: KeyObject
  /** The raw 32 bytes of the Ed25519 public key. */
  readonly publicKey: Uint8Array
}

/** The first key of each kind is the one in use; the others still open and verify what they made. */
export interface Keyring {
  /** The log's name, `sallyport/<random>`: the origin line of every checkpoint. */
  readonly origin: string
  readonly seal: readonly [SealKey, ...SealKey[]]
  readonly sign: readonly [SignKey, ...SignKey[]]
}

const FILE = 'audit-keys.json'
/** SPKI header of a raw Ed25519 public key (RFC 8410). */
const SPKI = Buffer.from('302a300506032b6570032100', 'hex')

const fileSchema = z.strictObject({
  origin: z.string().regex(/^[\x21-\x2a\x2c-\x7e]{1,200}$/),
  seal: z.array(z.strictObject({ id: z.string().min(1).max(100), key: z.base64() })).min(1),
  sign: z.array(z.strictObject({ id: z.string().min(1).max(100), key: z.base64() })).min(1),
})

/** The state folder has no keys, or not ones that can be read. */
export class KeyringError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'KeyringError'
  }
}

/** Whether the folder has its keys already. */
export function hasKeyring(folder: string): boolean {
  return existsSync(join(folder, FILE))
}

/** Reads the keys of a state folder. @throws {KeyringError} */
export function readKeyring(folder: string): Keyring {
  const path = join(folder, FILE)
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch {
    throw new KeyringError(`the audit keys are missing: ${path}`)
  }
  try {
    const { origin, seal, sign } = fileSchema.parse(JSON.parse(text))
    return { origin, seal: seal.map(sealKeyOf) as unknown as Keyring['seal'], sign: sign.map(signKeyOf) as unknown as Keyring['sign'] }
  } catch (error) {
    throw new KeyringError(`the audit keys cannot be read: ${path}: ${error instanceof z.ZodError ? z.prettifyError(error) : 'it is not what was written there'}`)
  }
}

/**
 * Makes the keys of a new state folder, mode 0600, on disk when it returns.
 * @throws {KeyringError} when there are keys already: overwriting them would lose every payload.
 */
export function makeKeyring(folder: string): void {
  const tag = randomBytes(4).toString('hex')
  const { privateKey } = generateKeyPairSync('ed25519')
  const written: z.infer<typeof fileSchema> = {
    origin: `sallyport/${randomBytes(6).toString('hex')}`,
    seal: [{ id: `seal-${tag}`, key: randomBytes(32).toString('base64') }],
    sign: [{ id: `sign-${tag}`, key: privateKey.export({ format: 'der', type: 'pkcs8' }).toString('base64') }],
  }
  const fresh = join(folder, `${FILE}.${process.pid}.new`)
  const file = openSync(fresh, 'wx', 0o600)
  try {
    writeSync(file, JSON.stringify(written, undefined, 2) + '\n')
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  try {
    // A link, not a rename: it refuses to take the place of keys that exist.
    linkSync(fresh, join(folder, FILE))
  } catch {
    throw new KeyringError(`there are audit keys already: ${join(folder, FILE)}`)
  } finally {
    rmSync(fresh, { force: true })
  }
}

function sealKeyOf({ id, key }: { readonly id: string; readonly key: string }): SealKey {
  const bytes = Buffer.from(key, 'base64')
  if (bytes.length !== 32) throw new RangeError('a sealing key has 32 bytes')
  return { id, key: bytes }
}

function signKeyOf({ id, key }: { readonly id: string; readonly key: string }): SignKey {
  const privateKey = createPrivateKey({ key: Buffer.from(key, 'base64'), format: 'der', type: 'pkcs8' })
  if (privateKey.asymmetricKeyType !== 'ed25519') throw new TypeError('a signing key is an Ed25519 key')
  return { id, privateKey, publicKey: createPublicKey(privateKey).export({ format: 'der', type: 'spki' }).subarray(SPKI.length) }
}

/** The key object of a raw Ed25519 public key. */
export function publicKeyOf(raw: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.concat([SPKI, raw]), format: 'der', type: 'spki' })
}
