import { fold } from '../../normalise/view.ts'
import type { Kind, Matcher } from '../matcher.ts'
import { phrase } from '../phrase.ts'
import { discussed, mentioned } from './discussed.ts'
import type { Language } from './language.ts'

// A letter of any script; folding has taken marks off.
const L = '[^\\s\\u0000-\\u002f\\u003a-\\u0040\\u005b-\\u0060\\u007b-\\u00bf“”‘’«»„‹›।॥؟،؛。、！？，：；「」『』（）–—…]'
const BETWEEN = '(?:[\\s,*_:"\'’“”„«»|-]{1,4})'
const SAME_SENTENCE = '[^.!?。！？؟।\\n]'
const SAME_CLAUSE = '[^.!?,。！？，؟।\\n]'
const ENGLISH = { earlier: 'previous|prior|above|earlier|preceding', orders: 'instruction|instructions|prompt|prompts|guidelines', your: 'your' }

function words(list: string): string {
  return list
    .split('|')
    .filter((word) => word !== '')
    .map((word) => fold(word).toLowerCase().replace(/[.\\+?()[\]{}^$]/g, '\\$&').replace(/\*/g, `${L}{0,6}`))
    .join('|')
}

// Longer beginnings make the automaton large, shorter ones are met too often.
const LONGEST = { plain: 12, foreign: 5 }
const SHORTEST = 4

/** What an automaton looks for: beginnings of the words, none of them the beginning of another. */
function beginnings(list: string): readonly string[] {
  const cut = list.split('|').map((word) => {
    const start = (fold(word).toLowerCase().split('*')[0] as string).trim()
    return start.slice(0, /^[\0-\x7f]*$/.test(start) ? LONGEST.plain : LONGEST.foreign)
  })
  const all = [...new Set(cut)].filter((word) => word !== '' && (word.length >= SHORTEST || !/^[\0-\x7f]*$/.test(word))).sort()
  // In order, what begins with another word comes right behind it.
  const kept: string[] = []
  for (const word of all) if (kept.length === 0 || !word.startsWith(kept.at(-1) as string)) kept.push(word)
  return kept
}

const kind = (rule: string, category: string, score: number): Kind => ({ guardrail: 'prompt_injection', rule, category, score })
const OVERRIDE = kind('override_earlier', 'instruction_override', 0.95)
const EXTRACT = kind('extract_system_prompt', 'prompt_extraction', 0.92)
const UNBOUND = kind('no_restrictions', 'role_hijack', 0.92)
const SAFETY = kind('disable_safety', 'role_hijack', 0.92)
const FRESH = kind('new_instructions', 'instruction_override', 0.8)

// Where an order may begin: a sentence, a clause, a quotation, a list item.
const CLAUSE = '(?:^|[.!?:;,\\n"\'“”‘’«»„([{<>*#|–—।。！？、，-])\\s*'

// Who takes back what he himself said corrects himself.
const MY = 'my|mein|meine|meinen|meiner|mon|mes|ma|mi|mis|mio|miei|mie|mia|meu|meus|minha|minhas|mijn|min|mina|mitt|mine|moje|moj|mojich|moich|meus|mele|mea|omat ohjeeni|saya|cua toi|мои|мой|мою|моих|моїх|моите|моје|моє|μου|שלי|benim|मेरे|मेरी|मेरा|আমার|என்|میری|میرے'
// Behind a verb that English shares, these say that the sentence is English: those rules look at it.
const NOT_ENGLISH = `(?!${BETWEEN}(?:the|this|that|these|those|your|any|it|my|what|about|how|to|him|her|them|everything|if|when|errors?)(?![a-z]))`
const ENGLISH_VERB = /^(?:ignore|disregard|forget)(?![a-z])/i
const MINE = new RegExp(`(?:(?:^|(?!${L})[^])(?:${words(MY)})(?!${L})|我的|我说|我說|我刚|我剛|我给|私の|僕の|俺の|私が|내가|제가|나의|저의|ของฉัน|ของผม|ที่ฉัน|ที่ผม)`, 'i')

// Routers and pools have filters, and only a model has ethics to switch off.
const ETHICS = new RegExp(fold('ethi|ethiq|etic|etik|etisk|eettis|moral|ahlak|đạo đức|kiểm duyệt|道德|伦理|倫理|윤리|도덕|этич|моральн|етич|ηθικ|أخلاق|اخلاق|नैतिक|নৈতিক|จริยธรรม|ศีลธรรม|האתי|מוסר|நெறிமுறை|maadili|cenzur|censur').toLowerCase(), 'i')

