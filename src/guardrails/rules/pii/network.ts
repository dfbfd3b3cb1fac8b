import { isIPv6 } from 'node:net'
import { ALNUM, HEX, charSet, isIn, runEnd, runStart } from '../chars.ts'
import { bech32 } from '../checksums.ts'
import type { Kind, Matcher } from '../matcher.ts'
import { token } from '../token.ts'

const IPV6: Kind = { guardrail: 'pii', rule: 'ipv6', category: 'ip_address', score: 0.85 }
const GROUPS = charSet('a-fA-F0-9:.')
const MAX = 45
const PREFIX = /^(?:fe80|f[cd][0-9a-f]{2}|2[0-9a-f]{3}|3f[0-9a-f]{2}|64:ff9b)/i

/** IPv6 addresses. `a::b` is also how programs name things, so a short one needs a well-known beginning. */
export const ipv6: Matcher = {
  literals: [':'],
  anywhere: true,
  maxLength: MAX,
  tail(text) {
    const start = runStart(text, text.length, HEX, 5)
    const length = text.length - start
    return length > 4 || (start > 0 && isIn(ALNUM, text.charCodeAt(start - 1))) ? 0 : length
  },
  find(text, at, after, final) {
    const start = runStart(text, at, HEX, 5)
    if (at - start > 4) return undefined
    if (start > 0 && (isIn(ALNUM, text.charCodeAt(start - 1)) || text.charCodeAt(start - 1) === 58)) return undefined
    if (at === start && text.charCodeAt(after) !== 58) return after === text.length && !final ? { more: start } : undefined
    let end = runEnd(text, start, GROUPS, MAX)
    if (end === text.length && !final) return { more: start }
    if (isIn(ALNUM, text.charCodeAt(end))) return undefined
    while (end > start && (text.charCodeAt(end - 1) === 46 || (text.charCodeAt(end - 1) === 58 && text.charCodeAt(end - 2) !== 58))) end--
    const address = text.slice(start, end)
    if (address.length < 6 || !isIPv6(address)) return undefined
    const groups = address.split(':').filter((group) => group !== '').length
    if (groups < 4 && !PREFIX.test(address)) return undefined
    return { kind: IPV6, start, end }
  },
}

const LOWER = charSet('a-z0-9')

export const wallets: readonly Matcher[] = [
  token({ guardrail: 'pii', rule: 'ethereum', category: 'wallet', score: 0.85 }, { prefixes: ['0x'], alphabet: HEX, min: 40, max: 40, check: (found) => !/^0x(.)\1{10}/.test(found) }),
  token({ guardrail: 'pii', rule: 'bitcoin_bech32', category: 'wallet', score: 0.97 }, { prefixes: ['bc1', 'ltc1', 'tb1'], alphabet: LOWER, min: 38, max: 60, check: bech32 }),
]
