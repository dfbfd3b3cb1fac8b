import { readings, skeleton } from './fold.ts'
import { prints, type Prints } from './prints.ts'
import { hashOf } from './units.ts'
import { valuesOf } from './values.ts'
import { finish, type Work } from './work.ts'

/** Credentials by their spelling. What only looks like one is held, never denied. */
const CREDENTIALS = [
  /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g,
  /\b(?:sk|pk|rk)[-_](?:live|test|proj|ant)?[-_]?[A-Za-z0-9_-]{16,200}/g,
  /\bgh[pousr]_[A-Za-z0-9]{20,80}\b/g,
  /\bgithub_pat_[A-Za-z0-9_]{20,120}\b/g,
  /\bglpat-[A-Za-z0-9_-]{16,64}/g,
  /\bxox[abposr]-[A-Za-z0-9-]{10,120}/g,
  /\bAIza[A-Za-z0-9_-]{30,45}/g,
  /\beyJ[A-Za-z0-9_-]{8,2000}\.eyJ[A-Za-z0-9_-]{8,4000}\.[A-Za-z0-9_-]{8,2000}/g,
  /-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[A-Za-z0-9+/=\s]{20,8000}/g,
  /\b(?:pass(?:word|wd|phrase|code)|secret(?:[ _-]?key)?|api[ _-]?key|access[ _-]?(?:key|token)|auth[ _-]?token|token|pin|otp|client[ _-]?secret)\b["']?\s{0,3}(?:[:=]|is)\s{0,3}["']?([^\s"',;]{6,200})/gi,
] as const

/** What every one of them has somewhere: most texts have none, and are looked through once. */
const HINT = /AKIA|ASIA|[spr]k[-_]|gh[pousr]_|github_pat_|glpat-|xox|AIza|eyJ|PRIVATE KEY|pass|secret|key|token|pin|otp/i

const ONE_VALUE = 64
const MOST_TOKENS = 100_000
const LONGEST_SCAN = 4 * 1024 * 1024
/** Letters of a token by which it is found first, and so the shortest one that is. */
const HEAD = 6

export interface Leak {
  /** `certain`: from a source that is restricted · `likely`: it only looks like a credential. */
  readonly kind: 'certain' | 'likely'
  /** Masked. */
  readonly excerpt: string
  /** Written in another way than it was read. */
  readonly disguised: boolean
}

/** What may not leave, by its fingerprints. */
export interface Restricted {
  /** All of a restricted text. */
  add(text: string): Work
  /** What looks like a credential in any text. */
  suspect(text: string): Work
  /** What of it a text carries, in plain or in another spelling. */
  leak(text: string): Leak | undefined
  readonly size: () => number
}

export function restricted(most: number): Restricted {
  const marked: Prints = prints(most)
  // By the hash of their first letters, so that a text is walked through once.
  const tokens = new Map<number, Map<string, Leak['kind']>>()
  let count = 0
  let full = false
  let texts = 0
  const keep = (written: string, kind: Leak['kind']): void => {
    const token = bare(written)
    if (token.length < HEAD || token.length > 4096) return
    if (count >= MOST_TOKENS) {
      full = true
      return
    }
    const head = hashOf(token.slice(0, HEAD))
    const there = tokens.get(head) ?? new Map<string, Leak['kind']>()
    const before = there.get(token)
    if (before === 'certain') return
    there.set(token, kind)
    tokens.set(head, there)
    if (before === undefined) count++
  }
  const credentials = function* (text: string, kind: Leak['kind']): Work {
    if (!HINT.test(text)) return
    for (const pattern of CREDENTIALS) {
      for (const found of text.slice(0, LONGEST_SCAN).matchAll(pattern)) keep(found[1] ?? found[0], kind)
      yield
    }
  }
  return {
    size: () => count + texts,
    suspect: (text) => credentials(text, 'likely'),
    *add(text) {
      texts++
      yield* marked.add(text)
      yield* credentials(text, 'certain')
      // A short text is one value: a phrase, a code.
      if (text.length <= ONE_VALUE) keep(text, 'certain')
      for (const { canonical } of yield* valuesOf(text)) keep(canonical, 'certain')
      // Numbers of five digits and words with letters and digits: chance seldom writes them twice.
      for (const [word] of text.matchAll(/[\p{L}\p{N}][\p{L}\p{N}._-]{4,127}/gu)) if (/\d/.test(word) && (/\p{L}/u.test(word) || (word.match(/\d/g) ?? []).length >= 5) && !/^\d{4}-\d\d-\d\d/.test(word)) keep(word, 'certain')
    },
    leak(text) {
      if (count + texts === 0) return undefined
      // More than can be known again: then nothing is known not to be of it.
      if (full || marked.forgot()) return { kind: 'certain', excerpt: 'more was read than can be told apart', disguised: false }
      let likely: Leak | undefined
      for (const [index, reading] of readings(text).entries()) {
        const [span] = texts === 0 ? [] : finish(marked.copied(reading))
        if (span !== undefined) return { kind: 'certain', excerpt: masked(reading.slice(span.start, span.end)), disguised: index > 0 }
        const plain = bare(reading)
        for (const [turn, one] of [plain, [...plain].reverse().join('')].entries()) {
          for (let at = 0; at + HEAD <= one.length && count > 0; at++) {
            for (const [token, kind] of tokens.get(hashOf(one.slice(at, at + HEAD))) ?? []) {
              if (!one.startsWith(token, at)) continue
              const leak: Leak = { kind, excerpt: masked(token), disguised: index > 0 || turn > 0 }
              if (kind === 'certain') return leak
              likely ??= leak
            }
          }
        }
      }
      return likely
    },
  }
}

/** Letters and digits alone, look-alikes folded: what stands between them hides nothing. */
function bare(text: string): string {
  return skeleton(text).replace(/[^\p{L}\p{N}]+/gu, '')
}

function masked(text: string): string {
  return text.length <= 8 ? `${text.slice(0, 2)}…` : `${text.slice(0, 4)}…${text.slice(-2)} (${text.length} letters)`
}
