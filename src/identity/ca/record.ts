import { randomBytes } from 'node:crypto'
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'
import { readOrMake, readPrivate } from '../secret.ts'

/** One CA of the house and its times, in milliseconds since the Unix epoch. */
export interface Tenure {
  readonly id: string
  /** PEM of its root. */
  readonly certificate: string
  /** It signs from then on, unless a later one does. */
  readonly from: number
  /** It leaves the bundle then; absent while nothing follows it. */
  readonly until?: number | undefined
}

/** What must survive a restart besides the keys. */
export interface CaRecord {
  readonly trustDomain: string
  readonly sequence: number
  readonly tenures: readonly Tenure[]
}

const shape = z.strictObject({
  trustDomain: z.string(),
  sequence: z.int().min(1),
  tenures: z.array(z.strictObject({ id: z.string().regex(/^[0-9a-f]{32}$/), certificate: z.string(), from: z.number(), until: z.number().optional() })).min(1).max(16),
})

/** The CA's folder: `authorities.json`, and a private key for each of its own CAs that may still sign. */
export interface CaFolder {
  read(): Promise<CaRecord | undefined>
  /** Durable when resolved. */
  write(record: CaRecord): Promise<void>
  /** The key of a CA, made here earlier. @throws {Error} when it is gone, or others can read it. */
  key(id: string): Promise<{ readonly pem: string; readonly path: string }>
  keep(id: string, pem: string): Promise<void>
  destroy(id: string): Promise<void>
}

/** @throws {Error} when keys lie there without a record of them: they are never replaced silently. */
export async function openCaFolder(folder: string): Promise<CaFolder> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const record = join(folder, 'authorities.json')
  const keyFile = (id: string): string => join(folder, `${id}.key`)
  return {
    async read() {
      const text = await readPrivate(record)
      if (text === undefined) {
        if ((await readdir(folder)).some((name) => name.endsWith('.key'))) throw new Error(`${folder} has keys of a CA, but ${record} is gone: put it back, or move the folder away to begin with a new CA`)
        return undefined
      }
      try {
        return shape.parse(JSON.parse(text))
      } catch {
        throw new Error(`${record} cannot be read: put back a copy, or move ${folder} away to begin with a new CA`)
      }
    },
    async write(next) {
      const draft = `${record}.${randomBytes(6).toString('hex')}`
      const file = await open(draft, 'wx', 0o600)
      try {
        await file.writeFile(`${JSON.stringify(next, undefined, 2)}\n`)
        await file.sync()
      } finally {
        await file.close()
      }
      await rename(draft, record)
    },
    async key(id) {
      const pem = await readPrivate(keyFile(id))
      if (pem === undefined) throw new Error(`the key of the CA is gone: put back ${keyFile(id)}, or move ${folder} away to begin with a new CA`)
      return { pem, path: keyFile(id) }
    },
    async keep(id, pem) {
      await readOrMake(keyFile(id), () => pem)
    },
    destroy: (id) => rm(keyFile(id), { force: true }),
  }
}
