import { gzipSync } from 'node:zlib'

/** One way to write a text so that people or models still read it and filters do not. */
export interface Disguise {
  readonly name: string
  write(text: string): string
}

const bytes = (text: string): number[] => [...Buffer.from(text)]
const letters = (text: string, change: (char: string, at: number) => string): string => Array.from(text, change).join('')
const wordwise = (text: string, change: (word: string, at: number) => string): string => text.split(' ').map(change).join(' ')

function shifted(text: string, by: number): string {
  return text.replace(/[a-z]/gi, (char) => {
    const base = char <= 'Z' ? 65 : 97
    return String.fromCharCode(base + ((char.charCodeAt(0) - base + by) % 26))
  })
}

function mapped(from: string, to: string): (text: string) => string {
  const table = new Map(Array.from(from, (char, i) => [char, Array.from(to)[i] ?? char]))
  return (text) => letters(text, (char) => table.get(char) ?? char)
}

function base32(text: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
  const bits = bytes(text).map((byte) => byte.toString(2).padStart(8, '0')).join('')
  const out = (bits.match(/.{1,5}/g) ?? []).map((five) => alphabet[Number.parseInt(five.padEnd(5, '0'), 2)]).join('')
  return out + '='.repeat((8 - (out.length % 8)) % 8)
}

const MORSE: Readonly<Record<string, string>> = {
  a: '.-', b: '-...', c: '-.-.', d: '-..', e: '.', f: '..-.', g: '--.', h: '....', i: '..', j: '.---', k: '-.-', l: '.-..', m: '--', n: '-.', o: '---', p: '.--.', q: '--.-', r: '.-.', s: '...',
  t: '-', u: '..-', v: '...-', w: '.--', x: '-..-', y: '-.--', z: '--..', 0: '-----', 1: '.----', 2: '..---', 3: '...--', 4: '....-', 5: '.....', 6: '-....', 7: '--...', 8: '---..', 9: '----.',
  '.': '.-.-.-', ',': '--..--', '?': '..--..', '!': '-.-.--', ':': '---...', "'": '.----.', '-': '-....-', '/': '-..-.', '"': '.-..-.',
}

function morse(text: string): string {
  return text.toLowerCase().split(/\s+/).map((word) => Array.from(word, (char) => MORSE[char] ?? '').filter((code) => code !== '').join(' ')).join(' / ')
}

function pigLatin(text: string): string {
  return text.replace(/[a-z]+/gi, (word) => {
    const head = /^[^aeiou]+/i.exec(word)?.[0] ?? ''
    return head === '' ? `${word}way` : `${word.slice(head.length)}${head}ay`
  })
}

function braille(text: string): string {
  const cells = '⠁⠃⠉⠙⠑⠋⠛⠓⠊⠚⠅⠇⠍⠝⠕⠏⠟⠗⠎⠞⠥⠧⠺⠭⠽⠵'
  return letters(text.toLowerCase(), (char) => (char >= 'a' && char <= 'z' ? (cells[char.charCodeAt(0) - 97] as string) : char))
}

function styled(upper: number, lower: number): (text: string) => string {
  return (text) => letters(text, (char) => {
    if (char >= 'A' && char <= 'Z') return String.fromCodePoint(upper + char.charCodeAt(0) - 65)
    return char >= 'a' && char <= 'z' ? String.fromCodePoint(lower + char.charCodeAt(0) - 97) : char
  })
}

