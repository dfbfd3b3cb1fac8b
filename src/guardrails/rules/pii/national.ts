import { americas } from './national/americas.ts'
import { asia } from './national/asia.ts'
import { europe } from './national/europe.ts'
import type { NationalId } from './national/identifier.ts'

// By letters before and length of the first run of digits.
const byForm = new Map<number, readonly NationalId[]>()
for (const id of [...europe, ...americas, ...asia]) {
  for (const digits of id.digits) byForm.set(id.letters * 64 + digits, [...(byForm.get(id.letters * 64 + digits) ?? []), id])
}

const NONE: readonly NationalId[] = []

/**
 * National identifiers that may begin with so many letters and then so many digits, each with the check its country
 * defines. Those that a random number often passes need a word.
 */
export function identifiersOf(letters: number, digits: number): readonly NationalId[] {
  return byForm.get(letters * 64 + digits) ?? NONE
}
