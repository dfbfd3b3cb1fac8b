import { normalHost } from '../../formats/hostnames.ts'
import { folded, percentDecoded } from './fold.ts'
import { finish, type Work } from './work.ts'

/** What a value names, as far as its spelling shows. */
export type Shape = 'email' | 'url' | 'iban' | 'phone' | 'wallet' | 'id'

export interface Value {
  readonly shape: Shape
  /** The one spelling in which values of this shape are compared. */
  readonly canonical: string
  /** As written. */
  readonly text: string
  readonly start: number
}

// Bounded everywhere: an unbounded class before an @ is quadratic on a long run of letters.
const EMAIL = /(?<![\p{L}\p{N}._%+-])[\p{L}\p{N}][\p{L}\p{N}._%+'-]{0,63}@(?:[\p{L}\p{N}](?:[\p{L}\p{N}-]{0,61}[\p{L}\p{N}])?\.){1,8}[\p{L}]{2,24}(?![\p{L}\p{N}@])/gu
const URL_RUN = /(?<![\p{L}\p{N}@._-])(?:[a-z][a-z0-9+.-]{1,15}:\/\/[^\s<>"'`\\^{}|]{1,2048}|(?:[\p{L}\p{N}](?:[\p{L}\p{N}-]{0,61}[\p{L}\p{N}])?\.){1,8}[\p{L}]{2,24}(?::\d{2,5})?(?:\/[^\s<>"'`\\^{}|]{0,2048})?)/giu
const IBAN = /(?<![A-Za-z0-9])(?:[A-Za-z]{2}\d{2}[A-Za-z0-9]{10,30}|[A-Z]{2}\d{2}(?:[ -][A-Z0-9]{4}){2,7}(?:[ -]\d{1,3})?)(?![A-Za-z0-9])/g
const PHONE = /(?<![\p{L}\p{N}+])\+?\(?\d[\d ().\/-]{6,18}\d(?![\p{L}\p{N}])/gu
const WALLET = /(?<![A-Za-z0-9])(?:0x[0-9a-fA-F]{40}|bc1[02-9ac-hj-np-z]{25,60}|[13][1-9A-HJ-NP-Za-km-z]{25,34})(?![A-Za-z0-9])/g

// Endings of files, which a bare name with a dot has more often than those of countries.
const FILE_ENDING = /\.(?:txt|md|csv|tsv|json|jsonl|ya?ml|toml|ini|cfg|conf|log|docx?|xlsx?|pptx?|odt|pdf|png|jpe?g|gif|svg|webp|zip|gz|tar|tgz|py|js|mjs|ts|tsx|jsx|rb|rs|go|java|c|h|cpp|cs|php|sh|bash|ps1|sql|html?|css|scss|xml|ics|eml|lock|env|key|pem|crt|db|bak|tf|ipynb)$/i

// The same for plain ASCII, which engines search several times as fast.
const ASCII = /^[\x00-\x7f]*$/
const ASCII_EMAIL = inAscii(EMAIL)
const ASCII_URL = inAscii(URL_RUN)
const ASCII_PHONE = inAscii(PHONE)

function inAscii({ source, flags }: RegExp): RegExp {
  return new RegExp(source.replaceAll('[\\p{L}\\p{N}]', '[A-Za-z0-9]').replaceAll('\\p{L}\\p{N}', 'A-Za-z0-9').replaceAll('\\p{L}', 'A-Za-z'), flags.replace('u', ''))
}

// Apart from those for searching, because a search leaves its place behind in its pattern.
const WHOLE_EMAIL = new RegExp(`^(?:${EMAIL.source})$`, 'u')
const WHOLE_URL = new RegExp(`^(?:${URL_RUN.source})$`, 'iu')

const TRAILING = /[.,;:!?)\]}>*_'"»”’]+$/u

/** Case, width and a `mailto:` aside, addresses are the same only letter by letter; undefined = not one whole address. */
export function canonicalEmail(text: string): string | undefined {
  const bare = folded(text).trim().replace(/^mailto:/, '')
  const address = /<([^<>]+)>$/.exec(bare)?.[1] ?? bare
  if (!WHOLE_EMAIL.test(address)) return undefined
  const at = address.lastIndexOf('@')
  const host = normalHost(address.slice(at + 1))
  return host === undefined ? undefined : `${address.slice(0, at)}@${host.text}`
}

/** Host in one spelling, path percent-decoded, query and fragment kept; scheme http and https alike. Undefined = no URL. */
export function canonicalUrl(text: string): string | undefined {
  const bare = text.trim().normalize('NFKC')
  if (bare.length > 8192) return undefined
  const schemed = /^[a-z][a-z0-9+.-]*:\/\//i.test(bare)
  let url: URL
  try {
    url = new URL(schemed ? bare : `https://${bare}`)
  } catch {
    return undefined
  }
  const host = url.hostname === '' ? undefined : normalHost(url.hostname)
  if (host === undefined || (!schemed && host.kind === 'name' && !host.text.includes('.'))) return undefined
  const web = url.protocol === 'https:' || url.protocol === 'http:'
  const user = url.username === '' && url.password === '' ? '' : `${url.username}:${url.password}@`
  const path = url.pathname === '/' ? '' : percentDecoded(url.pathname).replace(/\/$/, '')
  return `${web ? '' : `${url.protocol}//`}${user}${host.text}${url.port === '' ? '' : `:${url.port}`}${path}${percentDecoded(url.search)}${percentDecoded(url.hash)}`
}

/** The host of a URL or an address, in one spelling. */
export function hostOf(text: string): string | undefined {
  const at = text.lastIndexOf('@')
  if (at >= 0 && !text.includes('/')) return normalHost(text.slice(at + 1))?.text
  try {
    const { hostname } = new URL(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `https://${text}`)
    return hostname === '' ? undefined : normalHost(hostname)?.text
  } catch {
    return undefined
  }
}

/** Without spaces, in capitals. Check digits are not asked for: a mistyped account number is still one to act on. */
export function canonicalIban(text: string): string | undefined {
  const bare = text.normalize('NFKC').replace(/[\s-]/g, '').toUpperCase()
  return /^[A-Z]{2}\d{2}[A-Z0-9]{10,30}$/.test(bare) ? bare : undefined
}

function canonicalPhone(text: string): string | undefined {
  const digits = text.replace(/\D/g, '').replace(/^00/, '')
  return digits.length >= 7 && digits.length <= 15 ? digits : undefined
}

/** What folds to the sign in addresses. */
const AT = /[@\ufe6b\uff20]/

/** The shape of a whole value; undefined where it is no value that a call could act on by itself. */
export function shapeOf(text: string): Value | undefined {
  const bare = text.trim()
  if (bare === '' || bare.length > 8192) return undefined
  const value = (shape: Shape, canonical: string | undefined): Value | undefined => (canonical === undefined ? undefined : { shape, canonical, text: bare, start: 0 })
  const found =
    value('email', bare.length <= 400 && AT.test(bare) ? canonicalEmail(bare) : undefined) ??
    ((bare.includes('.') || bare.includes('://')) && /^[^\s]+$/.test(bare) && looksLikeUrl(bare) ? value('url', canonicalUrl(bare)) : undefined) ??
    value('wallet', bare.match(WALLET)?.[0] === bare ? bare.toLowerCase() : undefined) ??
    value('iban', bare.length <= 60 ? canonicalIban(bare) : undefined)
  if (found !== undefined) return found
  const phone = bare.match(PHONE)
  if (phone?.[0] === bare && /^[+0(]|[ ()-]/.test(bare) && !isDate(bare)) return value('phone', canonicalPhone(bare))
  return isId(bare) ? value('id', folded(bare)) : undefined
}

function looksLikeUrl(text: string): boolean {
  if (/^[a-z][a-z0-9+.-]{1,15}:\/\//i.test(text)) return true
  return WHOLE_URL.test(text) && (text.includes('/') || text.startsWith('www.') || !FILE_ENDING.test(text)) && !/^\d+(?:\.\d+)+$/.test(text)
}

function isDate(text: string): boolean {
  return /^\d{4}[-/.]\d{1,2}[-/.]\d{1,2}(?:[ T]\d{1,2}(?::\d{2}){0,2})?$|^\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}$/.test(text)
}

/** What machines make and people seldom type: a number, or one word with a digit, a dash or a hash in it. */
export function isId(text: string): boolean {
  return text.length <= 128 && !isDate(text) && (/^#?\d{1,20}$/.test(text) || (/^[#@]?[A-Za-z0-9][A-Za-z0-9_.:#-]{1,126}$/.test(text) && /[\d_#:-]/.test(text)))
}

const MOST_VALUES = 20_000

/** Values that are looked at before others may have their turn. */
const AT_ONCE = 128

/** Addresses, URLs, account numbers, phones and wallets in a text, in their canonical spelling. */
export function* valuesOf(text: string, window = WINDOW): Work<readonly Value[]> {
  const values: Value[] = []
  const windows = windowsOf(text, window)
  const take = function* (shape: Shape, pattern: RegExp, canonical: (found: string) => string | undefined, { plain = pattern, wanted }: { readonly plain?: RegExp; readonly wanted?: (found: string) => boolean } = {}): Work {
    let looked = 0
    for (const { text: part, start, ascii } of windows) {
      if (start > 0) yield
      for (const found of part.matchAll(ascii ? plain : pattern)) {
        if (++looked % AT_ONCE === 0) yield
        if (values.length >= MOST_VALUES) return
        const run = shape === 'url' ? found[0].replace(TRAILING, '') : found[0]
        if (wanted !== undefined && !wanted(run)) continue
        const made = canonical(run)
        if (made !== undefined) values.push({ shape, canonical: made, text: run, start: start + found.index })
      }
    }
  }
  if (text.includes('@')) yield* take('email', EMAIL, canonicalEmail, { plain: ASCII_EMAIL })
  if (text.includes('.') || text.includes('://')) yield* take('url', URL_RUN, canonicalUrl, { plain: ASCII_URL, wanted: looksLikeUrl })
  yield* take('iban', IBAN, canonicalIban)
  yield* take('phone', PHONE, canonicalPhone, { plain: ASCII_PHONE, wanted: (run) => !isDate(run) })
  yield* take('wallet', WALLET, (run) => run.toLowerCase())
  return values
}

interface Window {
  readonly text: string
  readonly start: number
  readonly ascii: boolean
}

const WINDOW = 32_768

/** A text in pieces, cut behind signs that no value has inside, nor cares for at its ends. */
function windowsOf(text: string, window: number): readonly Window[] {
  const cut = /[\n"<>{}|]/g
  const made: Window[] = []
  for (let start = 0; start < text.length; ) {
    cut.lastIndex = start + window
    const end = (cut.exec(text)?.index ?? text.length) + 1
    const part = text.slice(start, end)
    made.push({ text: part, start, ascii: ASCII.test(part) })
    start = end
  }
  return made
}

/** The same at once. */
export function valuesIn(text: string): readonly Value[] {
  return finish(valuesOf(text))
}
