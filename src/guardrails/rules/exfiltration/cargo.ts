import { placeOf } from './hosts.ts'
import type { Place } from './hosts.ts'

/** What an address carries besides the way to something. */
export interface Cargo {
  readonly place: Place
  /**
   * `slot`: a placeholder for what a model knows; `text`: readable text, plain or encoded; `personal`: an address, a
   * number or a secret by name; `opaque`: much that nobody can read; `none`.
   */
  readonly kind: 'slot' | 'text' | 'personal' | 'opaque' | 'none'
}

const SPLIT = /^(?:https?:)?\/\/(?:[^/?#@\s]{0,80}@)?([^/?#:\s]{1,255})(?::\d{1,5})?([^?#\s]*)(\?[^#\s]*)?(#.*)?$/i
const KNOWN = 'chat|conversation|convo|history|messages?|summary|summar|user|prompt|context|secret|password|pass|credential|token|api_?key|email|e-mail|data|info|answer|response|query|question|content|instructions?|system|name|address|phone|ssn|card|document|file|memory|leak|exfil|payload|encoded|base64|b64|result|output|input|text|value|key|insert|your|here|reply|everything|above'
// `{{chat_history}}`, `${secret}`, `[DATA]`, `<summary>`, `{user_email}`, `$(whoami)`, and the same percent-encoded.
const BRACKETED = /(?:\{|%7b|\[|%5b|<|%3c|\$\()([^{}[\]<>()/?&#=]{2,64})(?:\}|%7d|\]|%5d|>|%3e|\))/gi
const NAMED = new RegExp(`^(?:%20|%24|%7b|[\\s_+.-]){0,3}(?:[a-z]{1,14}(?:%20|[\\s_+.'’-]{1,2})){0,4}(?:${KNOWN})`, 'i')
const SHOUTED = /\b(?:INSERT|YOUR|PUT|REPLACE|ENCODED?|BASE64|URL_?ENCODED?|EXFIL\w{0,12}|STOLEN|COLLECTED|LEAKED)_[A-Z_]{3,40}\b|\b(?:USER|CHAT|SECRET|CONVERSATION)_(?:DATA|HISTORY|INFO|SECRETS?|MESSAGES?|SUMMARY|CONTENT|INPUT)\b/
const MOST_SLOTS = 16

function hasSlot(url: string): boolean {
  let seen = 0
  for (const [, name] of url.matchAll(BRACKETED)) {
    if (NAMED.test(name as string)) return true
    if (++seen === MOST_SLOTS) break
  }
  return SHOUTED.test(url)
}
const PERSONAL_NAME = /^(?:e?-?mail|user_?e?mail|password|passwd|pwd|pass|secret|api_?key|apikey|access_?token|session(?:_?id)?|cookies?|ssn|card(?:_?number)?|cc|iban|phone|credentials?|creds|private_?key|auth)$/i
const CARRIER = /^(?:data|d|payload|exfil|leak|leaked|stolen|dump|loot|history|chat|conversation|convo|conv|context|ctx|prompt|summary|info|msgs?|messages?|content|body|log|note|notes|text|t|q|query|s|c|m|x|p|value|v|user|u|username|userinfo|user_?data|secret|secrets|params?|collect|report|track|details|answer|response|input|output|result|document|doc|email|name|address|memory)$/i
// What pictures are drawn from, and how they are cut and signed.
const DRAWN = /^(?:label|message|text|title|subtitle|caption|alt|logo|chl|chart|chd|cht|tex|latex|prompt|desc|description|subject|font|family|style|color|theme|legend|name|author|tags?|keywords?|search|location|address|markers|center|path|ixid|ixlib|x-amz-.*|x-goog-.*|utm_.*|sig|signature|policy|key-pair-id|expires|hmac|jwt|sv|sp|se|st|sr|spr|skoid|sktid|response-content-.*)$/i

function decoded(part: string): string {
  try {
    return decodeURIComponent(part.replaceAll('+', ' '))
  } catch {
    return part
  }
}

function readable(text: string): boolean {
  if (text.length < 10) return false
  let letters = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code < 9 || (code > 13 && code < 32) || code === 127 || code === 0xfffd) return false
    if ((code | 32) >= 97 && (code | 32) <= 122) letters++
  }
  return letters * 2 > text.length && /[ :{@="|,_]/.test(text)
}

/** True where a part is text that somebody encoded: base64, base32 or hexadecimal that gives readable text. */
function encodes(part: string): boolean {
  if (part.length < 16 || part.length > 4096) return false
  if (/^(?:[0-9a-f]{2}){10,}$/i.test(part)) return readable(Buffer.from(part, 'hex').toString('utf8'))
  if (!/^[a-z0-9+/_-]{16,}={0,2}$/i.test(part) || !/[A-Z]/.test(part) || !/[a-z]/.test(part) || part.startsWith('eyJhbGciOi')) return false
  return readable(Buffer.from(part.replace(/-/g, '+').replace(/_/g, '/'), 'base64').toString('utf8'))
}

function words(text: string): number {
  let count = 0
  for (const word of text.split(/[\s_,;|+]+/, 64)) if (/^[\p{L}'’"-]{2,24}[.,:!?]?$/u.test(word)) count++
  return count
}

const EMAIL = /[\w.+-]{1,64}@[a-z0-9-]{1,63}\.[a-z]{2,24}/i
const STOCK_FILE = /\.(?:png|jpe?g|gif|svg|webp|avif|ico|bmp|mp4|webm|pdf|css|js|woff2?|html?)$/i
// Random labels: longer than any name, and no words.
const LABEL = /^(?=[a-z0-9]*\d)(?=[a-z0-9]*[a-z])[a-z0-9]{28,63}$/i

/** Reads an address (at most a few thousand units) for what it carries; undefined where it is none. */
export function cargoOf(url: string): Cargo | undefined {
  if (hasSlot(url)) {
    const host = /^(?:https?:)?\/\/([^/?#:\s]{0,255})/i.exec(url)?.[1]?.toLowerCase() ?? ''
    const place = placeOf(host, '')
    // A host that is a placeholder as a whole is a template for any address, unless data comes in front of a domain.
    const inside = url.slice(url.indexOf('//') + 2)
    if (/^(?:\{\{?[^}]*\}?\}|\$\{[^}]*\}|<[^>]*>|\[[^\]]*\])(?:[/?#:]|$)/.test(inside)) return { place, kind: 'none' }
    return { place, kind: 'slot' }
  }
  const split = SPLIT.exec(url)
  if (split === null) return undefined
  const host = (split[1] as string).toLowerCase()
  const path = split[2] ?? ''
  const place = placeOf(host, path)
  const of = (kind: Cargo['kind']): Cargo => ({ place, kind })
  const labels = host.split('.')
  let odd = 0
  for (const label of labels.slice(0, -2)) {
    if (encodes(label) || /^(?:[0-9a-f]{2}){10,31}$/.test(label) && readable(Buffer.from(label, 'hex').toString('utf8'))) return of('text')
    if (LABEL.test(label)) odd++
  }
  if (odd > 1) return of('text')
  let opaque = odd > 0
  for (const part of path.split('/', 32)) {
    if (part.length < 16) continue
    if (encodes(part)) return of('text')
    const plain = decoded(part)
    if (plain.includes(' ') && words(plain) >= 5 && !STOCK_FILE.test(plain)) return of('text')
    if (plain.includes('@', 1) && EMAIL.test(plain)) return of('personal')
    if (part.length > 120) opaque = true
  }
  const query = `${split[3]?.slice(1) ?? ''}${split[4] === undefined ? '' : `&${split[4].slice(1)}`}`
  if (query === '') return of(opaque ? 'opaque' : 'none')
  for (const pair of query.split('&', 64)) {
    const equals = pair.indexOf('=')
    const name = equals < 0 ? '' : decoded(pair.slice(0, equals))
    const value = equals < 0 ? pair : pair.slice(equals + 1)
    if (value.length < 4) continue
    const drawn = DRAWN.test(name)
    const plain = decoded(value)
    if (!drawn && encodes(plain.replaceAll(' ', '+'))) return of('text')
    if (!drawn && words(plain) >= 4) return of('text')
    if ((plain.includes('@') && EMAIL.test(plain)) || (PERSONAL_NAME.test(name) && plain.length >= 6)) return of('personal')
    if (CARRIER.test(name) && !drawn && (words(plain) >= 2 || plain.length > 40)) return of('text')
    if (plain.length > 200) opaque = true
  }
  return of(opaque ? 'opaque' : 'none')
}
