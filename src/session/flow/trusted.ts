import { decodings, folded, percentDecoded } from './fold.ts'
import { withoutAccents } from './scope.ts'
import { hashOf } from './units.ts'
import { valueKey, type Untrusted } from './reading.ts'
import type { FlowSession, View } from './session.ts'
import type { ControlValue } from './sinks.ts'
import { canonicalUrl, hostOf, shapeOf, valuesIn, type Value } from './values.ts'
import type { Source } from '../../contract/shown.ts'
import type { ToolClass } from '../../contract/tool_class.ts'

/** Why a value counts as trusted, or undefined. */
export type Grounds = 'trusted text' | 'own' | 'directory' | 'endorsed' | 'named' | 'not from untrusted text' | undefined

/**
 * Whether a control argument has its value from somebody who may say it. A value that untrusted text gives as well is
 * trusted still, if trusted text gives it: the attacker's agreement takes nothing away.
 */
export function groundsFor(session: FlowSession, view: View, control: ControlValue, sink: ToolClass, at: number): Grounds {
  if (endorsed(view, control.text, sink, at)) return 'endorsed'
  // In the spelling that the tool gets, and in those that it may decode the whole of it to.
  for (const reading of decodings(control.text)) {
    const grounds = groundsOf(session, view, { ...control, text: reading }, sink)
    if (grounds !== undefined) return grounds
  }
  return undefined
}

export function endorsed({ endorsements }: View, value: string, sink: ToolClass, at: number): boolean {
  if (endorsements.length === 0) return false
  const plain = comparable(value)
  return endorsements.some((one) => (one.class === undefined || one.class === sink) && (one.until === undefined || one.until > at) && comparable(one.value) === plain)
}

function comparable(value: string): string {
  const shaped = shapeOf(value)
  return shaped === undefined ? folded(value).trim() : valueKey(shaped.shape, shaped.canonical)
}

function groundsOf(session: FlowSession, view: View, control: ControlValue, sink: ToolClass): Grounds {
  const { text, kind } = control
  const value = shapeOf(text)
  const known = value === undefined || value.shape === 'id' ? undefined : view.values.get(valueKey(value.shape, value.canonical))
  if (known !== undefined) return known === 'directory' ? 'directory' : 'trusted text'
  const plain = folded(text).trim()
  if (session.settings.ownIds.some((one) => folded(one) === plain)) return 'own'
  if (isOwn(view, text, value, kind)) return 'own'
  // What has the shape of an address or a link is compared as such only: a piece of a longer one is another.
  const free = value === undefined || value.shape === 'id' || value.shape === 'phone'
  if (free && kind !== 'url' && saysWhole(view, plain)) return 'trusted text'
  if (free && kind !== 'url' && view.words.has(plain)) return 'directory'
  if (value?.shape === 'id' && view.values.get(valueKey('id', value.canonical)) === 'directory') return 'directory'
  if (kind === 'url') return literalUrl(view, text) ? 'trusted text' : undefined
  if (kind === 'recipient' && value?.shape === 'email' && session.settings.namedRecipients && isNamed(view, session, value)) return 'named'
  if (kind === 'recipient' && value?.shape !== 'email' && session.settings.namedRecipients && isBound(view, plain)) return 'named'
  if (kind === 'path') return pathGrounds(view, plain, control.configured ? 'read' : sink)
  if (kind === 'id' && !control.configured) return view.full || inProse(view, plain) ? undefined : 'not from untrusted text'
  return undefined
}

function isOwn({ ownDomains }: View, text: string, value: Value | undefined, kind: ControlValue['kind']): boolean {
  if (ownDomains.size === 0 || (value?.shape !== 'email' && kind !== 'url')) return false
  const host = hostOf(value?.shape === 'email' ? value.canonical : text)
  return host !== undefined && ownHost(ownDomains, host)
}

export function ownHost(ownDomains: ReadonlySet<string>, host: string): boolean {
  if (ownDomains.has(host)) return true
  for (let dot = host.indexOf('.'); dot >= 0; dot = host.indexOf('.', dot + 1)) if (ownDomains.has(host.slice(dot + 1))) return true
  return false
}

