import { createHash } from 'node:crypto'
import { wordlist } from '@scure/bip39/wordlists/english.js'
import type { Kind, Matcher } from '../matcher.ts'

const CHECKED: Kind = { guardrail: 'secrets', rule: 'seed_phrase_checked', category: 'seed_phrase', score: 0.99 }
// One word mistyped or out of order: still somebody's wallet.
const PHRASE: Kind = { guardrail: 'secrets', rule: 'seed_phrase', category: 'seed_phrase', score: 0.88 }

const indexes = new Map(wordlist.map((word, i) => [word, i]))
const LENGTHS = [24, 21, 18, 15, 12]
// Between the name and its first word, and in all.
const NEAR = 60
const MAX = 420

/** BIP 39: eleven bits a word; what is left over is the beginning of the entropy's SHA-256. */
function checked(words: readonly string[]): boolean {
  const bits = words.map((word) => (indexes.get(word) ?? 0).toString(2).padStart(11, '0')).join('')
  const size = Math.floor(bits.length / 33) * 32
  const bytes = Buffer.from((bits.slice(0, size).match(/.{8}/g) ?? []).map((octet) => Number.parseInt(octet, 2)))
  const digest = createHash('sha256').update(bytes).digest()
  return bits.slice(size) === digest.readUInt16BE(0).toString(2).padStart(16, '0').slice(0, bits.length - size)
}

/** Twelve or more words of the list in a row, behind words that say what they are. */
export const seed: Matcher = {
  literals: ['seed phrase', 'seed words', 'seed_phrase', 'seedphrase', 'mnemonic', 'recovery phrase', 'recovery words', 'backup phrase', 'secret phrase', 'wallet phrase', 'passphrase', 'wallet seed', 'phrase de recuperation', 'frase semilla', 'frase de recuperacion', 'wiederherstellungsphrase', 'сид фраз', 'сид-фраз', '助记词'],
  spanAfter: true,
  maxLength: MAX + NEAR,
  find(text, _at, after, final) {
    const reach = text.slice(after, after + NEAR + MAX)
    const open = !final && after + NEAR + MAX > text.length
    const words: string[] = []
    let start = 0
    let end = 0
    let over = false
    // Numbered lists and commas are how wallets print them.
    for (const { 0: word, index } of reach.matchAll(/[a-z]+/gi)) {
      const joined = words.length > 0 && /^[\s,."'\d)[\]:-]{1,8}$/.test(reach.slice(end, index))
      if (open && index + word.length === reach.length && (joined || index <= NEAR)) return { more: after + (joined ? start : index) }
      const known = indexes.has(word.toLowerCase())
      if (!known || (words.length > 0 && !joined)) {
        over = words.length >= 12
        if (over) break
        words.length = 0
        if (!known) continue
      }
      if (words.length === 0) {
        start = index
        over = index > NEAR
        if (over) break
      }
      words.push(word.toLowerCase())
      end = index + word.length
      over = words.length === 24
      if (over) break
    }
    if (open && !over && words.length > 0 && reach.length - end < 9) return { more: after + start }
    const length = LENGTHS.find((one) => one === words.length) ?? (words.length >= 12 ? words.length : 0)
    if (length === 0) return undefined
    return { kind: LENGTHS.includes(length) && checked(words) ? CHECKED : PHRASE, start: after + start, end: after + end }
  },
}
