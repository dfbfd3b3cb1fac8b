import { randomBytes } from 'node:crypto'
import * as z from 'zod'
import { keyScope } from '../settings.ts'
import { isWorkloadId } from '../spiffe.ts'

/** They stand in every receipt, counter and log line. */
const LONGEST_PATH = 255

/** `spiffe://<trust domain><path>`; undefined where the path is none of a SPIFFE id, is too long, or is the house's own. */
export function workloadId(trustDomain: string, path: string): string | undefined {
  const id = `spiffe://${trustDomain}${path}`
  return path.startsWith('/') && path.length <= LONGEST_PATH && isWorkloadId(id, trustDomain) ? id : undefined
}

const USUAL_TTL_MS = 10 * 60_000
export const LONGEST_TTL_MS = 3_600_000

/** What an enrolment token is asked for with. */
export const enrolmentSpec = keyScope.extend({
  id: z.string().min(2).max(LONGEST_PATH).describe('Path of the SPIFFE id, such as /agents/researcher.'),
  tenant: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/).optional().describe('Whose workload it is; "default" if none.'),
  ttl: z.int().min(1000).max(LONGEST_TTL_MS).default(USUAL_TTL_MS).describe('Milliseconds that the token is good for; at most an hour.'),
  url: z
    .url({ protocol: /^https?$/ })
    .max(300)
    .optional()
    .describe('Where the workload reaches this house; the secure listener as it stands in the settings if none.'),
})
export type EnrolmentSpec = z.input<typeof enrolmentSpec>

/** What a token tells the client that gets it; nothing of it is a claim that the house would believe. */
export interface TokenFacts {
  /** Id of the enrolment: where the house looks it up. */
  readonly id: string
  readonly secret: string
  /** The house that it is for. */
  readonly aud: string
  readonly url: string
  /** SHA-256 of the roots that the house may answer under, hexadecimal. */
  readonly ca: readonly string[]
  /** Milliseconds since the Unix epoch. */
  readonly exp: number
}

const PREFIX = 'spe_'
/** As many as a header field may hold: the text is pasted, and kept in files. */
const LONGEST = 4096
const facts = z.strictObject({
  id: z.string().regex(/^[0-9a-f]{16}$/),
  secret: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
  aud: z.string().min(1).max(300),
  url: z.string().min(1).max(300),
  ca: z.array(z.string().regex(/^[0-9a-f]{64}$/)).min(1).max(16),
  exp: z.int().positive(),
})

/** A new token around 256 random bits. */
export function newToken(of: Omit<TokenFacts, 'id' | 'secret'>): { readonly id: string; readonly token: string } {
  const id = randomBytes(8).toString('hex')
  const said: TokenFacts = { id, secret: randomBytes(32).toString('base64url'), ...of }
  return { id, token: PREFIX + Buffer.from(JSON.stringify(said)).toString('base64url') }
}

/** What a token says; undefined where it is none. Whether it is genuine is another question. */
export function readToken(token: string): TokenFacts | undefined {
  if (token.length > LONGEST || !token.startsWith(PREFIX) || !/^[A-Za-z0-9_-]+$/.test(token)) return undefined
  try {
    return facts.parse(JSON.parse(Buffer.from(token.slice(PREFIX.length), 'base64url').toString('utf8')))
  } catch {
    return undefined
  }
}
