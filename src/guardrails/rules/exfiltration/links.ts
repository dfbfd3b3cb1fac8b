import { LETTER, isIn } from '../chars.ts'
import type { Found, Kind, Matcher } from '../matcher.ts'
import { cargoOf } from './cargo.ts'

const kind = (rule: string, category: string, score: number, at?: Kind['at']): Kind => ({ guardrail: 'exfiltration', rule, category, score, ...(at && { at }) })

// A newsletter counts who opens it, and a page signs its pictures: what a model itself writes is another matter.
const FOREIGN: Kind['at'] = { tool_result: 0.5, document: 0.5, body: 0.5, tool_definition: 0.7, tool_call: 0.7, command: 0.7 }
const ASKS: Kind['at'] = { tool_call: 0.85, command: 0.85 }

const AUTO = {
  slot: kind('image_with_slot', 'auto_loading', 0.95, ASKS),
  text: kind('image_with_text', 'auto_loading', 0.92, FOREIGN),
  personal: kind('image_with_personal_data', 'auto_loading', 0.92, FOREIGN),
  opaque: kind('image_with_long_address', 'auto_loading', 0.6, FOREIGN),
}
const LINK = {
  slot: kind('link_with_slot', 'data_link', 0.91, { tool_call: 0.7, command: 0.7, document: 0.75 }),
  text: kind('link_with_text', 'data_link', 0.7, FOREIGN),
  personal: kind('link_with_personal_data', 'data_link', 0.6, FOREIGN),
  opaque: kind('link_with_long_address', 'data_link', 0.3, FOREIGN),
}
const BARE = {
  slot: kind('address_with_slot', 'data_link', 0.6),
  text: kind('address_with_text', 'data_link', 0.5, FOREIGN),
  personal: kind('address_with_personal_data', 'data_link', 0.5, FOREIGN),
  opaque: kind('long_address', 'data_link', 0.2),
}
const COLLECTOR = {
  auto: kind('image_from_collector', 'collector', 0.95),
  cargo: kind('collector_with_data', 'collector', 0.94),
  plain: kind('collector', 'collector', 0.8, { document: 0.6, body: 0.6, tool_definition: 0.85, tool_call: 0.88, command: 0.88 }),
  tunnel: kind('tunnel', 'collector', 0.5, { tool_call: 0.6, command: 0.6 }),
  tunnelAuto: kind('image_from_tunnel', 'collector', 0.85),
}