const WITHIN = /[\p{L}\p{N}_]/u
/** Signs that join what stands at both sides of them to one value. */
const JOINS = /[.@/:-]/

/** Whether trusted text has the value as a word of its own, not as a part of a longer one. */
function saysWhole({ trusted }: View, plain: string): boolean {
  if (plain === '') return false
  return trusted.some((text) => {
    for (let at = text.indexOf(plain); at >= 0; at = text.indexOf(plain, at + 1)) {
      if (!joined(text, at - 1, -1) && !joined(text, at + plain.length, 1)) return true
    }
    return false
  })
}

function joined(text: string, at: number, step: 1 | -1): boolean {
  const beside = text.charAt(at)
  if (beside === '') return false
  if (WITHIN.test(beside)) return true
  const next = text.charAt(at + step)
  return JOINS.test(beside) && next !== '' && WITHIN.test(next) && !(beside === ':' && step === -1)
}

/** A URL counts only as it literally stood in trusted text: not a part of it, and not with more behind it. */
function literalUrl(view: View, text: string): boolean {
  const canonical = canonicalUrl(text)
  if (canonical === undefined) return saysWhole(view, folded(text).trim())
  return view.values.has(valueKey('url', canonical))
}

/** Whether a URL stands in trusted text as it is, or is one of the organisation's own. */
export function trustsUrl(session: FlowSession, url: string): boolean {
  const view = session.view()
  return isOwn(view, url, undefined, 'url') || literalUrl(view, url)
}

const GENERIC = new Set('info support sales admin team contact hello help billing security accounts hr it office mail noreply no-reply service press jobs finance legal ops dev news marketing orders invoices'.split(' '))

/**
 * Whether an address is spelled like a name in trusted text, and untrusted text gave it as a whole field, never in prose:
 * an injection is prose, a directory's entry is a field. The name has to be a word of its own, no piece of an address.
 */
function isNamed(view: View, { past }: FlowSession, { canonical }: Value): boolean {
  const key = hashOf(valueKey('email', canonical))
  if (view.full || !past.values.has(key) || past.prose.has(key)) return false
  const [local = '', host = ''] = canonical.split('@')
  const parts = local.split(/[._+-]+|\d+/).filter((part) => part !== '')
  const generic = parts.every((part) => GENERIC.has(part))
  const wanted = generic ? [host.split('.').at(-2) ?? ''] : parts.filter((part) => part.length > 2 && !GENERIC.has(part))
  return wanted.length > 0 && wanted.every((part) => isName(view, part))
}

/**
 * Whether an id is that of the one record with a name that trusted text says: the channel `C0482` that a list calls
 * "launch". Two records with one name are a trap or a mistake, and no ground.
 */
function isBound(view: View, plain: string): boolean {
  if (view.full || view.bound.size === 0 || inProse(view, plain)) return false
  for (const [name, ids] of view.bound) if (ids.size === 1 && ids.has(plain) && name.length > 2 && saysWhole(view, name)) return true
  return false
}

/** Addresses leave accents out, or spell them. */
function saysName(view: View, part: string): boolean {
  if (saysWhole(view, part)) return true
  const other = view.trusted.filter((text) => /[^\x00-\x7f]/.test(text))
  return other.length > 0 && (saysWhole({ ...view, trusted: other.map(withoutAccents) }, part) || saysWhole({ ...view, trusted: other.map((text) => text.replace(/[äöü]/g, (letter) => SPELLED[letter] as string).replaceAll('ß', 'ss')) }, part))
}

const SPELLED: Readonly<Record<string, string>> = { ä: 'ae', ö: 'oe', ü: 'ue' }

/** A name, or two of them run together, or a name and an initial: `muster`, `erikamuster`, `emuster`. */
function isName(view: View, part: string): boolean {
  if (part.length < 3) return false
  if (saysName(view, part)) return true
  for (let at = 1; at < part.length && part.length <= 40; at++) {
    const [left, right] = [part.slice(0, at), part.slice(at)]
    const [first, last] = [left.length > 2 && saysName(view, left), right.length > 2 && saysName(view, right)]
    if ((first && (last || right.length === 1)) || (last && left.length === 1)) return true
  }
  return false
}

