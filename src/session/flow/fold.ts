/**
 * Small readings of text, for comparing values only. The guardrails' own normaliser finds what is hidden in text at
 * large; folders that decide import no other, and a comparison of values needs no more than this.
 */

// Drawn as nothing: joiners, directional marks, soft hyphens, variation selectors, tags.
const UNSEEN = /[\p{Cf}\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\u{e0100}-\u{e01ef}]/gu
const ASCII = /^[\x00-\x7f]*$/

/** NFKC, lower case, nothing that is drawn as nothing. Equal folds are one value to whoever types them. */
export function folded(text: string): string {
  return ASCII.test(text) ? text.toLowerCase() : text.normalize('NFKC').replace(UNSEEN, '').toLowerCase().normalize('NFKC')
}

/** After the confusables of UTS #39: what readers take for a Latin letter or a digit. */
const LOOKALIKES = new Map(
  ([
    ['a', 'аαɑᴀ'], ['b', 'вβʙ'], ['c', 'сϲᴄ'], ['d', 'ԁᴅɗ'], ['e', 'еεҽᴇ'], ['f', 'ƒꜰ'], ['g', 'ɡɢ'], ['h', 'һнʜ'], ['i', 'іιıɩɪ'], ['j', 'јϳᴊ'], ['k', 'кκᴋ'], ['l', 'ӏʟłι'], ['m', 'мμᴍ'], ['n', 'ηոռɴ'],
    ['o', 'оοօσᴏ'], ['p', 'рρᴘ'], ['q', 'ԛզ'], ['r', 'гʀ'], ['s', 'ѕꜱ'], ['t', 'тτᴛ'], ['u', 'υսᴜ'], ['v', 'ѵνᴠ'], ['w', 'ԝѡᴡ'], ['x', 'хχ'], ['y', 'уүʏγ'], ['z', 'ᴢʐ'], ['/', '⁄∕'], ['.', '․。'], ['-', '‐‑‒–—−'],
  ] as const).flatMap(([latin, others]) => [...others].map((one) => [one, latin] as const)),
)

/**
 * The same with look-alike letters and accents folded too. Never grants trust: an address that only looks like a
 * trusted one is somebody else's. It finds what is confidential in disguise.
 */
export function skeleton(text: string): string {
  const plain = folded(text)
  if (ASCII.test(plain)) return plain
  let out = ''
  for (const letter of plain.normalize('NFD')) if (!/\p{M}/u.test(letter)) out += LOOKALIKES.get(letter) ?? letter
  return out
}

/** Deepest nesting of encodings that is undone, and the longest text for which it is tried. */
const DEEPEST = 2
const LONGEST = 65_536
/** Each spelling makes one reading of the whole text, however many words are spelled so: padding hides nothing. */
const MOST_READINGS = 64
const PERCENT = /%[0-9a-f]{2}/i
const ENTITY = /&(?:#\d{1,7}|#x[0-9a-f]{1,6}|amp|lt|gt|quot);/i
const BASE64 = /[A-Za-z0-9+/_-]{8,}={0,2}/g
const HEX = /(?:[0-9a-f]{2}){6,}/gi
const READABLE = /^[\t\n\r\x20-\x7e\u00a0-\ud7ff\ue000-\uffef]*$/

/** The text and what is written in it in percent, HTML, base64 and hexadecimal spelling, nested at most twice. */
export function readings(text: string): readonly string[] {
  const found = new Set([text])
  undo(text, found, DEEPEST)
  return [...found]
}

function undo(text: string, found: Set<string>, deep: number): void {
  const add = (made: string): void => {
    if (made === '' || found.has(made) || found.size >= MOST_READINGS) return
    found.add(made)
    if (deep > 1) undo(made, found, deep - 1)
  }
  if (PERCENT.test(text)) add(percentDecoded(text))
  if (ENTITY.test(text)) add(text.replace(/&#x([0-9a-f]{1,6});/gi, (_, hex: string) => letter(Number.parseInt(hex, 16))).replace(/&#(\d{1,7});/g, (_, code: string) => letter(Number(code))).replace(/&amp;/g, '&').replace(/&lt;/g, '<').replace(/&gt;/g, '>').replace(/&quot;/g, '"'))
  add(decodedRuns(text, BASE64, (run) => readable(Buffer.from(run, /[-_]/.test(run) ? 'base64url' : 'base64'))))
  // What stands before and behind a slash in a path, or at both sides of a dash, may be spelled so by itself.
  add(decodedRuns(text, /[A-Za-z0-9]{8,}={0,2}/g, (run) => readable(Buffer.from(run, 'base64'))))
  add(decodedRuns(text, /[A-Za-z0-9_-]{8,}={0,2}/g, (run) => readable(Buffer.from(run, 'base64url'))))
  add(decodedRuns(text, HEX, (run) => readable(Buffer.from(run, 'hex'))))
}

/** What the runs come to that decode to text, one beside the other. */
function decodedRuns(text: string, runs: RegExp, decode: (run: string) => string | undefined): string {
  const made: string[] = []
  for (const [run] of text.matchAll(runs)) {
    const one = decode(run)
    if (one !== undefined) made.push(one)
  }
  return made.join(' ')
}

function letter(code: number): string {
  return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : ''
}

/** Decodes what is well-formed and leaves the rest, as servers do. */
export function percentDecoded(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (run) => {
    try {
      return decodeURIComponent(run)
    } catch {
      return run
    }
  })
}

function readable(bytes: Buffer): string | undefined {
  if (bytes.length < 4) return undefined
  const text = bytes.toString('utf8')
  return READABLE.test(text) ? text : undefined
}

/** The text, and what the whole of it decodes to: unlike a reading, nothing of it is left out. */
export function decodings(text: string): readonly string[] {
  const bare = text.trim()
  const made = [text]
  if (PERCENT.test(bare)) made.push(percentDecoded(bare))
  if (/^[A-Za-z0-9+/_-]{8,}={0,2}$/.test(bare) && bare.length <= LONGEST) made.push(readable(Buffer.from(bare, /[-_]/.test(bare) ? 'base64url' : 'base64')) ?? text)
  return made
}
