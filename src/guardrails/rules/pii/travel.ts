import { charSet, runEnd } from '../chars.ts'
import { icao9303 } from '../checksums.ts'
import type { Found, Kind, Matcher } from '../matcher.ts'

const MRZ: Kind = { guardrail: 'pii', rule: 'mrz', category: 'passport', score: 0.97 }
const LINES = charSet('A-Z0-9<\n\r\\ nr')
const MAX = 110
const BREAK = String.raw`(?:\s|\\[nr]){1,3}`
const TWO = new RegExp(String.raw`^[PVIAC][A-Z<][A-Z<]{3}[A-Z0-9<]{31,39}${BREAK}([A-Z0-9<]{9})(\d)[A-Z<]{3}(\d{6})(\d)[MFX<](\d{6})(\d)[A-Z0-9<]{0,16}`)
const THREE = new RegExp(String.raw`^[IAC][A-Z<][A-Z<]{3}([A-Z0-9<]{9})(\d)[A-Z0-9<]{15}${BREAK}(\d{6})(\d)[MFX<](\d{6})(\d)[A-Z0-9<]{0,15}(?:${BREAK}[A-Z<]{30})?`)

/** Machine-readable zones of passports, visas and identity cards (ICAO 9303), the check digits of number and dates right. */
export const zones: Matcher = {
  literals: ['p<', 'v<', 'i<', 'a<', 'c<', 'idd<<', 'idfra', 'pd<<', 'pm<', 'ps<', 'po<'],
  maxLength: MAX,
  find(text, at, _after, final): Found {
    const end = runEnd(text, at, LINES, MAX)
    if (end === text.length && !final && end - at < MAX) return { more: at }
    const window = text.slice(at, end)
    const found = TWO.exec(window) ?? THREE.exec(window)
    if (found === null) return undefined
    for (const i of [1, 3, 5]) if (!icao9303(found[i] ?? '', found[i + 1] ?? '')) return undefined
    return { kind: MRZ, start: at, end: at + found[0].length }
  },
}
