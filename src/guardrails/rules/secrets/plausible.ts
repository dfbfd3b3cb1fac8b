import { entropy } from '../checksums.ts'

const STAND_IN = /example|sample|placeholder|your[_-]?|change[_-]?me|redacted|dummy|xxxx|\*{3,}|\.{3,}|0{8,}|12345678|abcdefgh|(.)\1{5,}|<[^>]*>|\$\{|\{\{|process\.env|environ|getenv|secrets\./i

/** True for what documentation puts where a secret would stand. */
export function standIn(value: string): boolean {
  return STAND_IN.test(value)
}

/** Random enough for a machine-made token: a stand-in repeats itself or spells a word. */
export function random(value: string, bits: number): boolean {
  return !standIn(value) && entropy(value) >= bits
}

const HASH = /^(?:(?:sha(?:1|256|384|512)|md5)[:-])?[0-9a-f]{32,128}$/i
const INTEGRITY = /^sha(?:256|384|512)-/
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** True for digests, UUIDs and integrity values: long and random, and public. */
export function publicValue(value: string): boolean {
  return HASH.test(value) || UUID.test(value) || INTEGRITY.test(value) || value.startsWith('pk_')
}
