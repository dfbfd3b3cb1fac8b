import { byteLists } from '../number_lists.ts'
import type { Decoder } from '../piece.ts'
import { SEEN } from '../units.ts'

const NUMBER = /^(?:\\|0o?)?([0-3]?[0-7]{2})$/

/** Character codes in octal. */
export const octal: Decoder = {
  name: 'octal',
  wakes: SEEN.numbers,
  read: (source, put) => byteLists(source, NUMBER, 8, put),
}
