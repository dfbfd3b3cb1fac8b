import { textOf } from '../bytes.ts'
import { spend } from '../piece.ts'
import type { Decoder, Piece, Source } from '../piece.ts'
import { SEEN } from '../units.ts'

const VALUES = new Int8Array(128).fill(-1)
for (const [i, char] of [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'].entries()) VALUES[char.charCodeAt(0)] = i
VALUES[45] = 62
VALUES[95] = 63

function inAlphabet(text: string, at: number): boolean {
  const unit = text.charCodeAt(at)
  return unit < 128 && (VALUES[unit] as number) >= 0
}

// Encoded letters, white space and compressed data begin so: the first byte of most groups tells. Binary data passes
// seldom, and words hardly ever.
function promising(text: string, from: number, to: number): boolean {
  if (text.startsWith('H4sI', from) || text.startsWith('eJ', from) || text.startsWith('eN', from) || text.startsWith('eA', from)) return to - from > 20
  let bad = 0
  let wide = false
  let groups = 0
  for (let i = from; i + 3 < to && groups < 12; i += 4) {
    const bits = (VALUES[text.charCodeAt(i)] as number) << 12 | (VALUES[text.charCodeAt(i + 1)] as number) << 6 | (VALUES[text.charCodeAt(i + 2)] as number)
    // Every other byte empty: UTF-16.
    if (groups === 1 && wide && (bits >> 10) === 0) return true
    groups++
    const first = (bits >> 10) & 255
    const second = (bits >> 2) & 255
    if (groups === 1) wide = first > 31 && second === 0
    if (bits < 0 || (groups === 1 && first > 127 && (first < 0xc2 || first > 0xf4 || (second & 0xc0) !== 0x80))) bad += 2
    else if ((first < 32 && first !== 10 && first !== 13 && first !== 9) || first === 127) bad++
    else if ((first < 128) !== (second < 128) && first > 127) bad++
  }
  return bad === 0 || (groups > 8 && bad < 3)
}

// Lines of one encoded text: all but the last are long and of one length.
function nextLine(text: string, at: number): number {
  const found = /^(?:\r?\n|\\r\\n|\\n)[ \t>|#*]{0,16}(?=[A-Za-z0-9+/_-]{2})/.exec(text.slice(at, at + 24))
  return found === null ? -1 : at + found[0].length
}

const WORD = /^[A-Z]?[a-z]+$/

function decodedAt(source: Source, from: number, to: number): Piece | undefined {
  const { text, work } = source
  let end = to
  let clean = text.slice(from, to)
  if (clean.length >= 40) {
    const parts = [clean]
    const width = clean.length
    for (let next = nextLine(text, end); next >= 0 && parts.length < 65536; next = nextLine(text, end)) {
      let stop = next
      while (stop < text.length && inAlphabet(text, stop)) stop++
      const part = text.slice(next, stop)
      // The last line is shorter; a word below an encoded line is none of it.
      if (part.length > width || (part.length < width && (part.length % 4 === 1 || WORD.test(part)))) break
      parts.push(part)
      end = stop
      if (part.length < width) break
    }
    if (parts.length > 1) clean = parts.join('')
  }
  if (!spend(work, clean.length)) return undefined
  const found = textOf(Buffer.from(clean, 'base64'), work)
  if (found === undefined) return undefined
  const lines = end !== to
  while (end < text.length && end - to < 3 && text.charCodeAt(end) === 61) end++
  if (lines || clean.length * 3 < found.length * 4 - 8) return { start: from, end, text: found }
  return {
    start: from,
    end,
    text: found,
    // Groups of four units stand for three bytes.
    map(start, stop) {
      const low = Math.floor(Buffer.byteLength(found.slice(0, start)) / 3) * 4
      const high = Math.ceil(Buffer.byteLength(found.slice(0, stop)) / 3) * 4
      return { start: Math.min(from + low, end - 1), end: Math.min(from + high, end) }
    },
  }
}

const LONGEST_WORD = 32
const NEAR = 48
const SHORT = /(?<![A-Za-z0-9+/_=-])[A-Za-z0-9+/_-]{2,7}={0,2}(?![A-Za-z0-9+/_=-])/g

// Where words were encoded one by one, the short ones between them are too.
function between({ text, work }: Source, words: readonly Piece[], put: (piece: Piece) => void): void {
  for (const [n, { end }] of words.entries()) {
    const next = words[n + 1]
    if (next !== undefined && next.start - end > NEAR) continue
    const stop = Math.min(next?.start ?? text.length, end + NEAR)
    if (!spend(work, stop - end)) return
    for (const found of text.slice(end, stop).matchAll(SHORT)) {
      const word = Buffer.from(found[0], 'base64').toString('latin1')
      const start = end + found.index
      if (/^[A-Za-z'’]{1,5}[.,;:!?]?$/.test(word)) put({ start, end: start + found[0].length, text: word })
    }
  }
}

/** RFC 4648 section 4 and 5, with or without padding, over lines; compressed text inside. */
export const base64: Decoder = {
  name: 'base64',
  wakes: SEEN.runs,
  read(source, put) {
    const { text, sketch, work } = source
    let done = 0
    const words: Piece[] = []
    for (let r = 0; r < sketch.runs.length; r += 2) {
      const from = sketch.runs[r] as number
      const to = sketch.runs[r + 1] as number
      if (from < done) continue
      if (!spend(work, 16)) return
      let low = from
      let high = to
      while (low > done && inAlphabet(text, low - 1)) low--
      while (high < text.length && inAlphabet(text, high)) high++
      if (!spend(work, high - low)) return
      // In paths and names the signs of the alphabet are something else, and text before the first group shifts all.
      const tries = [low, ...(low === from ? [] : [from]), ...(high - low >= 24 ? [low + 1, low + 2, low + 3] : [])]
      let piece: Piece | undefined
      for (const start of tries) {
        const stop = start === from && low !== from ? to : high
        if (stop - start < 8 || !promising(text, start, stop)) continue
        piece = decodedAt(source, start, stop)
        if (piece !== undefined) break
      }
      if (piece !== undefined) {
        put(piece)
        if (piece.text.length < LONGEST_WORD) words.push(piece)
      }
      done = piece?.end ?? Math.max(to, low === from ? high : to)
    }
    if (words.length > 1) between(source, words, put)
  },
}
