import { ALNUM, BASE64URL, HEX, charSet, runEnd } from '../chars.ts'
import { base58Check, bech32, eip55 } from '../checksums.ts'
import type { Found, Kind, Matcher, Span } from '../matcher.ts'
import { token } from '../token.ts'
import { label } from './label.ts'

function kind(rule: string, score: number): Kind {
  return { guardrail: 'pii', rule, category: 'wallet', score }
}

const BTC = kind('bitcoin_base58', 0.97)
const XMR = kind('monero', 0.9)
const ETH = kind('ethereum', 0.9)
const ETH_PLAIN = kind('ethereum_plain', 0.82)
// Contracts and test fixtures are written the same way, and are nobody's.
const ETH_BARE = kind('ethereum_bare', 0.6)
const LOWER = charSet('a-z0-9')
const BASE58 = /^[1-9A-HJ-NP-Za-km-z]+$/

/** Bitcoin and its relatives, and Monero, where the address begins with a digit. */
export function wallet(text: string, at: number, final: boolean): Found {
  const end = runEnd(text, at, ALNUM, 97)
  if (end === text.length && !final && end - at < 97) return { more: at }
  const length = end - at
  if (length === 95 && (text[at] === '4' || text[at] === '8') && BASE58.test(text.slice(at, end))) return { kind: XMR, start: at, end }
  if (length < 26 || length > 35) return undefined
  return base58Check(text.slice(at, end)) ? { kind: BTC, start: at, end } : undefined
}

const MONEY = /wallet|\beth(?:er(?:eum)?)?\b|address|send|sent|deposit|transfer|pay|donat|metamask|usdt|usdc|erc-?20|кошел|钱包|ウォレット|지갑/i

const ethereum: Matcher = {
  literals: ['0x'],
  maxLength: 44,
  find(text, at, after, final): Found {
    const end = runEnd(text, after, HEX, 41)
    if (end === text.length && !final && end - after < 41) return { more: at }
    if (end - after !== 40 || /^(.)\1{9}/.test(text.slice(after, end))) return undefined
    const body = text.slice(after, end)
    const span = (made: Kind): Span => ({ kind: made, start: at, end })
    if (/[a-f]/.test(body) && /[A-F]/.test(body)) return eip55(body) ? span(ETH) : undefined
    if (eip55(body)) return span(ETH)
    return span(MONEY.test(text.slice(Math.max(0, at - 60), at)) ? ETH_PLAIN : ETH_BARE)
  },
}

const HRP = ['bc1', 'ltc1', 'tb1', 'addr1', 'stake1', 'cosmos1', 'osmo1', 'terra1', 'celestia1', 'inj1', 'kava1', 'juno1', 'erd1', 'zil1', 'bnb1', 'band1', 'axelar1', 'nym1', 'secret1', 'akash1', 'evmos1', 'thor1', 'one1', 'grs1', 'vtc1', 'npub1', 'nsec1']

export const wallets: readonly Matcher[] = [
  ethereum,
  token(kind('bech32', 0.97), { prefixes: HRP, alphabet: LOWER, min: 34, max: 108, check: bech32 }),
  token(kind('ton', 0.82), { prefixes: ['EQ', 'UQ'], alphabet: BASE64URL, min: 46, max: 46, check: (found) => /[0-9]/.test(found) && /[a-z]/.test(found) }),
  label({
    kind: kind('named_wallet', 0.88),
    words: ['wallet', 'litecoin', 'ltc', 'dogecoin', 'doge', 'dash', 'zcash', 'tron', 'trx', 'trc20', 'usdt', 'ripple', 'xrp', 'stellar', 'xlm', 'cardano', 'algorand', 'polkadot', 'bitcoin address', 'btc address', 'кошел'],
    pattern: /^[^\n]{0,28}?(?<![A-Za-z0-9])(?<value>[LMDXTrtGS13A][1-9A-HJ-NP-Za-km-zA-Z]{24,57})(?!\w)/,
    alphabet: ALNUM,
    check: (value) => base58Check(value) || (/^(?:r[1-9A-HJ-NP-Za-km-z]{24,34}|G[A-Z2-7]{55}|[A-Z2-7]{58})$/.test(value) && /\d/.test(value) && /[A-Z]/.test(value)),
  }),
  label({
    kind: kind('solana', 0.85),
    words: ['solana', 'sol wallet', 'sol address', 'phantom'],
    pattern: /^[^\n]{0,28}?(?<![A-Za-z0-9])(?<value>[1-9A-HJ-NP-Za-km-z]{43,44})(?!\w)/,
    alphabet: ALNUM,
    check: (value) => /\d/.test(value) && /[A-Z]/.test(value) && /[a-z]/.test(value),
  }),
]
