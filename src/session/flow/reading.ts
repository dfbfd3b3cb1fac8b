import { createHash } from 'node:crypto'
import type { Labels } from '../../contract/flow.ts'
import type { Origin } from '../../contract/segment.ts'
import type { ToolFacts } from '../../contract/tool.ts'
import { directoryValues, partsOf } from './fields.ts'
import { folded } from './fold.ts'
import { MOST_MARKS, type Past } from './past.ts'
import { prints, type Span } from './prints.ts'
import { NO_SCOPE, widened, type Scope } from './scope.ts'
import type { FlowSettings } from './settings.ts'
import { hashOf } from './units.ts'
import { hostOf, valuesOf, type Shape } from './values.ts'
import type { Work } from './work.ts'

/** Whose word a text is; from most to least. */
export type Integrity = 'operator' | 'user' | 'directory' | 'untrusted'

/** A piece of a conversation, in the order in which it was said. */
export interface FlowSegment {
  readonly origin: Origin
  readonly text: string
  /** Of a tool's result: the tool's name. */
  readonly tool?: string
  /** The MCP server whose tool it is. */
  readonly server?: string
  /** Pieces of one result (the id of its call): neighbours of one group are read as one text. */
  readonly group?: string
  /** The caller says that this is less than its role: never more. */
  readonly untrusted?: boolean
  /** Proven to be a person's or the operator's, where the settings ask for proof. */
  readonly attested?: boolean
  /** Of an assistant's turn: it was seen when it was made, so it is no better and no worse than what had been read then. */
  readonly known?: boolean
  /** What guardrails found in it, as a confidentiality from 0 to 3; it raises that of its source. */
  readonly sensitivity?: number
  /** Stretches of it that must not leave, such as credentials that guardrails found. */
  readonly restricted?: readonly string[]
}

/** Text that nobody who may say so said. */
export interface Untrusted {
  readonly ordinal: number
  readonly origin: Origin
  readonly tool: string | undefined
  readonly text: string
  /** What of it is not the whole of a field. */
  readonly prose: string
}

const MOST_NAMES = 100_000
const MOST_SEEN = 200_000
const MOST_TRUSTED = 4 * 1024 * 1024
const MOST_UNTRUSTED = 16 * 1024 * 1024

/** What came of the texts of one conversation. */
export interface Read {
  /** Folded texts of people and operator, what was copied from elsewhere left out. */
  readonly trusted: readonly string[]
  /** Values of trusted text and of directories, by shape and canonical spelling. */
  readonly values: ReadonlyMap<string, Integrity>
  /** Words of directories that have no shape. */
  readonly words: ReadonlySet<string>
  readonly ownDomains: ReadonlySet<string>
  readonly scope: Scope
  readonly untrusted: readonly Untrusted[]
  /** Ids by the names that records of untrusted results give them. */
  readonly bound: ReadonlyMap<string, ReadonlySet<string>>
  /** More was said than is kept: whatever rests on what untrusted text did not say is no ground any more. */
  readonly full: boolean
}

/** Reads texts, each with everything that was read before it. */
export interface Reader {
  /**
   * @param at the number of the segment.
   * @param clean whether nothing untrusted had been read when it was said, whatever was read since.
   */
  absorb(segment: FlowSegment, text: string, at: number, clean: boolean): Work<Integrity>
  raise(labels: Partial<Labels>): void
  read(): Read
  /** Something broke, or was not read: nothing that was not said is a ground any more. */
  broken(): void
}

export function valueKey(shape: Shape, canonical: string): string {
  return `${shape} ${canonical}`
}

/** Mail providers where anybody has an address: nobody's own domain. */
const PUBLIC_MAIL = new Set('gmail.com googlemail.com outlook.com hotmail.com live.com msn.com yahoo.com yahoo.co.uk icloud.com me.com mac.com aol.com proton.me protonmail.com pm.me gmx.de gmx.net gmx.com web.de t-online.de mail.com mail.ru yandex.ru yandex.com qq.com 163.com 126.com naver.com daum.net fastmail.com tutanota.com tuta.com zoho.com orange.fr free.fr wanadoo.fr libero.it wp.pl o2.pl seznam.cz hey.com'.split(' '))

/** What harnesses write above what they kept of a conversation; it retells what was read, whatever its role. */
const RETELLING = /(?:summary of (?:the |our |this |your )?(?:conversation|session|chat|discussion|previous|earlier|work)|conversation (?:so far|summary|history|was compacted)|(?:session|conversation) is being continued|(?:previous|earlier|prior) (?:conversation|session|context|messages?)\b.{0,40}(?:summar|compact|condens)|context (?:summary|was compacted)|compacted (?:history|context)|zusammenfassung (?:des|der) (?:bisherigen )?(?:gesprächs|sitzung|unterhaltung)|résumé de la conversation|resumen de la conversación|对话摘要|会話の要約|대화 요약)/iu