interface Grammar {
  readonly gap: (most: number) => string
  readonly slot: (list: string) => string
  readonly has: (list: string) => RegExp
  /** Before the phrase: true where it begins inside a word. */
  readonly inside: (before: string) => boolean
}

function grammarOf({ spaced, and = '', glued }: Language): Grammar {
  if (spaced === false) {
    return {
      gap: (most) => `${SAME_CLAUSE}{0,${most * 4}}?`,
      slot: (list) => `(?:${words(list)})`,
      has: (list) => new RegExp(list === '' ? '(?!)' : words(list), 'i'),
      inside: () => false,
    }
  }
  const word = `${and === '' ? '' : `(?!(?:${words(and)})(?!${L}))`}${L}{1,24}${BETWEEN}`
  const before = new RegExp(glued === undefined ? `${L}$` : `${L}$(?<!(?:^|[\\s"'“«(>:،])(?:${words(glued)}))`, 'i')
  return {
    gap: (most) => `${BETWEEN}(?:${word}){0,${most}}?`,
    slot: (list) => `(?:${words(list)})(?!${L})`,
    has: (list) => new RegExp(list === '' ? '(?!)' : `(?:^|(?!${L})[^])(?:${words(list)})(?!${L})`, 'i'),
    inside: (text) => before.test(text),
  }
}

function overrides(language: Language, grammar: Grammar): readonly Matcher[] {
  const { gap, slot, has } = grammar
  const { ignore, loose = '', every, rules, told, not, notAfter, lead = '', order, they } = language
  const spaced = language.spaced !== false
  const mixed = language.mixed === true ? '|ignore|disregard|forget' : ''
  const earlier = spaced ? `${language.earlier}|${ENGLISH.earlier}` : language.earlier
  const orders = spaced ? `${language.orders}|${ENGLISH.orders}` : language.orders
  const your = spaced ? `${language.your}|${ENGLISH.your}` : language.your
  const E = slot(earlier)
  const O = slot(`${orders}|${rules}`)
  const WHOSE = slot(`${every}|${your}`)
  const V = slot(`${ignore}|${loose}${mixed}`)
  const hasEarlier = has(earlier)
  const hasOrders = has(orders)
  const hasYours = has(your)
  const hasTold = has(told)
  const denied = not === '' ? /(?!)/ : new RegExp(spaced ? `(?:^|(?!${L})[^])(?:${words(not)})${BETWEEN}(?:${L}{1,14}${BETWEEN})?$` : `(?:${words(not)})[^\\s，,]{0,1}$`, 'i')
  const others = they === undefined ? /(?!)/ : new RegExp(`${has(they).source}[^.!?:;,\\n]{0,40}$`, 'i')
  const hasNot = has(not)
  const verbLast = new RegExp(`${V}$`, 'i')
  const isLoose = loose === '' ? /(?!)/ : new RegExp(`^${slot(loose)}`, 'i')
  const begins = new RegExp(`(?:${CLAUSE}|(?:${words(lead === '' ? '\u0001' : lead)})[\\s,]{1,3})$`, 'i')
  const sure = (found: string): number => {
    if (hasEarlier.test(found)) return OVERRIDE.score
    if (hasTold.test(found)) return 0.93
    const yours = hasYours.test(found)
    if (hasOrders.test(found)) return yours ? 0.93 : 0.91
    return yours ? 0.8 : 0.6
  }
  const made: Matcher[] = []
  if (order !== 'ov') {
    const negated = notAfter === '' ? '' : spaced ? `(?!${BETWEEN}(?:${words(notAfter)})(?!${L}))` : `(?!${SAME_SENTENCE}{0,24}(?:${words(notAfter)}))`
    made.push(
      phrase({
        kind: OVERRIDE,
        literals: beginnings(`${ignore}|${loose}${mixed}`),
        pattern: new RegExp(`^${V}${spaced ? NOT_ENGLISH : ''}${negated}${gap(4)}(?:${E}${gap(2)}${O}|${WHOSE}${gap(2)}${O}(?:${gap(3)}${E})?|${O}${gap(3)}${E}|${O}${gap(1)}${slot(your)}|${slot(told)})`, 'i'),
        weigh(unfolded, found, after) {
          const before = foldedOnce(unfolded)
          if (grammar.inside(before) || denied.test(before)) return 0
          if (!spaced && others.test(before)) return 0.6
          if (isLoose.test(found) && !begins.test(before)) return 0.7
          if (MINE.test(spaced ? found : found.slice(1))) return 0.7
          const talked = language.mixed === true && ENGLISH_VERB.test(found) ? discussed(unfolded, found, after) : mentioned(unfolded, after)
          return Math.min(talked ?? 1, sure(found))
        },
      }),
    )
  }
  if (order !== 'vo') {
    const negated = notAfter === '' ? '' : spaced ? `(?!${BETWEEN}?(?:${words(notAfter)})(?!${L}))` : `(?!(?:${words(notAfter)}))`
    made.push(
      phrase({
        kind: OVERRIDE,
        literals: beginnings(`${language.earlier}|${every}|${language.your}|${told}|${language.orders}|${rules}`),
        pattern: new RegExp(`^(?:${slot(`${earlier}|${every}|${your}`)}${gap(2)}${O}(?:${gap(2)}${E})?${gap(4)}|${O}${gap(1)}(?:${E}|${slot(your)})${gap(4)}|${slot(told)}${gap(3)})${V}${negated}`, 'i'),
        weigh(unfolded, found, after) {
          const before = foldedOnce(unfolded)
          if (grammar.inside(before) || (spaced && hasNot.test(found.replace(verbLast, '')))) return 0
          if (others.test(before)) return 0.6
          if (MINE.test(found)) return 0.7
          return Math.min(mentioned(before, after) ?? 1, sure(found))
        },
      }),
    )
  }
  return made
}