/** A file that is named without its folder is that file; a new name that no untrusted text gave is the model's own. */
function pathGrounds(view: View, plain: string, sink: ToolClass): Grounds {
  const path = percentDecoded(plain).replaceAll('\\', '/')
  if (path.split('/').includes('..')) return undefined
  const parts = path.split('/').filter((part) => part !== '' && part !== '.')
  const name = parts.at(-1) ?? ''
  // A folder that was named stands for what is in it, unless others name the file.
  if (parts.length > 1 && saysWhole(view, parts.slice(0, -1).join('/')) && !view.full && !inProse(view, plain) && !inProse(view, name)) return 'trusted text'
  if (name.length > 2 && saysWhole(view, name) && (parts.length === 1 || saysFolder(view, parts.slice(0, -1)))) return 'trusted text'
  if (sink !== 'internal_write' || view.full) return undefined
  return inProse(view, plain) || inProse(view, name) ? undefined : 'not from untrusted text'
}

/** Some folder above it was named, or none that stands in prose of others. */
function saysFolder(view: View, folders: readonly string[]): boolean {
  return folders.some((one) => one.length > 1 && saysWhole(view, one)) || !inProse(view, folders.join('/'))
}

const ID_BEFORE = /(?:\b(?:id|ids|no|nr|number|file|folder|event|ticket|issue|task|item|record|order|booking|message|mail|email|thread|document|doc|page|card|ref|reference|code|key|case|user|invoice|transaction|payment|pr|request|row|entry|note)\W{1,3}|#)$/u
const SHORT = 5

/** More than is looked through for one call: a conversation so long is not searched for so many values. */
const MOST_LETTERS = 128 * 1024 * 1024

/** Whether there is so much to look through that what prose does not say is no ground. */
export function tooMuch({ untrusted }: View, controls: number): boolean {
  return untrusted.reduce((sum, { prose }) => sum + prose.length, 0) * controls > MOST_LETTERS
}

/** Whether prose of others names it. A short number stands in much prose by chance: it counts beside a word for an id. */
function inProse({ untrusted }: View, plain: string): boolean {
  if (plain === '') return false
  const short = plain.length < SHORT
  return untrusted.some(({ prose }) => {
    for (let at = prose.indexOf(plain); at >= 0; at = prose.indexOf(plain, at + 1)) {
      if (joined(prose, at - 1, -1) || joined(prose, at + plain.length, 1)) continue
      if (!short || ID_BEFORE.test(prose.slice(Math.max(0, at - 16), at))) return true
    }
    return false
  })
}

/** Links and accounts within text that would leave, which nobody trusted gave. */
export function strangersIn(session: FlowSession, view: View, text: string): readonly Value[] {
  return valuesIn(text).filter(({ shape, canonical, text: written }) => {
    if (shape !== 'url' && shape !== 'iban' && shape !== 'wallet') return false
    if (view.values.has(valueKey(shape, canonical))) return false
    const host = shape === 'url' ? hostOf(written) : undefined
    if (host !== undefined && ownHost(view.ownDomains, host)) return false
    // A link that a result has as a field of its own is what the user asked about; one that nobody gave can carry anything.
    const key = hashOf(valueKey(shape, canonical))
    return view.full || session.past.prose.has(key) || !session.past.values.has(key)
  })
}

const EXCERPT = 160

/** Where untrusted text gave a value; the newest first, at most a few. */
export function sourcesOf(view: View, value: string, most = 2): readonly Source[] {
  const needle = folded(value).trim()
  if (needle.length < 2) return []
  const sources: Source[] = []
  for (let i = view.untrusted.length - 1; i >= 0 && sources.length < most; i--) {
    const { origin, ordinal, text } = view.untrusted[i] as Untrusted
    const at = text.indexOf(needle)
    if (at < 0) continue
    const from = Math.max(0, at - Math.max(0, EXCERPT - needle.length) / 2)
    sources.push({ origin, segment: ordinal, excerpt: text.slice(from, from + EXCERPT) })
  }
  return sources
}
