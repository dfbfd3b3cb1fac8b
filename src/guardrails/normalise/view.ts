import { LOOKALIKES, STYLED, STYLED_FROM, STYLED_TO } from './lookalikes.ts'

/**
 * A second reading of a text: what a reader (or a model) makes of it once disguises are off. Compatibility forms,
 * accents, look-alike letters of other alphabets, foreign digits and characters that nobody sees are folded, one code
 * point at a time, so that a view of a piece is a piece of the view: streams and whole texts fold alike.
 */
export interface View {
  readonly text: string
  /** Offset in the original of the unit at `index`; the original's length at the view's end. */
  from(index: number): number
  /** Offset in the original behind the last unit before `index`. */
  to(index: number): number
  /** Units of the original that later text cannot change: half a surrogate pair at the end is not settled. */
  readonly settled: number
}

const lookalikes = new Map<string, string>()
for (const [latin, others] of LOOKALIKES) {
  for (const from of others) {
    lookalikes.set(from, latin)
    const upper = from.toUpperCase()
    if (upper !== from && [...upper].length === 1 && !lookalikes.has(upper)) lookalikes.set(upper, latin.toUpperCase())
    const lower = from.toLowerCase()
    if (lower !== from && !lookalikes.has(lower)) lookalikes.set(lower, latin.toLowerCase())
  }
}

// Letters in boxes and circles, which Unicode calls symbols: runs of A to Z.
function styled(point: number): string {
  for (const from of STYLED) if (point >= from && point < from + 26) return String.fromCharCode(65 + point - from)
  return ''
}

const UNSEEN = /^[\p{Default_Ignorable_Code_Point}\p{M}\u2060-\u2064]$/u
const LONGEST = 6
const DIGIT = /^\p{Nd}$/u

function foldPoint(point: number): string {
  if (point < 128) return String.fromCharCode(point)
  if (point >= 0xe0020 && point <= 0xe007e) return String.fromCharCode(point - 0xe0000)
  if (point >= STYLED_FROM && point <= STYLED_TO) {
    const letter = styled(point)
    if (letter !== '') return letter
  }
  const char = String.fromCodePoint(point)
  if (UNSEEN.test(char)) return ''
  // Typographic punctuation says nothing else than it shows; folding it would send every English text here twice.
  if ((point >= 0x2010 && point <= 0x2029) || (point >= 0x3000 && point < 0x3004 && point !== 0x3000)) return char
  if (point >= 0xac00 && point <= 0xd7a3) return char
  if (DIGIT.test(char)) return char.normalize('NFKC').replace(/^[^0-9]$/u, () => String(digitOf(point)))
  const apart = char.normalize('NFKD')
  // A blessing in one character is eighteen letters: a text of such would grow out of hand, and none of it is Latin.
  if (apart.length > LONGEST) return char
  let out = ''
  for (const part of apart) {
    if (UNSEEN.test(part)) continue
    out += lookalikes.get(part) ?? part
  }
  return out
}

// Decimal digits stand in Unicode in runs of ten, zero first.
function digitOf(point: number): number {
  let zero = point
  while (point - zero < 9 && DIGIT.test(String.fromCodePoint(zero - 1))) zero--
  return (point - zero) % 10
}

const MULTIPLE = 0xffff
const DROPPED = 0xfffe
// Filled as characters are met: folding all of Unicode at start would cost tens of milliseconds.
const singles = new Uint16Array(65536)
const multiples = new Map<number, string>()
const astral = new Map<number, string>()
// An attacker can name a million astral characters; only so many are remembered.
const REMEMBERED = 8192

function fill(unit: number): number {
  const folded = foldPoint(unit)
  const code = folded === '' ? DROPPED : folded.length === 1 ? Math.min(folded.charCodeAt(0), 0xfffd) : MULTIPLE
  if (code === MULTIPLE) multiples.set(unit, folded)
  singles[unit] = code
  return code
}

