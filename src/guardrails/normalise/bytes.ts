import { isUtf8 } from 'node:buffer'
import { gunzipSync, inflateSync } from 'node:zlib'
import { isLanguage, likeness } from './language/language.ts'
import { spend } from './piece.ts'
import type { Work } from './piece.ts'

const UNPRINTABLE = /[\p{Cc}\p{Cn}\p{Co}\p{Cs}]/u
const PRINTED = /[\x20-\x7e\t\r\n]{24,}/g
// So many printable bytes in a row are no chance: random ones reach it once in 10^8.
const SURE = 18

/**
 * True where decoded bytes are text: printable throughout, and either too long for chance or words. A short text of
 * digits or signs is what any data decodes to now and then.
 */
export function isText(text: string, fewest = SURE): boolean {
  let end = text.length
  // Padding.
  while (end > 0 && text.charCodeAt(end - 1) === 0) end--
  const trimmed = text.slice(0, end).replace(/[\t\r\n]/g, ' ')
  if (trimmed.length < 3 || UNPRINTABLE.test(trimmed)) return false
  const { letters, perLetter, known } = likeness(trimmed)
  let foreign = 0
  let jumps = 0
  let last = -1
  for (let i = 0; i < trimmed.length; i++) {
    const unit = trimmed.charCodeAt(i)
    if (unit < 128) continue
    foreign++
    const block = unit >= 0x3000 && unit < 0xfe00 ? 0x30 : unit >> 8
    if (last >= 0 && block !== last) jumps++
    last = block
  }
  // Chance mixes scripts; so do look-alikes, but between plain letters.
  const mixed = foreign * 2 > trimmed.length || trimmed.length < fewest
  if (foreign > 0 && mixed && (jumps * 4 > foreign || (foreign < 4 && letters < 6))) return false
  if (trimmed.length >= fewest) return true
  if (foreign * 2 > trimmed.length) return foreign >= 4
  return letters >= 3 && letters * 4 >= trimmed.length * 3 && (known >= 0.5 || (letters >= 8 && perLetter > 0.5))
}

function inflated(bytes: Uint8Array, work: Work): Buffer | undefined {
  const [first, second] = bytes
  if (first === undefined || second === undefined || bytes.length < 16) return undefined
  const unpack = first === 0x1f && second === 0x8b ? gunzipSync : first === 0x78 && (first * 256 + second) % 31 === 0 ? inflateSync : undefined
  if (unpack === undefined) return undefined
  // An empty allowance still lets one byte out, so that a bomb shows as one.
  const most = Math.max(1, Math.min(work.inflate, bytes.length * work.ratio))
  try {
    const out = unpack(bytes, { maxOutputLength: most })
    work.inflate -= out.length
    return out
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE') {
      work.inflate = 0
      work.over = true
    }
    return undefined
  }
}

function wide(bytes: Buffer): string | undefined {
  if (bytes.length < 8 || bytes.length % 2 === 1) return undefined
  let even = 0
  let odd = 0
  const most = Math.min(bytes.length, 256)
  for (let i = 0; i < most; i += 2) {
    if (bytes[i] === 0) even++
    if (bytes[i + 1] === 0) odd++
  }
  if (odd * 3 > most) return bytes.toString('utf16le').replace(/^\ufeff/, '')
  return even * 3 > most ? Buffer.from(bytes).swap16().toString('utf16le').replace(/^\ufeff/, '') : undefined
}

const MOST = 786_432

// The beginning, where there is too much, and no half of a character.
function limited(bytes: Buffer, work: Work): Buffer {
  if (bytes.length <= MOST) return bytes
  work.over = true
  let end = MOST
  while (end > MOST - 4 && ((bytes[end] as number) & 0xc0) === 0x80) end--
  return bytes.subarray(0, end)
}

/** The text that bytes stand for: UTF-8, UTF-16, or either compressed; undefined where they are no text. */
export function textOf(all: Buffer, work: Work, fewest = SURE): string | undefined {
  const bytes = limited(all, work)
  if (!spend(work, bytes.length)) return undefined
  const unpacked = inflated(bytes, work)
  if (unpacked !== undefined) return textOf(unpacked, work)
  const utf16 = wide(bytes)
  if (utf16 !== undefined) return isText(utf16, fewest) ? utf16 : undefined
  if (isUtf8(bytes)) {
    const text = bytes.toString()
    if (isText(text, fewest)) return text
  }
  if (bytes.length < 48) return undefined
  // Words between other bytes, as in a document or an executable.
  if (!spend(work, bytes.length)) return undefined
  const runs = bytes.toString('latin1').match(PRINTED)?.filter((run) => isLanguage(run, 16))
  return runs === undefined || runs.length === 0 ? undefined : runs.join('\n')
}