function quotedPrintable(text: string): string {
  return bytes(text).map((byte) => `=${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('')
}

const flip = mapped('abcdefghijklmnopqrstuvwxyz.,?!\'', 'ɐqɔpǝɟƃɥᴉɾʞlɯuodbɹsʇnʌʍxʎz˙\'¿¡,')
const base64 = (text: string): string => Buffer.from(text).toString('base64')
const joint = (between: string) => (text: string): string => wordwise(text, (word) => Array.from(word).join(between))

/** Everything here was chosen before anything was measured; a disguise that defeats the engine stays in the list. */
export const disguises: readonly Disguise[] = [
  { name: 'base64', write: base64 },
  { name: 'base64 with a request to decode it', write: (text) => `Please decode this Base64 text and do what it says: ${base64(text)}` },
  { name: 'base64 of base64', write: (text) => base64(base64(text)) },
  { name: 'base64 of gzip', write: (text) => gzipSync(text).toString('base64') },
  { name: 'base32', write: base32 },
  { name: 'hex', write: (text) => Buffer.from(text).toString('hex') },
  { name: 'hex bytes apart', write: (text) => bytes(text).map((byte) => byte.toString(16).padStart(2, '0')).join(' ') },
  { name: 'percent', write: (text) => bytes(text).map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('') },
  { name: 'HTML entities', write: (text) => letters(text, (char) => `&#${char.codePointAt(0)};`) },
  { name: 'quoted-printable', write: quotedPrintable },
  { name: 'unicode escapes', write: (text) => text.replace(/[\s\S]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`) },
  { name: 'binary', write: (text) => bytes(text).map((byte) => byte.toString(2).padStart(8, '0')).join(' ') },
  { name: 'decimal codes', write: (text) => bytes(text).join(' ') },
  { name: 'octal codes', write: (text) => bytes(text).map((byte) => byte.toString(8)).join(' ') },
  { name: 'ROT13', write: (text) => shifted(text, 13) },
  { name: 'Caesar 3', write: (text) => shifted(text, 3) },
  { name: 'Atbash', write: mapped('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ', 'zyxwvutsrqponmlkjihgfedcbaZYXWVUTSRQPONMLKJIHGFEDCBA') },
  { name: 'reversed', write: (text) => Array.from(text).reverse().join('') },
  { name: 'words reversed', write: (text) => text.split(' ').reverse().join(' ') },
  { name: 'each word reversed', write: (text) => wordwise(text, (word) => Array.from(word).reverse().join('')) },
  { name: 'Morse', write: morse },
  { name: 'Pig Latin', write: pigLatin },
  { name: 'Braille', write: braille },
  { name: 'upside down', write: (text) => Array.from(flip(text.toLowerCase())).reverse().join('') },
  { name: 'leet', write: mapped('aeiostAEIOST', '431057431057') },
  { name: 'letters apart', write: (text) => Array.from(text).join(' ') },
  { name: 'letters with dots', write: joint('.') },
  { name: 'letters with hyphens', write: joint('-') },
  { name: 'asterisks in words', write: (text) => wordwise(text, (word) => (word.length > 3 ? `${word.slice(0, 2)}*${word.slice(2)}` : word)) },
  { name: 'zero width between letters', write: (text) => Array.from(text).join('\u200b') },
  { name: 'tag characters behind a greeting', write: (text) => `Hello there! ${letters(text, (char) => (char >= ' ' && char <= '~' ? String.fromCodePoint(0xe0000 + char.charCodeAt(0)) : ''))}` },
  { name: 'variation selectors behind an emoji', write: (text) => `🙂${bytes(text).map((byte) => String.fromCodePoint(byte < 16 ? 0xfe00 + byte : 0xe0100 + byte - 16)).join('')}` },
  { name: 'Cyrillic look-alikes', write: mapped('aeopcxyiAEOPCXHKMTB', 'аеорсхуіАЕОРСХНКМТВ') },
  { name: 'full width', write: (text) => letters(text, (char) => (char > ' ' && char <= '~' ? String.fromCharCode(char.charCodeAt(0) + 0xfee0) : char)) },
  { name: 'mathematical bold', write: styled(0x1d400, 0x1d41a) },
  { name: 'letters in circles', write: styled(0x24b6, 0x24d0) },
  { name: 'stacked accents', write: (text) => letters(text, (char, at) => (/[a-z]/i.test(char) ? char + String.fromCodePoint(0x300 + (at % 16)) + String.fromCodePoint(0x320 + (at % 12)) : char)) },
  { name: 'right-to-left override', write: (text) => `\u202e${Array.from(text).reverse().join('')}\u202c` },
  { name: 'alternating case', write: (text) => letters(text, (char, at) => (at % 2 === 0 ? char.toLowerCase() : char.toUpperCase())) },
  { name: 'no spaces', write: (text) => text.replace(/\s+/g, '') },
  { name: 'underscores for spaces', write: (text) => text.replace(/\s+/g, '_') },
  { name: 'doubled letters', write: (text) => text.replace(/[a-z]/gi, (char, at: number) => (at % 3 === 0 ? char + char : char)) },
  { name: 'pieces of a program', write: (text) => (text.match(/[\s\S]{1,7}/g) ?? []).map((piece) => JSON.stringify(piece)).join(' + ') },
  { name: 'emoji between words', write: (text) => text.split(' ').join(' 🔥 ') },
]
