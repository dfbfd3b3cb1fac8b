import { isIPv6 } from 'node:net'
import { ALNUM, HEX, charSet, isIn, runEnd, runStart } from '../chars.ts'
import type { Found, Kind, Matcher } from '../matcher.ts'

const IPV6: Kind = { guardrail: 'pii', rule: 'ipv6', category: 'ip_address', score: 0.85 }
const MAC: Kind = { guardrail: 'pii', rule: 'mac', category: 'mac_address', score: 0.85 }
const GROUPS = charSet('a-fA-F0-9:.')
const MAX = 45
const PREFIX = /^(?:fe80|f[cd][0-9a-f]{2}|2[0-9a-f]{3}|3f[0-9a-f]{2}|64:ff9b)/i
const MAC_SHAPE = /^(?:[\da-f]{2}:){5}[\da-f]{2}$/i

/** IPv6 and MAC addresses. `a::b` is also how programs name things, so a short one needs a well-known beginning. */
export const colons: Matcher = {
  literals: [':'],
  anywhere: true,
  maxLength: MAX,
  tail(text) {
    const start = runStart(text, text.length, HEX, 5)
    const length = text.length - start
    return length > 4 || (start > 0 && isIn(ALNUM, text.charCodeAt(start - 1))) ? 0 : length
  },
  find(text, at, after, final): Found {
    const start = runStart(text, at, HEX, 5)
    if (at - start > 4) return undefined
    if (start > 0 && (isIn(ALNUM, text.charCodeAt(start - 1)) || text.charCodeAt(start - 1) === 58)) return undefined
    if (at === start && text.charCodeAt(after) !== 58) return after === text.length && !final ? { more: start } : undefined
    let end = runEnd(text, start, GROUPS, MAX)
    if (end === text.length && !final) return { more: start }
    if (isIn(ALNUM, text.charCodeAt(end))) return undefined
    while (end > start && (text.charCodeAt(end - 1) === 46 || (text.charCodeAt(end - 1) === 58 && text.charCodeAt(end - 2) !== 58))) end--
    const address = text.slice(start, end)
    if (end - start === 17 && MAC_SHAPE.test(address)) return /^(?:(..):\1|00:00:00:00|ff:ff:ff)/i.test(address) ? undefined : { kind: MAC, start, end }
    if (address.length < 6 || !isIPv6(address)) return undefined
    const groups = address.split(':').filter((group) => group !== '').length
    if (groups < 4 && !PREFIX.test(address)) return undefined
    return { kind: IPV6, start, end }
  },
}