/** Marks between which applications put what they looked up. */
export const FENCE = /<(documents?|context|search_results?|results?|sources?|e-?mails?|web_?pages?|pages?|passages?|chunks?|quotes?|untrusted(?:_\w+)?|retrieved(?:_\w+)?|attachments?|file(?:_contents?)?|transcript|tool_result|output)(?:\s[^<>]{0,200})?>[\s\S]*?(?:<\/\1>|$)/gi

/** Words that a tool may answer with and say nothing: no taint comes from them. */
export const SAYS_NOTHING = /^(?:[\s\d.,:;+\-*/%()[\]{}"'€$£¥]|true|false|null|none|ok|okay|done|success|undefined)*$/i

/** @param past what the same task has read in all its conversations. */
export function openReader(settings: FlowSettings, tool: (name: string, server?: string) => ToolFacts, past: Past): Reader {
  const trusted: string[] = []
  const trustedPrints = prints(MOST_MARKS)
  const values = new Map<string, Integrity>()
  const words = new Set<string>()
  const ownDomains = new Set(settings.ownDomains)
  const untrusted: Untrusted[] = []
  const seen = new Set<string>()
  const bound = new Map<string, Set<string>>()
  let trustedLength = 0
  let untrustedLength = 0
  let scope = NO_SCOPE
  let operatorScope = NO_SCOPE
  let userSpoke = false
  let tail = ''
  let full = false

  // What any conversation of the task read and is not known any more may be what is said now.
  const crowded = (): boolean => full || past.copied.forgot() || past.values.forgot() || past.prose.forgot()

  const tainted = (clean: boolean): boolean => past.labels.untrusted && !clean

  const raise = (one: Partial<Labels>): void => {
    const { labels } = past
    if ((one.untrusted !== true || labels.untrusted) && (one.sensitivity ?? 0) <= labels.sensitivity) return
    past.labels = { untrusted: labels.untrusted || one.untrusted === true, sensitivity: Math.max(labels.sensitivity, one.sensitivity ?? 0) }
    past.rose()
  }

  const isNew = ({ origin, tool: name, untrusted: marked, attested }: FlowSegment, text: string): boolean => {
    const key = createHash('sha256').update(`${origin}\n${name ?? ''}\n${marked === true ? 1 : 0}${attested === true ? 1 : 0}\n`).update(text).digest('base64').slice(0, 24)
    if (seen.has(key)) return false
    if (seen.size >= MOST_SEEN) full = true
    else seen.add(key)
    return true
  }

  const confidentiality = function* (segment: FlowSegment, text: string, facts: ToolFacts | undefined): Work {
    const configured = facts?.attributes['sensitivity']
    const sensitivity = Math.max(segment.sensitivity ?? 0, typeof configured === 'number' ? configured : 0)
    raise({ sensitivity })
    for (const one of segment.restricted ?? []) yield* past.restricted.add(one)
    if (sensitivity >= 3) yield* past.restricted.add(text)
    else if (segment.origin !== 'user') yield* past.restricted.suspect(text)
  }

  const trust = function* (text: string, integrity: Integrity): Work {
    if (trustedLength + text.length > MOST_TRUSTED) return
    trustedLength += text.length
    trusted.push(folded(text))
    yield* trustedPrints.add(text)
    for (const one of yield* valuesOf(text)) {
      if (!values.has(valueKey(one.shape, one.canonical))) values.set(valueKey(one.shape, one.canonical), integrity)
      const host = one.shape === 'email' && integrity === 'operator' && settings.ownDomains === undefined ? hostOf(one.canonical) : undefined
      if (host !== undefined && !PUBLIC_MAIL.has(host)) ownDomains.add(host)
    }
  }

  const distrust = function* (segment: FlowSegment, text: string, at: number, clean: boolean): Work {
    // What the assistant says of what it read gives nothing away that was not read; in its own words it is no prose of others.
    const retold = segment.known === true && (segment.origin === 'assistant' || segment.origin === 'reasoning' || segment.origin === 'tool_call')
    if (retold && !tainted(clean)) return
    if (!retold && !SAYS_NOTHING.test(text)) raise({ untrusted: true })
    const { fields, prose, named } = retold ? { fields: [], prose: text, named: [] } : partsOf(text)
    for (const one of named) {
      const name = folded(one.name).replace(/^[#@]/, '')
      const ids = bound.get(name)
      if (ids !== undefined) ids.add(folded(one.id))
      else if (bound.size < MOST_NAMES) bound.set(name, new Set([folded(one.id)]))
      else full = true
    }
    if (untrustedLength + text.length > MOST_UNTRUSTED) full = true
    else {
      untrustedLength += text.length
      const plain = folded(text)
      untrusted.push({ ordinal: at, origin: segment.origin, tool: segment.tool, text: plain, prose: retold ? '' : prose === text ? plain : folded(prose) })
    }
    yield
    // Run on from what was read before it: a text that arrives in two results is known as one.
    yield* past.copied.add(`${tail} ${text}`, trustedPrints)
    tail = text.slice(-TAIL)
    for (const one of yield* valuesOf(prose)) {
      past.values.add(hashOf(valueKey(one.shape, one.canonical)))
      if (!retold) past.prose.add(hashOf(valueKey(one.shape, one.canonical)))
    }
    if (fields.length > 0) for (const one of yield* valuesOf(fields.map((field) => field.text).join('\n'))) past.values.add(hashOf(valueKey(one.shape, one.canonical)))
  }

  /** What of a turn is its speaker's own: copies of untrusted text, and what stands between marks of a document, are not. */
  const ownOf = function* (text: string): Work<{ readonly own: string; readonly rest: string }> {
    const cut: Span[] = [...(yield* past.copied.copied(text))]
    if (settings.fenced) for (const found of text.matchAll(FENCE)) cut.push({ start: found.index, end: found.index + found[0].length })
    // A person types an address that was read before; a long text with one in it was put together from what was read.
    if (text.length > TYPED) for (const one of yield* valuesOf(text)) if (past.values.has(hashOf(valueKey(one.shape, one.canonical)))) cut.push({ start: one.start, end: one.start + one.text.length })
    if (cut.length === 0) return { own: text, rest: '' }
    let own = ''
    let rest = ''
    let at = 0
    for (const { start, end } of cut.toSorted((a, b) => a.start - b.start)) {
      if (start > at) own += `${text.slice(at, start)}\n`
      if (end > at) rest += `${text.slice(Math.max(at, start), end)}\n`
      at = Math.max(at, end)
    }
    return { own: own + text.slice(at), rest }
  }

  const absorb = function* (segment: FlowSegment, text: string, at: number, clean: boolean): Work<Integrity> {
    if (!isNew(segment, text)) return 'untrusted'
    const facts = segment.tool === undefined ? undefined : tool(segment.tool, segment.server)
    yield* confidentiality(segment, text, facts)
    const speaks = segment.origin === 'user' || segment.origin === 'system'
    if (segment.origin === 'user') userSpoke = true
    const believed = speaks && segment.untrusted !== true && (settings.provenance === 'role' || segment.attested === true) && !crowded() && !(tainted(clean) && RETELLING.test(text.slice(0, 1500)))
    if (believed) {
      const integrity = segment.origin === 'system' ? 'operator' : 'user'
      const { own, rest } = yield* ownOf(text)
      if (rest !== '') yield* distrust(segment, rest, at, clean)
      yield* trust(own, integrity)
      if (segment.origin === 'user') scope = yield* widened(scope, own)
      else operatorScope = yield* widened(operatorScope, own)
      return rest === '' ? integrity : 'untrusted'
    }
    if (segment.origin === 'tool_definition') return 'untrusted'
    // Where turns must be proven, so must be that a tool answered: a transcript says what its sender likes.
    const answers = segment.origin === 'tool_result' && segment.untrusted !== true && (settings.provenance === 'role' || segment.attested === true)
    if (answers && facts?.trust === 'operator') {
      yield* trust(text, 'operator')
      return 'operator'
    }
    if (answers && facts?.trust === 'directory' && !crowded()) {
      for (const one of directoryValues(text, facts.fields)) {
        if (typeof one === 'string') words.add(folded(one))
        else if (!values.has(valueKey(one.shape, one.canonical))) values.set(valueKey(one.shape, one.canonical), 'directory')
      }
    }
    yield* distrust(segment, text, at, clean)
    return segment.tool !== undefined && facts?.trust === 'directory' ? 'directory' : 'untrusted'
  }

  return {
    absorb,
    raise,
    read: () => ({ trusted, values, words, ownDomains, scope: userSpoke ? scope : operatorScope, untrusted, bound, full: crowded() }),
    broken() {
      full = true
      past.lost = true
      raise({ untrusted: true, sensitivity: 3 })
    },
  }
}

/** Longer turns than a person types to answer a question. */
const TYPED = 300

/** More than the longest run of which a mark is made. */
const TAIL = 120