// A place is looked at by two dozen languages, one after the other.
let seen = { raw: '', folded: '' }

function foldedOnce(text: string): string {
  if (seen.raw !== text) seen = { raw: text, folded: /^[\0-\x7f]*$/.test(text) ? text : fold(text) }
  return seen.folded
}

// The last words before a place, once for all languages that look there.
let last = { before: '', words: [] as readonly string[] }

function lastWords(before: string): readonly string[] {
  if (last.before !== before) last = { before, words: before.slice(-80).toLowerCase().split(/[^\p{L}\p{N}]+/u).slice(-9) }
  return last.words
}

/** Says cheaply whether any of the words may begin something of the list; what ends in `*` may be anything. */
function gate(list: string): (words: readonly string[]) => boolean {
  const firsts = list.split('|').filter((word) => word !== '').map((word) => fold(word).toLowerCase().split(/[^\p{L}\p{N}*]+/u)[0] as string)
  if (firsts.some((word) => word.includes('*'))) return () => true
  const known = new Set(firsts)
  return (said) => said.some((word) => known.has(word))
}

// Anchored on what is to be shown, which ordinary text seldom names; the verb is looked for on both sides.
function extractions(language: Language, grammar: Grammar): readonly Matcher[] {
  const { gap, slot, has } = grammar
  const { show, prompt, your, bare, sample = '', order, not } = language
  const spaced = language.spaced !== false
  const hasYours = has(spaced ? `${your}|${ENGLISH.your}` : your)
  const hasSample = has(sample)
  const start = spaced ? `(?:^|(?!${L})[^])` : ''
  const denied = not === '' ? '' : `(?<!${start}(?:${words(not)})${spaced ? BETWEEN : ''})`
  const shown = order === 'ov' ? /(?!)/ : new RegExp(`${start}${denied}${slot(show)}${spaced ? `${BETWEEN}(?:${L}{1,24}${BETWEEN}){0,5}?` : `${SAME_SENTENCE}{0,16}`}$`, 'i')
  const may = spaced ? gate(show) : (): boolean => true
  const behind = order === 'vo' ? '' : `(?:${gap(4)}(${slot(show)}))?`
  const verbBehind = order === 'vo' ? /(?!)/ : new RegExp(`${slot(show)}$`, 'i')
  return [
    phrase({
      kind: EXTRACT,
      literals: beginnings(prompt),
      pattern: new RegExp(`^${slot(prompt)}(?:${gap(1)}${slot(your)})?${behind}`, 'i'),
      weigh(unfolded, found, after) {
        const before = foldedOnce(unfolded)
        if (grammar.inside(before)) return 0
        // Without spaces a verb stands within a few signs; looking further back costs and finds nothing.
        const from = spaced ? 0 : Math.max(0, before.length - 30)
        const lead = may(lastWords(before)) ? shown.exec(before.slice(from)) : null
        if (lead === null && !verbBehind.test(found)) return 0
        const whole = (lead?.[0] ?? before.slice(-24)) + found
        if (bare === true && hasSample.test(whole + fold(after.slice(0, 16)))) return 0.5
        return mentioned(before.slice(0, lead === null ? before.length : from + lead.index), after) ?? (bare === true || hasYours.test(whole) ? undefined : 0.7)
      },
    }),
  ]
}

