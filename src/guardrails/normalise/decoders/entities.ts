import { spend } from '../piece.ts'
import type { Decoder } from '../piece.ts'
import { SEEN } from '../units.ts'

const ENTITY = /&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|([a-zA-Z]{2,24}(?:\d{1,2})?));?/y
const NAMED: Readonly<Record<string, string>> = {
  amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ', ensp: ' ', emsp: ' ', thinsp: ' ', Tab: '\t', NewLine: '\n', shy: '', zwnj: '', zwj: '', ZeroWidthSpace: '', NoBreak: '',
  excl: '!', num: '#', dollar: '$', percnt: '%', lpar: '(', rpar: ')', ast: '*', plus: '+', comma: ',', period: '.', sol: '/', colon: ':', semi: ';', equals: '=', quest: '?', commat: '@',
  lbrack: '[', lsqb: '[', bsol: '\\', rbrack: ']', rsqb: ']', Hat: '^', lowbar: '_', UnderBar: '_', grave: '`', lbrace: '{', lcub: '{', vert: '|', verbar: '|', rbrace: '}', rcub: '}',
  lsquo: '‘', rsquo: '’', ldquo: '“', rdquo: '”', laquo: '«', raquo: '»', hyphen: '-', ndash: '–', mdash: '—', hellip: '…', middot: '·', bull: '•',
  iexcl: '¡', iquest: '¿', szlig: 'ß', aelig: 'æ', AElig: 'Æ', oslash: 'ø', Oslash: 'Ø', inodot: 'ı', imath: 'ı', eth: 'ð', thorn: 'þ',
}
const ACCENTED = /^([a-zA-Z])(?:acute|grave|circ|tilde|uml|ring|cedil|caron)$/
const STYLED = /^([a-zA-Z])(?:scr|fr|opf)$/

function named(name: string): string | undefined {
  return NAMED[name] ?? ACCENTED.exec(name)?.[1] ?? STYLED.exec(name)?.[1]
}

/** HTML character references: by number, with or without the semicolon, and the names that stand for letters or signs. */
export const entities: Decoder = {
  name: 'entities',
  wakes: SEEN.ampersand,
  read({ text, work }, put) {
    for (let at = text.indexOf('&'); at >= 0; at = text.indexOf('&', at + 1)) {
      if (!spend(work, 8)) return
      ENTITY.lastIndex = at
      const found = ENTITY.exec(text)
      if (found === null) continue
      const [all, decimal, hex, name] = found
      if (name !== undefined && !all.endsWith(';')) continue
      const point = decimal !== undefined ? Number.parseInt(decimal, 10) : hex !== undefined ? Number.parseInt(hex, 16) : -1
      const char = name !== undefined ? named(name) : point > 8 && point < 0x110000 ? String.fromCodePoint(point) : undefined
      if (char !== undefined) put({ start: at, end: at + all.length, text: char })
    }
  },
}
