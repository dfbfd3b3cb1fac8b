import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, linkSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'

/** Seals what nobody should read in the store. Implementations keep the key; nobody else sees it. */
export interface Sealer {
  /** Bound to tenant and id: moved elsewhere it does not open. */
  seal(tenant: string, id: string, bytes: Uint8Array): Uint8Array
  /** @throws {Error} when no key at hand sealed it, it was sealed for something else, or it was changed. */
  open(tenant: string, id: string, sealed: Uint8Array): Uint8Array
  /** A keyed hash: equal texts are found again, and nobody without the key can try guesses. Base64url, 43 characters. */
  mark(text: string): string
}

/** One key a line, the one in use first; the others still open what they sealed. */
const LINE = /^sallyport-([a-z]+) ([0-9a-f]{8}) ([A-Za-z0-9_-]{43})$/
const VERSION = 1
const ID = 8
const NONCE = 12
const TAG = 16
const HEAD = 1 + ID + NONCE

/**
 * AES-256-GCM under the named keys of the file `<use>-key` in the state folder; made (mode 0600) where there is
 * none. Sealed values are `version ‖ key id (8) ‖ nonce (12) ‖ ciphertext ‖ tag (16)`.
 * @throws {Error} when others can read the file, or it is not such a file: never replaced, because nothing that it
 * sealed could be opened any more.
 */
export function openSealer(folder: string, use: 'approvals' | 'grants' | 'rounds' = 'approvals'): Sealer {
  const path = join(folder, `${use}-key`)
  const text = readPrivate(path) ?? make(path, use)
  const keys = new Map<string, Buffer>()
  for (const line of text.trimEnd().split('\n')) {
    const [, of, id, key] = LINE.exec(line) ?? []
    if (of !== use || id === undefined || key === undefined) throw new Error(`${path} is not a key file of Sallyport's ${use}`)
    keys.set(id, Buffer.from(key, 'base64url'))
  }
  const [[id, key]] = [...keys] as [[string, Buffer]]
  const marking = Buffer.from(hkdfSync('sha256', key, '', `sallyport ${use} mark`, 32))
  return {
    seal(tenant, of, bytes) {
      const nonce = randomBytes(NONCE)
      const cipher = createCipheriv('aes-256-gcm', key, nonce)
      cipher.setAAD(binding(tenant, of))
      const body = [cipher.update(bytes), cipher.final()]
      return Buffer.concat([Buffer.of(VERSION), Buffer.from(id, 'latin1'), nonce, ...body, cipher.getAuthTag()])
    },
    open(tenant, of, sealed) {
      const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength)
      if (bytes[0] !== VERSION || bytes.length < HEAD + TAG) throw new Error(`this is nothing that was sealed for ${use}`)
      const under = bytes.toString('latin1', 1, 1 + ID)
      const made = keys.get(under)
      if (made === undefined) throw new Error(`it was sealed under ${under}, which is not at hand`)
      const decipher = createDecipheriv('aes-256-gcm', made, bytes.subarray(1 + ID, HEAD))
      decipher.setAAD(binding(tenant, of))
      decipher.setAuthTag(bytes.subarray(bytes.length - TAG))
      return Buffer.concat([decipher.update(bytes.subarray(HEAD, bytes.length - TAG)), decipher.final()])
    },
    mark: (text) => createHmac('sha256', marking).update(text).digest('base64url'),
  }
}

function binding(tenant: string, id: string): Buffer {
  return Buffer.from(JSON.stringify([tenant, id]))
}

/** Two processes that start at once agree on one file: the first to link it wins, and both read that. */
function make(path: string, use: string): string {
  const draft = `${path}.${randomBytes(6).toString('hex')}`
  const file = openSync(draft, 'wx', 0o600)
  try {
    writeSync(file, `sallyport-${use} ${randomBytes(4).toString('hex')} ${randomBytes(32).toString('base64url')}\n`)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  try {
    linkSync(draft, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    rmSync(draft, { force: true })
  }
  const made = readPrivate(path)
  if (made === undefined) throw new Error(`${path} vanished`)
  return made
}

function readPrivate(path: string): string | undefined {
  try {
    const { mode, size } = statSync(path)
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) throw new Error(`${path} can be read by others: chmod 600 it, and replace the key in it`)
    if (size > 4096) throw new Error(`${path} is too large to be a key file`)
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
