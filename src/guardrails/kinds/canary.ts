import { z } from 'zod'
import type { Glance, Guardrail, Kind, Sight } from '../guardrail.ts'
import { settled } from '../kind_of.ts'
import { readingsOf } from '../normalise/readings.ts'
import type { Kind as Rule, Matcher, Span } from '../rules/matcher.ts'
import { KindError } from './error.ts'

const SHORTEST = 8
const LONGEST = 512
const MOST = 64

const keys = {
  tokens: z.array(z.string().min(1).max(LONGEST)).min(1).max(MOST).optional().describe(`canary: texts that must never appear, of at least ${SHORTEST} characters, or env:NAME for what a variable holds. They are found in base64, hex, reversed, in ROT13 and with separators too.`),
}

const written = z.object({ tokens: z.array(z.string(), { error: 'a canary needs "tokens"' }).min(1) })

// Of the three ways in which bytes may fall into groups of three, the signs that do not depend on what stands around.
function inBase64(token: string): readonly string[] {
  const bytes = Buffer.from(token)
  return [0, 1, 2].flatMap((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64').replace(/=+$/, '')
    const first = shift === 0 ? 0 : shift + 1
    const loose = (shift + bytes.length) % 3 === 0 ? 0 : 1
    const sure = text.slice(first, text.length - loose)
    return sure === sure.replace(/\+/g, '-').replace(/\//g, '_') ? [sure] : [sure, sure.replace(/\+/g, '-').replace(/\//g, '_')]
  })
}

function rot13(text: string): string {
  return text.replace(/[a-z]/gi, (letter) => String.fromCharCode(letter.charCodeAt(0) + (letter.toLowerCase() < 'n' ? 13 : -13)))
}

interface Form {
  readonly text: string
  readonly rule: Rule
  /** Base64 has another meaning in another case. */
  readonly exact: boolean
}

function matcherOf({ text, rule, exact }: Form): Matcher {
  return {
    literals: [text.toLowerCase()],
    anywhere: true,
    maxLength: text.length,
    find: (read, at, after) => (exact && read.slice(at, after) !== text ? undefined : { kind: rule, start: at, end: after }),
  }
}

// Without what people put between letters, and where each letter stood.
function bare(text: string): { readonly text: string; readonly at: readonly number[] } {
  let kept = ''
  const at: number[] = []
  for (let i = 0; i < text.length; i++) {
    const sign = text[i] as string
    if (!/[\p{L}\p{N}]/u.test(sign)) continue
    kept += sign.toLowerCase()
    at.push(i)
  }
  return { text: kept, at }
}

/** Tokens that must never appear: planted in prompts and documents, they show a leak when they do. */
export const canaries: Kind = {
  use: 'canary',
  about: 'Tokens of yours that must never appear.',
  keys,
  make(id, values, place) {
    const given = written.parse(values).tokens
    const tokens = given.flatMap((token) => {
      if (!token.startsWith('env:')) return [token]
      if (place === undefined) return []
      const value = place.env[token.slice(4)]?.trim()
      if (value === undefined || value === '') throw new KindError('tokens', `the environment variable ${token.slice(4)} is not set`)
      return [value]
    })
    for (const token of tokens) {
      if (token.length < SHORTEST || token.length > LONGEST || bare(token).text.length < SHORTEST) {
        // Not named: it may be the secret of the variable.
        throw place === undefined ? new z.ZodError([{ code: 'custom', path: ['tokens'], message: `a token has ${SHORTEST} to ${LONGEST} letters and digits`, input: undefined }]) : new KindError('tokens', `a token has ${SHORTEST} to ${LONGEST} letters and digits`)
      }
    }
    const kindOf = settled(id, 'deep')
    const ruleFor = (form: string, n: number): Rule => ({ guardrail: id, rule: `canary:${n + 1}:${form}`, category: 'canary', score: 1 })
    const forms = tokens.flatMap((token, n): Form[] => [
      { text: token, rule: ruleFor('plain', n), exact: false },
      { text: [...token].reverse().join(''), rule: ruleFor('reversed', n), exact: false },
      { text: rot13(token), rule: ruleFor('rot13', n), exact: false },
      { text: Buffer.from(token).toString('hex'), rule: ruleFor('hex', n), exact: false },
      ...inBase64(token).map((text) => ({ text, rule: ruleFor('base64', n), exact: true })),
    ])
    const stripped = tokens.map((token) => bare(token).text)

    // What only the whole text shows: separators between the letters, and encodings inside encodings.
    const look = async (text: string, { layers }: Glance): Promise<Sight> => {
      if (!layers.has('rules')) return { spans: [] }
      const spans: Span[] = []
      const seek = (shown: string, place: (start: number, end: number) => { readonly start: number; readonly end: number }): void => {
        const { text: kept, at } = bare(shown)
        for (const [n, token] of stripped.entries()) {
          const found = kept.indexOf(token)
          if (found >= 0) spans.push({ kind: kindOf(`canary:${n + 1}:disguised`, 'canary', 1, 1), ...place(at[found] as number, (at[found + token.length - 1] as number) + 1) })
        }
      }
      seek(text, (start, end) => ({ start, end }))
      for (const reading of readingsOf(text).readings) seek(reading.text, reading.span)
      return { spans, score: spans.length > 0 ? 1 : 0 }
    }

    return {
      id,
      about: 'Tokens that must never appear.',
      layer: 'rules',
      categories: ['canary'],
      on: ['assistant', 'reasoning', 'tool_call'],
      phase: 'both',
      action: 'deny',
      threshold: 1,
      postures: { observe: 'shadow', guard: 'enforce', strict: 'enforce' },
      refusal: { request: 'secret_found', reply: 'leak_in_answer' },
      matchers: forms.map(matcherOf),
      look,
      marker: () => '[REDACTED_CANARY]',
      mask: () => '***',
    } satisfies Guardrail
  },
}
