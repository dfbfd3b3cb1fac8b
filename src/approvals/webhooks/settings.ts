import * as z from 'zod'

/** What a webhook can be told of, and whether it is unless settings choose. */
const kinds = ['created', 'agreed', 'decided', 'released', 'expired', 'alarm'] as const
export type WebhookEvent = (typeof kinds)[number]
const usual: readonly WebhookEvent[] = ['created', 'decided', 'expired', 'alarm']

const ENV = /^env:[A-Za-z_][A-Za-z0-9_]{0,100}$/

export const webhooksSchema = z
  .array(
    z.strictObject({
      url: z.string().min(1).max(2000).describe('Where it is POSTed to: https, or http to this machine; or env:NAME where the URL itself is a secret, as those of Slack are.'),
      kind: z.enum(['slack', 'generic']).optional().describe('slack: blocks as Slack shows them; generic: the facts as JSON. Default: generic.'),
      secret: z.string().regex(ENV, 'expected env:NAME').optional().describe('Variable with the secret that signs each message (Standard Webhooks): base64 of 24 to 64 bytes, with or without whsec_ before it. Needed for kind generic.'),
      events: z.array(z.enum(kinds)).min(1).max(kinds.length).optional().describe('What it is told of. Default: created, decided, expired, alarm.'),
      link: z.url({ protocol: /^https?$/ }).max(500).optional().describe('Where reviewers reach the admin port, e.g. https://sallyport.internal.example: links in messages begin with it. Default: its own address.'),
      allow_private: z.boolean().optional().describe('Lets the host be a private address, and the URL plain http. Default: false.'),
    }),
  )
  .max(10)
  .describe('Who is told that an approval waits: never with the values of an action.')
export type WrittenWebhooks = z.infer<typeof webhooksSchema>

export interface SettledWebhook {
  /** The URL, or env:NAME. */
  readonly url: string
  readonly kind: 'slack' | 'generic'
  /** env:NAME */
  readonly secret?: string
  readonly events: ReadonlySet<WebhookEvent>
  /** What links begin with, without a slash at its end. */
  readonly link?: string
  readonly allowPrivate: boolean
}

/** What is wrong with a webhook, and at which key. Never quotes a URL or a secret. */
export class WebhookSettingsError extends Error {
  readonly path: readonly (string | number)[]
  constructor(path: readonly (string | number)[], problem: string) {
    super(problem)
    this.path = path
  }
}

/** @throws {WebhookSettingsError} for what the schema cannot see; `path` leads to the list in the settings. */
export function settleWebhooks(written: WrittenWebhooks | undefined, path: readonly (string | number)[]): readonly SettledWebhook[] {
  return Object.freeze(
    (written ?? []).map(({ url, kind = 'generic', secret, events, link, allow_private: allowPrivate = false }, at) => {
      if (kind === 'generic' && secret === undefined) throw new WebhookSettingsError([...path, at], 'a generic webhook needs a secret, so that its receiver can tell who sent it')
      const wrong = ENV.test(url) ? undefined : urlProblem(url, allowPrivate)
      if (wrong !== undefined) throw new WebhookSettingsError([...path, at, 'url'], wrong)
      return Object.freeze({ url, kind, ...(secret !== undefined && { secret }), events: new Set(events ?? usual), ...(link !== undefined && { link: link.replace(/\/+$/, '') }), allowPrivate })
    }),
  )
}

/** A webhook with what its references stand for. */
export interface ReadyWebhook {
  readonly url: string
  readonly kind: 'slack' | 'generic'
  readonly secret?: Uint8Array
  readonly events: ReadonlySet<WebhookEvent>
  /** What links begin with, without a slash at its end. */
  readonly link?: string
  readonly allowPrivate: boolean
}

/** @throws {WebhookSettingsError} when a variable is not set, or holds no URL or no secret. */
export function readyWebhooks(settled: readonly SettledWebhook[], env: Readonly<Record<string, string | undefined>>, path: readonly (string | number)[]): readonly ReadyWebhook[] {
  return settled.map(({ url: written, secret: reference, ...rest }, at) => {
    const url = ENV.test(written) ? valueOf(env, written, [...path, at, 'url']) : written
    const wrong = urlProblem(url, rest.allowPrivate)
    if (wrong !== undefined) throw new WebhookSettingsError([...path, at, 'url'], wrong)
    if (reference === undefined) return { ...rest, url }
    const text = valueOf(env, reference, [...path, at, 'secret']).replace(/^whsec_/, '')
    const secret = Buffer.from(text, 'base64')
    if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text) || secret.length < 24 || secret.length > 64) throw new WebhookSettingsError([...path, at, 'secret'], `${reference.slice(4)} does not hold base64 of 24 to 64 bytes; make one with: openssl rand -base64 32`)
    return { ...rest, url, secret }
  })
}

function valueOf(env: Readonly<Record<string, string | undefined>>, reference: string, path: readonly (string | number)[]): string {
  const value = env[reference.slice(4)]?.trim()
  if (value === undefined || value === '') throw new WebhookSettingsError(path, `the environment variable ${reference.slice(4)} is not set`)
  return value
}

function urlProblem(text: string, allowPrivate: boolean): string | undefined {
  const url = URL.parse(text)
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) return 'is not an http or https URL'
  if (url.username !== '' || url.password !== '') return 'must not hold a user name or a password'
  if (url.href !== text && url.href !== `${text}/`) return 'is not in its normal form'
  const here = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(url.hostname)
  if (url.protocol === 'http:' && !here && !allowPrivate) return 'must be https: names would travel in clear'
  return undefined
}
