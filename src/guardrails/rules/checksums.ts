import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { keccak_256 } from '@noble/hashes/sha3.js'

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** Digits only; false for an empty string. */
export function luhn(digits: string): boolean {
  let sum = 0
  let double = false
  for (let i = digits.length - 1; i >= 0; i--) {
    let digit = digits.charCodeAt(i) - 48
    if (double && (digit *= 2) > 9) digit -= 9
    sum += digit
    double = !double
  }
  return digits.length > 0 && sum % 10 === 0
}

/** The remainder by 97 of a number of any length in which letters stand for 10–35 (ISO 7064, IBAN). */
export function mod97(text: string): number {
  let rest = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code >= 48 && code <= 57) rest = (rest * 10 + code - 48) % 97
    else rest = (rest * 100 + (code & 0x5f) - 55) % 97
  }
  return rest
}

/** ISO 7064 MOD 11,10 over all digits, the check digit last (German tax id). */
export function mod11_10(digits: string): boolean {
  let product = 10
  for (let i = 0; i < digits.length - 1; i++) {
    const sum = (digits.charCodeAt(i) - 48 + product) % 10 || 10
    product = (sum * 2) % 11
  }
  return (11 - product) % 10 === digits.charCodeAt(digits.length - 1) - 48
}

/** Sum of digit × weight; as many digits as there are weights. */
export function weighted(digits: string, weights: readonly number[]): number {
  return weights.reduce((sum, weight, i) => sum + weight * (digits.charCodeAt(i) - 48), 0)
}

const VERHOEFF_D = [
  '0123456789', '1234067895', '2340178956', '3401289567', '4012395678',
  '5987604321', '6598710432', '7659821043', '8765932104', '9876543210',
]
const VERHOEFF_P = [
  '0123456789', '1576283094', '5803796142', '8916043527', '9453126870', '4286573901', '2793806415', '7046913258',
]

/** Verhoeff's check over all digits (Aadhaar). */
export function verhoeff(digits: string): boolean {
  let check = 0
  for (let i = 0; i < digits.length; i++) {
    const digit = digits.charCodeAt(digits.length - 1 - i) - 48
    check = Number(VERHOEFF_D[check]?.[Number(VERHOEFF_P[i % 8]?.[digit])])
  }
  return check === 0
}

/** The tail that GitHub and npm put behind a token: CRC-32 of its body in base 62, six digits. */
export function crcTail(body: string, tail: string): boolean {
  let value = crc32(body)
  let digits = ''
  for (let i = 0; i < 6; i++) {
    digits = (BASE62[value % 62] as string) + digits
    value = Math.floor(value / 62)
  }
  return digits === tail
}

const BASE58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'

/** Base58Check of 25 bytes: version, hash, four bytes of double SHA-256 (Bitcoin and relatives). */
export function base58Check(text: string): boolean {
  let value = 0n
  for (const char of text) {
    const digit = BASE58.indexOf(char)
    if (digit < 0) return false
    value = value * 58n + BigInt(digit)
  }
  const hex = value.toString(16).padStart(50, '0')
  if (hex.length !== 50) return false
  const bytes = Buffer.from(hex, 'hex')
  const once = createHash('sha256').update(bytes.subarray(0, 21)).digest()
  return createHash('sha256').update(once).digest().subarray(0, 4).equals(bytes.subarray(21))
}

const BECH32 = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l'

/** Bech32 and Bech32m (BIP 173, BIP 350) of a lower-case text whose separator is the last `1`. */
export function bech32(text: string): boolean {
  const cut = text.lastIndexOf('1')
  const values: number[] = []
  for (let i = 0; i < cut; i++) values.push(text.charCodeAt(i) >> 5)
  values.push(0)
  for (let i = 0; i < cut; i++) values.push(text.charCodeAt(i) & 31)
  for (let i = cut + 1; i < text.length; i++) {
    const value = BECH32.indexOf(text.charAt(i))
    if (value < 0) return false
    values.push(value)
  }
  const generators = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3]
  let check = 1
  for (const value of values) {
    const top = check >>> 25
    check = ((check & 0x1ffffff) << 5) ^ value
    for (let i = 0; i < 5; i++) if ((top >> i) & 1) check ^= generators[i] as number
  }
  return check === 1 || check === 0x2bc830a3
}

const counts = new Uint32Array(128)

/** Bits of Shannon entropy per character; of other characters only the low seven bits count. */
export function entropy(text: string): number {
  counts.fill(0)
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    counts[code & 127] = (counts[code & 127] as number) + 1
  }
  let bits = 0
  for (const count of counts) if (count > 0) bits -= (count / text.length) * Math.log2(count / text.length)
  return bits
}

/** The check digit of American bank routing numbers (ABA), with the ranges that are in use. */
export function abaRouting(digits: string): boolean {
  const district = Number(digits.slice(0, 2))
  const used = district <= 12 || (district >= 21 && district <= 32) || (district >= 61 && district <= 72) || district === 80
  return digits.length === 9 && used && digits !== '000000000' && weighted(digits, [3, 7, 1, 3, 7, 1, 3, 7, 1]) % 10 === 0
}

/** Mexico's standardised bank account number, 18 digits. */
export function clabe(digits: string): boolean {
  let sum = 0
  for (let i = 0; i < 17; i++) sum += ((digits.charCodeAt(i) - 48) * ([3, 7, 1][i % 3] as number)) % 10
  return digits.length === 18 && (10 - (sum % 10)) % 10 === digits.charCodeAt(17) - 48
}

const VIN_WEIGHTS = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2]
const VIN_VALUES: Readonly<Record<string, number>> = { A: 1, B: 2, C: 3, D: 4, E: 5, F: 6, G: 7, H: 8, J: 1, K: 2, L: 3, M: 4, N: 5, P: 7, R: 9, S: 2, T: 3, U: 4, V: 5, W: 6, X: 7, Y: 8, Z: 9 }

/** The ninth character of a vehicle identification number, as North America checks it. */
export function vin(text: string): boolean {
  let sum = 0
  for (let i = 0; i < 17; i++) sum += (VIN_VALUES[text.charAt(i)] ?? Number(text.charAt(i))) * (VIN_WEIGHTS[i] as number)
  return text.length === 17 && (sum % 11 === 10 ? 'X' : String(sum % 11)) === text.charAt(8)
}

/** Check digits of machine-readable travel documents (ICAO 9303): weights 7-3-1, letters 10 to 35, `<` nothing. */
export function icao9303(text: string, check: string): boolean {
  let sum = 0
  for (let i = 0; i < text.length; i++) {
    const char = text.charAt(i)
    sum += (char === '<' ? 0 : Number.parseInt(char, 36)) * ([7, 3, 1][i % 3] as number)
  }
  return String(sum % 10) === check
}

/** True where the capitals of a hexadecimal Ethereum address are its checksum (EIP-55); `body` has no `0x`. */
export function eip55(body: string): boolean {
  const hash = Buffer.from(keccak_256(Buffer.from(body.toLowerCase(), 'latin1'))).toString('hex')
  for (let i = 0; i < 40; i++) {
    const char = body.charAt(i)
    if (/[a-f]/i.test(char) && (Number.parseInt(hash.charAt(i), 16) > 7) !== (char < 'a')) return false
  }
  return true
}
