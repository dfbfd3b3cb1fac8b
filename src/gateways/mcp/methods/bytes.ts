/** A text inside base64, and how another is put in its place. */
export interface Inside {
  readonly text: string
  /** In base64 again, in the same characters as before. */
  write(text: string): string
}

/** Both alphabets of RFC 4648, with the white space that mail and files have in it. */
const BASE64 = /^[A-Za-z0-9+/_\-\s]*={0,2}\s*$/
/** How much of it is looked at to tell text from what is none, in bytes. */
const SAMPLE = 4_096
/** A part of what is no text that a text may hold: one letter of another character set makes no picture of it. */
const MOST_ODD = 0.1
const ODD = /[\ufffd\0-\x08\x0e-\x1a\x1c-\x1f]/g

/** True for what readers of base64 read alike. Anything else says what it says as it stands. */
export function isBase64(text: string): boolean {
  return BASE64.test(text)
}

/** What base64 says where it is text: in UTF-8, in UTF-16 of either order, or nearly. `told`: its server says that it is. */
export function textInside(base64: string, told: boolean): Inside | undefined {
  const sample = Buffer.from(base64.slice(0, SAMPLE * 2), 'base64').subarray(0, SAMPLE)
  const order = utf16(sample)
  if (order !== undefined) {
    const bytes = Buffer.from(base64, 'base64')
    const even = order === 'little' ? bytes : bytes.subarray(0, bytes.length & ~1).swap16()
    return { text: even.toString('utf16le'), write: (text) => (order === 'little' ? Buffer.from(text, 'utf16le') : Buffer.from(text, 'utf16le').swap16()).toString('base64') }
  }
  if (!told && isOdd(sample.toString('utf8'))) return undefined
  return { text: Buffer.from(base64, 'base64').toString('utf8'), write: (text) => Buffer.from(text).toString('base64') }
}

function isOdd(text: string): boolean {
  // The last letter may be cut.
  return (text.slice(0, -1).match(ODD)?.length ?? 0) > text.length * MOST_ODD
}

/** By its mark, or by what text in Western letters looks like: every other byte is zero. */
function utf16(bytes: Buffer): 'little' | 'big' | undefined {
  if (bytes.length < 4) return undefined
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'little'
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'big'
  const zeros = [0, 0]
  for (const [index, byte] of bytes.entries()) if (byte === 0) zeros[index % 2] = (zeros[index % 2] as number) + 1
  const [even = 0, odd = 0] = zeros
  const half = bytes.length / 2
  if (odd > half * 0.7 && even < half * MOST_ODD) return 'little'
  return even > half * 0.7 && odd < half * MOST_ODD ? 'big' : undefined
}
