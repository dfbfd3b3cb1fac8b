import { randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'

/**
 * `sp_<id>_<secret><checksum>`: 11 characters of id, 43 of secret (256 bits), 6 of CRC-32 over everything before
 * them, all base 62. The checksum tells a typing error, and lets secret scanners recognise a key without asking us;
 * it proves nothing. `spa_` marks the administrator's key and `spr_` those of reviewers, which the data port never
 * takes; the admin port never takes `sp_`, those of agents.
 */
export type KeyKind = 'sp' | 'spa' | 'spr'

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const SHAPES: Readonly<Record<KeyKind, RegExp>> = {
  sp: /^sp_[0-9A-Za-z]{11}_[0-9A-Za-z]{49}$/,
  spa: /^spa_[0-9A-Za-z]{11}_[0-9A-Za-z]{49}$/,
  spr: /^spr_[0-9A-Za-z]{11}_[0-9A-Za-z]{49}$/,
}

export interface NewKey {
  readonly id: string
  /** The whole credential: shown once, kept nowhere. */
  readonly key: string
}

export function newKey(kind: KeyKind): NewKey {
  const id = base62(randomBytes(8), 11)
  const body = `${kind}_${id}_${base62(randomBytes(32), 43)}`
  return { id, key: body + checksum(body) }
}

/** The id of a well-formed key; undefined for everything else. */
export function keyId(key: string, kind: KeyKind): string | undefined {
  if (!SHAPES[kind].test(key) || checksum(key.slice(0, -6)) !== key.slice(-6)) return undefined
  return key.slice(kind.length + 1, kind.length + 12)
}

/** Whether somebody meant it as one of our keys or enrolment tokens (`spe_`), well-formed or not. */
export function looksLikeKey(text: string): boolean {
  return text.startsWith('sp_') || text.startsWith('spa_') || text.startsWith('spr_') || text.startsWith('spe_')
}

function checksum(body: string): string {
  let rest = crc32(body)
  let text = ''
  for (let place = 0; place < 6; place += 1) {
    text = (DIGITS[rest % 62] as string) + text
    rest = Math.floor(rest / 62)
  }
  return text
}

/** Bytes as a number in base 62, padded to `length` digits, which must be enough for all of them. */
function base62(bytes: Uint8Array, length: number): string {
  let rest = BigInt(`0x${Buffer.from(bytes).toString('hex')}`)
  let text = ''
  for (let place = 0; place < length; place += 1) {
    text = (DIGITS[Number(rest % 62n)] as string) + text
    rest /= 62n
  }
  return text
}