const MOST = 2048
const BEFORE = 120
const IMAGE = /!\[[^\]\n]{0,110}\]\(\s{0,2}<?$/
const MARKDOWN = /\]\(\s{0,2}<?$/
const REFERENCE = /\]:\s{0,3}<?$/
const TAG = /<(img|iframe|script|link|form|meta|video|audio|source|embed|object|input|body|svg|image|use|base|td|table|track|frame|button|a)\b[^<>]{0,110}$/i
const CSS = /(?:\burl\(\s{0,2}["']?|@import\s{1,2}["'])$/i
const ATTRIBUTE = /\b(?:src|srcset|href|action|formaction|poster|background|ping|data|xlink:href)\s{0,2}=\s{0,2}\\?["']?$|\burl\s{0,2}=\s{0,2}$/i
const NESTED = /https?:\/\/[^\s"'<>()[\]]{0,110}$/i

type Way = 'auto' | 'link' | 'bare'

function wayOf(before: string): Way {
  if (IMAGE.test(before) || CSS.test(before)) return 'auto'
  if (MARKDOWN.test(before) || REFERENCE.test(before)) return 'link'
  if (!ATTRIBUTE.test(before)) return 'bare'
  const tag = TAG.exec(before)?.[1]?.toLowerCase()
  return tag === undefined || tag === 'a' || tag === 'base' ? 'link' : 'auto'
}

// Where the address ends: white space, what closes the mark-up around it, or nothing. Braces may hold spaces.
function endOf(text: string, from: number, opener: string): number {
  const limit = Math.min(text.length, from + MOST)
  let braces = 0
  for (let i = from; i < limit; i++) {
    const code = text.charCodeAt(i)
    // Another picture or link begins, or the text of this one ends: the address was never closed.
    if ((code === 33 && text.charCodeAt(i + 1) === 91) || (code === 93 && text.charCodeAt(i + 1) === 40)) return i
    if (code === 58 && i > from + 8 && text.startsWith('://', i)) {
      let scheme = i
      while (scheme > from && isIn(LETTER, text.charCodeAt(scheme - 1))) scheme--
      if (!/[=/&?%\w.-]/.test(text.charAt(scheme - 1))) return scheme
    }
    if (code === 123 || code === 91) braces++
    else if (code === 125 || code === 93) {
      if (--braces < 0) return i
    } else if (code === 10 || code === 13) return i
    else if (code === 32 || code === 9) {
      if (braces === 0) return i
    } else if (code === 34 || code === 96) return i
    else if ((code === 39 || code === 41) && braces === 0 && (opener === '(' || opener === "'")) return i
    else if (code === 92 && (text.charCodeAt(i + 1) === 34 || text.charCodeAt(i + 1) === 110)) return i
    else if (code === 62 && braces === 0 && !/<[a-z_ ]{3,40}$/i.test(text.slice(Math.max(from, i - 42), i))) return i
  }
  return limit
}

const address: Matcher = {
  literals: ['http://', 'https://', '](//', '="//', '=\'//', '(//', '("//', '(\'//', '](<//'],
  maxLength: MOST,
  find(text, at, _after, final): Found {
    const slashes = text.indexOf('//', at)
    const start = text.charCodeAt(at) === 104 || text.charCodeAt(at) === 72 ? at : slashes
    if (!/[\w{$<[%]/.test(text.charAt(slashes + 2)) && text.length > slashes + 2) return undefined
    const before = text.slice(Math.max(0, start - BEFORE), start)
    if (NESTED.test(before)) return undefined
    const end = endOf(text, start, before.slice(-1))
    if (end === text.length && !final && end - start < MOST) return { more: start }
    const url = text.slice(start, end)
    if (url.length < 14) return undefined
    const cargo = cargoOf(url)
    if (cargo === undefined) return undefined
    const way = wayOf(before)
    const found = kindOf(cargo.place, cargo.kind, way)
    return found === undefined ? undefined : { kind: found, start, end }
  },
}

function kindOf(place: 'collector' | 'tunnel' | 'renderer' | 'other', what: 'slot' | 'text' | 'personal' | 'opaque' | 'none', way: Way): Kind | undefined {
  if (place === 'renderer' && what !== 'slot') return undefined
  if (place === 'collector') return way === 'auto' ? COLLECTOR.auto : what === 'none' || what === 'opaque' ? COLLECTOR.plain : COLLECTOR.cargo
  if (place === 'tunnel' && (what === 'none' || what === 'opaque')) return way === 'auto' ? COLLECTOR.tunnelAuto : COLLECTOR.tunnel
  if (what === 'none') return undefined
  if (place === 'tunnel' && (what === 'text' || what === 'slot')) return COLLECTOR.cargo
  return way === 'auto' ? AUTO[what] : way === 'link' ? LINK[what] : BARE[what]
}

const LOOKUP: Kind = kind('data_in_dns', 'data_link', 0.9, { document: 0.6, tool_result: 0.6, body: 0.6, assistant: 0.7, reasoning: 0.6 })
// A name server hears of every name that somebody looks up.
const lookup: Matcher = {
  literals: ['nslookup ', 'dig ', 'ping ', 'resolvectl query ', 'getent hosts '],
  maxLength: 320,
  find(text, at, after, final): Found {
    const limit = Math.min(text.length, after + 300)
    let end = after
    while (end < limit && !/[\n;|"]/.test(text.charAt(end))) end++
    if (end === text.length && !final && end - after < 300) return { more: at }
    const said = text.slice(after, end)
    const shown = /(?:\$\(|`)[^)`]{2,120}[)`][\w.-]{0,40}\.[a-z]{2,24}/i.test(said) || /\$\{?\w{1,30}\}?\.[\w-]{1,40}\.[a-z]{2,24}/i.test(said) || /(?:^|\s|\.)(?=[a-z0-9]*\d)(?=[a-z0-9]*[a-z])[a-z0-9]{32,63}\.[\w.-]{3,80}/i.test(said)
    return shown ? { kind: LOOKUP, start: at, end } : undefined
  },
}

export const links: readonly Matcher[] = [address, lookup]
