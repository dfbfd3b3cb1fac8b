import type { Decoder } from '../piece.ts'
import { atbash } from './atbash.ts'
import { base32 } from './base32.ts'
import { base64 } from './base64.ts'
import { bidi } from './bidi.ts'
import { binary } from './binary.ts'
import { braille } from './braille.ts'
import { caesar } from './caesar.ts'
import { compound } from './compound.ts'
import { concatenated } from './concatenated.ts'
import { decimal } from './decimal.ts'
import { entities } from './entities.ts'
import { escapes } from './escapes.ts'
import { flipped } from './flipped.ts'
import { hex } from './hex.ts'
import { joined } from './joined.ts'
import { leet } from './leet.ts'
import { morse } from './morse.ts'
import { octal } from './octal.ts'
import { percent } from './percent.ts'
import { pigLatin } from './pig_latin.ts'
import { quotedPrintable } from './quoted_printable.ts'
import { repeated } from './repeated.ts'
import { reversed } from './reversed.ts'
import { rot13 } from './rot13.ts'
import { spaced } from './spaced.ts'
import { spelled } from './spelled.ts'
import { splat } from './splat.ts'
import { tags } from './tags.ts'
import { variation } from './variation.ts'
import { zeroWidth } from './zero_width.ts'

/** Every disguise that is read. A new one is a file beside this one and a line here. */
export const decoders: readonly Decoder[] = [
  base64, base32, hex, binary, decimal, octal, percent, entities, quotedPrintable, escapes, concatenated,
  leet, splat, spaced, joined, compound, spelled, morse, braille, pigLatin, rot13, caesar, atbash, reversed, repeated,
  flipped, bidi, tags, variation, zeroWidth,
]