function hijacks(language: Language, grammar: Grammar): readonly Matcher[] {
  const { gap, slot, has } = grammar
  const { become, unbound, disable, limits, fresh, your, order, not } = language
  const spaced = language.spaced !== false
  const denied = not === '' ? /(?!)/ : new RegExp(spaced ? `(?:^|(?!${L})[^])(?:${words(not)})${BETWEEN}$` : `(?:${words(not)})$`, 'i')
  const hasYours = has(your)
  const open = new RegExp(`${CLAUSE}$`)
  const weigh = (unfolded: string, _found: string, after: string): number | undefined => {
    const before = foldedOnce(unfolded)
    return grammar.inside(before) || denied.test(before) ? 0 : mentioned(before, after)
  }
  const english = language.mixed === true ? '|disable|bypass|turn off' : ''
  const made = [
    phrase({ kind: UNBOUND, literals: beginnings(become), pattern: new RegExp(`^${slot(become)}${SAME_SENTENCE}{0,90}?(?<!${spaced ? L : '\u0001'})${slot(unbound)}`, 'i'), weigh }),
    phrase({
      kind: SAFETY,
      literals: beginnings(disable + english),
      pattern: new RegExp(`^${slot(disable + english)}${gap(4)}${slot(limits)}(?:${gap(0)}${slot(your)})?`, 'i'),
      weigh: (before, found, after) => weigh(before, found, after) ?? (hasYours.test(found) || ETHICS.test(found) || (!spaced && hasYours.test(before.slice(-8))) ? undefined : 0.85),
    }),
    phrase({
      kind: FRESH,
      literals: beginnings(fresh),
      pattern: new RegExp(`^${slot(fresh)}\\s{0,2}[:：]`, 'i'),
      weigh: (before, _found, after) => (open.test(before) ? mentioned(before, after) : 0),
    }),
  ]
  if (order !== 'vo') made.push(phrase({ kind: UNBOUND, literals: beginnings(unbound), pattern: new RegExp(`^${slot(unbound)}${SAME_SENTENCE}{0,24}?(?<!${spaced ? L : '\u0001'})${slot(become)}`, 'i'), weigh }))
  return made
}

/** The matchers of one language. */
export function grammar(language: Language): readonly Matcher[] {
  const made = grammarOf(language)
  return [...overrides(language, made), ...extractions(language, made), ...hijacks(language, made)]
}

const LEAD = new RegExp(`(?:${CLAUSE}|\\b(?:please|now|must|should|to|just|and|then|you|hay|tolong|pls)[\\s,]{1,3})$`, 'i')

/** English verbs over objects of any of the languages: "ignore semua instruksi". */
export function mixtures(languages: readonly Language[]): Matcher {
  const exact = { earlier: new Set<string>(), orders: new Set<string>() }
  const stems = { earlier: new Set<string>(), orders: new Set<string>() }
  for (const { earlier, orders, rules } of languages) {
    for (const [name, list] of [['earlier', earlier], ['orders', `${orders}|${rules}`]] as const) {
      for (const word of list.split('|')) {
        const plain = fold(word).toLowerCase()
        // One word at a time: of "o tren" and "de arriba" the last one says it.
        const last = plain.slice(plain.lastIndexOf(' ') + 1)
        if (last.length > 3) (last.endsWith('*') ? stems : exact)[name].add(last.replace('*', ''))
      }
    }
  }
  const names = (word: string, of: 'earlier' | 'orders'): boolean => {
    if (exact[of].has(word)) return true
    for (let cut = word.length; cut >= Math.max(3, word.length - 6); cut--) if (stems[of].has(word.slice(0, cut))) return true
    return false
  }
  return phrase({
    kind: OVERRIDE,
    literals: ['ignore', 'disregard', 'forget', 'override', 'bypass'],
    pattern: new RegExp(`^(?:ignore|disregard|forget|override|bypass)(?!${L})${NOT_ENGLISH}(?:${BETWEEN}${L}{1,24}){2,7}`, 'i'),
    weigh(before, found, after) {
      if (!LEAD.test(before)) return 0
      const said = found.toLowerCase().split(/[^\p{L}\p{N}]+/u).slice(1)
      const at = said.findIndex((word) => names(word, 'earlier'))
      const what = said.findIndex((word) => names(word, 'orders'))
      if (at < 0 || what < 0 || Math.abs(at - what) > 3 || said.slice(0, Math.max(at, what)).some((word) => word === 'and' || word === 'or' || word === 'but' || word === 'then')) return 0
      const last = said[Math.max(at, what)] as string
      return discussed(before, found, found.slice(found.toLowerCase().lastIndexOf(last) + last.length) + after)
    },
  })
}
