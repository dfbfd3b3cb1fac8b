import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, type KeyObject } from 'node:crypto'
import { open, rename } from 'node:fs/promises'
import * as z from 'zod'
import type { Clock } from '../../contract/clock.ts'
import { readOrMake } from '../secret.ts'

/** The keys under which this house signs task tokens: the newest signs, all of them verify. */
export interface TaskKeys {
  readonly signing: { readonly kid: string; readonly key: KeyObject }
  /** Public key of a key id; undefined for one that is not, or no longer, ours. */
  find(kid: string): KeyObject | undefined
}

/** A new key is made at a start when the newest is older than this. */
const RENEW_AFTER_MS = 30 * 86_400_000
/** Keys that signed before the newest: their last token ended long before the third one comes. */
const KEPT = 3

const fileSchema = z.strictObject({
  keys: z
    .array(
      z.strictObject({
        kid: z.string().min(1).max(64),
        created: z.number().int(),
        jwk: z.strictObject({ kty: z.literal('EC'), crv: z.literal('P-256'), x: z.string(), y: z.string(), d: z.string() }),
      }),
    )
    .min(1)
    .max(KEPT),
})
type Stored = z.infer<typeof fileSchema>['keys'][number]

/**
 * Opens the file (mode 0600; made where there is none) and adds a key when it is time.
 * @throws {Error} when others can read it, or it is no such file: never replaced, because somebody put it there.
 */
export async function openTaskKeys(path: string, clock: Clock): Promise<TaskKeys> {
  let stored = keysIn(await readOrMake(path, () => textOf([newKey(clock.wall())])), path)
  if (clock.wall() - (stored[0] as Stored).created > RENEW_AFTER_MS) {
    stored = [newKey(clock.wall()), ...stored].slice(0, KEPT)
    await replace(path, textOf(stored))
  }
  const keys = stored.map(({ kid, jwk }) => ({ kid, key: createPrivateKey({ key: jwk, format: 'jwk' }) }))
  const byId = new Map(keys.map(({ kid, key }) => [kid, createPublicKey(key)]))
  return { signing: keys[0] as TaskKeys['signing'], find: (kid) => byId.get(kid) }
}

function keysIn(text: string, path: string): readonly Stored[] {
  try {
    return fileSchema.parse(JSON.parse(text)).keys
  } catch (cause) {
    throw new Error(`${path} is not a file of task token keys`, { cause })
  }
}

function newKey(now: number): Stored {
  const { kty, crv, x, y, d } = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' }) as Record<string, string>
  const kid = createHash('sha256').update(`${x}.${y}`).digest('base64url').slice(0, 16)
  return { kid, created: Math.floor(now), jwk: { kty, crv, x, y, d } as Stored['jwk'] }
}

function textOf(keys: readonly Stored[]): string {
  return `${JSON.stringify({ keys }, null, 2)}\n`
}

async function replace(path: string, text: string): Promise<void> {
  const draft = `${path}.${randomBytes(6).toString('hex')}`
  const file = await open(draft, 'wx', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(draft, path)
}
