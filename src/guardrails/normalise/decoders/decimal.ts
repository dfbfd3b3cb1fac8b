import { byteLists } from '../number_lists.ts'
import type { Decoder } from '../piece.ts'
import { SEEN } from '../units.ts'

const NUMBER = /^(\d{1,5})$/

/** Character codes in decimal. */
export const decimal: Decoder = {
  name: 'decimal',
  wakes: SEEN.numbers,
  read: (source, put) => byteLists(source, NUMBER, 10, put),
}
