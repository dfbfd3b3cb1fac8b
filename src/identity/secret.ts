import { createHmac, randomBytes } from 'node:crypto'
import { chmod, link, open, readFile, rm, stat } from 'node:fs/promises'
import { newKey } from './key.ts'

/** A secret with a name, so that what was made under it says which one it needs. */
export interface NamedSecret {
  readonly id: string
  readonly bytes: Uint8Array
}

const SECRET = /^sallyport-secret ([0-9a-f]{8}) ([A-Za-z0-9_-]{43})\n?$/

/**
 * The secret under which API keys are hashed, from its file; made (mode 0600) where there is none.
 * @throws {Error} when the file is readable by others, or is not such a file: never replaced, because every key
 * would stop working.
 */
export async function openSecret(path: string): Promise<NamedSecret> {
  const text = await readOrMake(path, () => `sallyport-secret ${randomBytes(4).toString('hex')} ${randomBytes(32).toString('base64url')}\n`)
  const [, id, secret] = SECRET.exec(text) ?? []
  if (id === undefined || secret === undefined) throw new Error(`${path} is not a secret file of Sallyport`)
  return { id, bytes: Buffer.from(secret, 'base64url') }
}

/** The administrator's key from its file; made where there is none. It is the only key that is kept in the clear. */
export async function openAdminKey(path: string): Promise<string> {
  return (await readOrMake(path, () => `${newKey('spa').key}\n`)).trim()
}

export function hashUnder(secret: NamedSecret, key: string): Buffer {
  return createHmac('sha256', secret.bytes).update(key).digest()
}

/**
 * The text of a private file (mode 0600), made where there is none. Two processes that start at once agree on one
 * file: the first to link it wins, and both read that.
 * @throws {Error} when others can read it.
 */
export async function readOrMake(path: string, make: () => string): Promise<string> {
  const known = await readPrivate(path)
  if (known !== undefined) return known
  const draft = `${path}.${randomBytes(6).toString('hex')}`
  const file = await open(draft, 'wx', 0o600)
  try {
    await file.writeFile(make())
    await file.sync()
  } finally {
    await file.close()
  }
  try {
    await chmod(draft, 0o600)
    await link(draft, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    await rm(draft, { force: true })
  }
  const made = await readPrivate(path)
  if (made === undefined) throw new Error(`${path} vanished`)
  return made
}

/** The text of a private file; undefined where there is none. @throws {Error} when others can read it. */
export async function readPrivate(path: string): Promise<string | undefined> {
  try {
    const { mode, size } = await stat(path)
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) throw new Error(`${path} can be read by others: chmod 600 it, and replace what was in it`)
    if (size > 4096) throw new Error(`${path} is too large to be a secret`)
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
