import { ALNUM, charSet, isIn, runEnd } from '../chars.ts'
import { entropy } from '../checksums.ts'
import type { Kind, Matcher } from '../matcher.ts'
import { opaque, standIn, wordlike } from './plausible.ts'

const PREFIXED: Kind = { guardrail: 'secrets', rule: 'prefixed_token', category: 'api_key', score: 0.82 }

const BODY = charSet('a-zA-Z0-9_-')
const MAX = 200

/**
 * Tokens of providers that nobody here has heard of: most begin with a word that says what they are (`acme_sk_`,
 * `foo_live_`), and end in at least twenty characters that spell nothing. Identifiers of records look alike
 * (`price_1Mo…`, `msg_01…`); that word is what tells them apart.
 */
export const prefixed: Matcher = {
  literals: [
    'sk_', 'sk-', '_sk_', '-sk-', 'pat_', 'pat-', '_pat_', '-pat-', 'key_', 'key-', '_key_', '-key-', 'apikey_', 'apikey-', 'api_key_', 'token_', 'token-', 'tok_', 'tok-', '_token_', 'secret_', 'secret-', '_secret_', '-secret-',
    '_live_', '-live-', '_prod_', '-prod-', 'live_', 'prod_', 'priv_', 'private_', 'svc_', 'sec_', '_sec_', 'auth_', 'access_', 'refresh_', 'deploy_', 'bot_', 'agent_key_', 'api_', 'api-', '_api_', '-api-',
  ],
  maxLength: MAX + 16,
  find(text, at, after, final) {
    if (text.charCodeAt(at) === 95 || text.charCodeAt(at) === 45) {
      // `pk_live_` is published.
      if (!isIn(ALNUM, text.charCodeAt(at - 1)) || /(?:^|[^a-zA-Z])(?:pk|pub|public|publishable)$/i.test(text.slice(Math.max(0, at - 12), at))) return undefined
    } else if (text.charCodeAt(at - 1) === 45 || text.charCodeAt(at - 1) === 95) return undefined
    const end = runEnd(text, after, BODY, MAX)
    if (end === text.length && !final && end - after < MAX) return { more: at }
    if (end - after < 20 || end - after >= MAX) return undefined
    const body = text.slice(after, end)
    const longest = body.split(/[_-]/).reduce((most, part) => (part.length > most.length ? part : most), '')
    if (longest.length < 18 || opaque(body) || standIn(body) || wordlike(body)) return undefined
    const digits = longest.replace(/[^0-9]/g, '').length
    if (digits < 2 || digits === longest.length) return undefined
    if (/^[0-9a-f]+$/.test(longest) ? longest.length < 32 : !/[a-z]/.test(longest) || (!/[A-Z]/.test(longest) && longest.length < 24)) return undefined
    return entropy(longest) >= 3.3 ? { kind: PREFIXED, start: at, end } : undefined
  },
}
