import * as z from 'zod'
import { SCOPE } from './places.ts'

const REFERENCE = /^(?:env:[A-Za-z_][A-Za-z0-9_]*|file:\/.+)$/
const visible = z.string().regex(/^[\x21-\x7e]{1,1024}$/, 'expected visible ASCII without blanks')

/** `mcpServers.<name>.oauth` as people write it. */
export const oauthSchema = z
  .strictObject({
    issuer: z.url({ protocol: /^https?$/ }).max(512).optional().describe('The authorization server that may be used, exactly as it calls itself; the server must name it. Absent = the first that the server names, if it says who it is when it answers (RFC 9207).'),
    client_id: visible.optional().describe('What the authorization server knows this gateway as, where it was registered by hand.'),
    client_secret: z.string().regex(REFERENCE, 'expected a reference, env:NAME or file:/path; the secret itself does not belong in this file').optional().describe('Its secret, as a reference: env:NAME or file:/path.'),
    scopes: z.array(z.string().regex(SCOPE, 'expected the name of an OAuth scope')).max(64).optional().describe('Scopes that are always asked for. Absent = those that the server says it needs.'),
    register: z.boolean().optional().describe('Registers with authorization servers that know no other way (dynamic client registration, which is deprecated). Default: false.'),
    allow_private: z.boolean().optional().describe('Lets the authorization server be at private and loopback addresses, and spoken to over http. Default: false.'),
  })
  .superRefine((written, context) => {
    const wrong = (path: string, message: string): void => context.addIssue({ code: 'custom', path: [path], message })
    if (written.client_id !== undefined && written.issuer === undefined) wrong('client_id', 'needs issuer: else whoever the server names would be told the secret')
    if (written.client_secret !== undefined && written.client_id === undefined) wrong('client_secret', 'belongs to a client_id')
    if (written.register === true && written.client_id !== undefined) wrong('register', 'says nothing where there is a client_id')
  })
  .describe('People let this server be used for the callers that act for them, by logging in at the server\'s own authorization server. Each caller uses the server with a token of its own.')

export type OAuthWritten = z.input<typeof oauthSchema>

export interface OAuthSettings {
  readonly issuer?: string
  readonly clientId?: string
  /** `env:NAME` or `file:/path`. */
  readonly clientSecret?: string
  readonly scopes?: readonly string[]
  readonly register: boolean
  readonly allowPrivate: boolean
}

export function settleOAuth({ issuer, client_id: clientId, client_secret: clientSecret, scopes, register = false, allow_private: allowPrivate = false }: OAuthWritten): OAuthSettings {
  return Object.freeze({
    ...(issuer !== undefined && { issuer }),
    ...(clientId !== undefined && { clientId }),
    ...(clientSecret !== undefined && { clientSecret }),
    ...(scopes !== undefined && { scopes: Object.freeze([...scopes]) }),
    register,
    allowPrivate,
  })
}