function foldAstral(point: number): string {
  const known = astral.get(point)
  if (known !== undefined) return known
  if (astral.size >= REMEMBERED) astral.clear()
  const folded = foldPoint(point)
  astral.set(point, folded)
  return folded
}

const SMALL = 2048

/** Folds a literal or pattern as `viewOf` folds text. ASCII is left alone. */
export function fold(text: string): string {
  let out = ''
  for (const char of text) out += foldPoint(char.codePointAt(0) as number)
  return out
}

/** The view of a text, or undefined when folding changes nothing. */
export function viewOf(text: string): View | undefined {
  const settled = isHigh(text.charCodeAt(text.length - 1)) ? text.length - 1 : text.length
  let first = 0
  for (; first < text.length; first++) {
    const unit = text.charCodeAt(first)
    if (unit < 128) continue
    if (isSurrogate(unit) || (singles[unit] || fill(unit)) !== unit) break
  }
  if (first === text.length) return undefined
  let size = text.length + SMALL
  let units = new Uint16Array(size)
  let starts = new Uint32Array(size)
  let ends = new Uint32Array(size)
  let length = 0
  let changed = false
  const put = (code: number, start: number, end: number): void => {
    if (length === size) {
      size *= 2
      units = grown(units, new Uint16Array(size))
      starts = grown(starts, new Uint32Array(size))
      ends = grown(ends, new Uint32Array(size))
    }
    units[length] = code
    starts[length] = start
    ends[length++] = end
  }
  for (let i = 0; i < text.length; ) {
    const unit = text.charCodeAt(i)
    if (unit < 128) {
      put(unit, i, ++i)
      continue
    }
    const point = isHigh(unit) ? (text.codePointAt(i) as number) : unit
    if (point > 0xffff) {
      const folded = foldAstral(point)
      changed ||= folded.length !== 2 || folded.codePointAt(0) !== point
      for (let k = 0; k < folded.length; k++) put(folded.charCodeAt(k), i, i + 2)
      i += 2
      continue
    }
    const code = singles[unit] || fill(unit)
    changed ||= code !== unit || (i === text.length - 1 && isHigh(unit))
    if (code === MULTIPLE) {
      const folded = multiples.get(unit) as string
      for (let k = 0; k < folded.length; k++) put(folded.charCodeAt(k), i, i + 1)
    } else if (code !== DROPPED) put(code, i, i + 1)
    i++
  }
  if (!changed) return undefined
  const folded = Buffer.from(units.buffer, 0, length * 2).toString('utf16le')
  return {
    text: folded,
    settled,
    from: (index) => (index >= length ? text.length : (starts[index] as number)),
    to: (index) => (index === 0 ? 0 : (ends[index - 1] as number)),
  }
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', b: '\b', f: '\f', '"': '"', '\\': '\\', '/': '/' }

/** The view of JSON text in which escapes are what they stand for; undefined when there are none. */
export function unescapedView(text: string): View | undefined {
  if (!text.includes('\\')) return undefined
  const starts: number[] = []
  const ends: number[] = []
  let out = ''
  for (let i = 0; i < text.length; ) {
    const from = i
    let char = text.charAt(i++)
    if (char === '\\' && i < text.length) {
      const code = text.slice(i + 1, i + 5)
      if (text.charAt(i) === 'u' && /^[0-9a-f]{4}$/i.test(code)) {
        char = String.fromCharCode(Number.parseInt(code, 16))
        i += 5
      } else char = ESCAPES[text.charAt(i++)] ?? '\\'
    }
    starts.push(from)
    ends.push(i)
    out += char
  }
  return { text: out, settled: text.length, from: (index) => starts[index] ?? text.length, to: (index) => (index === 0 ? 0 : (ends[index - 1] as number)) }
}

function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdfff
}

function isHigh(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff
}

function grown<T extends Uint16Array | Uint32Array>(from: T, to: T): T {
  to.set(from)
  return to
}
