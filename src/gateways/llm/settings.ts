import { z } from 'zod'
import type { Fields } from '../../contract/arrival.ts'
import type { Price, Resource } from '../../contract/exchange.ts'
import type { OutputMode } from '../../contract/guard.ts'
import { isPrivateLiteral } from './providers/address.ts'
import { presetOf, providerOf } from './providers/list.ts'
import type { Preset, Provider, ProviderKind } from './providers/provider.ts'

const duration = (what: string) => z.string().regex(/^\d+(\.\d+)?(ms|s|m|h)$/, 'expected a duration such as 500ms, 10s or 2m').describe(`${what} A duration such as 500ms, 10s or 2m.`)

const name = z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/, 'expected 1 to 64 letters, digits, dots, dashes and underscores')

const targetRef = z.union([
  z.string().min(1).max(300).describe('`provider`, which serves the model that the caller asked for, or `provider/model`.'),
  z.strictObject({
    provider: z.string().describe('Name of a provider above.'),
    model: z.string().min(1).max(200).default('same').describe('Model under the provider\'s own name, or `same` for the one that the caller asked for.'),
  }),
])

export const providerSchema = z.strictObject({
  kind: z.enum(['openai', 'anthropic', 'gemini', 'openai-compatible', 'practice']).describe('What the provider speaks. `practice` is the built-in model that needs no network.'),
  preset: z.enum(['azure', 'mistral', 'groq', 'together', 'openrouter', 'deepseek', 'xai', 'fireworks', 'cerebras', 'ollama', 'vllm', 'lmstudio']).optional()
    .describe('For openai-compatible: where a known server is and what it spells differently.'),
  baseUrl: z.string().max(500).optional().describe('Where the provider is, up to and with its version. Plain http only to a loopback or private address written as such, which is also what permits dialling a private address.'),
  credential: z.string().max(500).optional().describe('Where the provider\'s key stands: env:NAME or file:/path. Never the key itself.'),
  apiVersion: z.string().max(40).optional().describe('API version for providers that want one (Azure, Anthropic).'),
  deployment: z.string().max(200).optional().describe('Azure: the deployment that serves the model, where its name differs.'),
  headers: z.record(z.string(), z.string()).optional().describe('Fixed extra headers for every request to the provider. No credentials.'),
  models: z.array(z.string().min(1).max(200)).max(1_000).optional().describe('Models that it serves, for lists of models and for targets with `model: same`.'),
  ca: z.string().optional().describe('File with the certificate authority of a private provider (PEM).'),
  labels: z.strictObject({
    region: z.string().min(1).max(64).optional().describe('Where it is.'),
    environment: z.string().min(1).max(64).optional().describe('What it belongs to, such as staging or production.'),
    tenant: z.string().min(1).max(64).optional().describe('Whose it is.'),
    sensitivity: z.number().int().min(0).max(3).optional().describe('How confidential what it gets may be: 0 public, 1 internal, 2 confidential, 3 secret.'),
    tags: z.array(z.string().min(1).max(64)).max(32).optional().describe('Words of your own.'),
  }).optional().describe('What policies read of its models, as attributes of the resource.'),
})

export const routeSchema = z.strictObject({
  strategy: z.enum(['cost', 'latency', 'quality', 'weighted', 'priority']).default('priority')
    .describe('How targets are ordered: least estimated cost, fastest first token, best quality, random by weight, or by priority.'),
  match: z.strictObject({
    models: z.array(z.string().min(1).max(200)).min(1).max(1_000).describe('Model names that this route serves; `*` stands for any characters.'),
  }).optional().describe('Which requested models the route serves. Routes are tried in order; the route `default` serves the rest.'),
  targets: z.array(z.strictObject({
    provider: z.string().describe('Name of a provider above.'),
    model: z.string().min(1).max(200).describe('Model under the provider\'s own name, or `same` for the one that the caller asked for.'),
    quality: z.number().min(0).max(1).default(0.5).describe('How good its answers are, 0 to 1, for strategy quality.'),
    weight: z.number().min(0).max(1_000_000).default(1).describe('Share of the calls, for strategy weighted.'),
    priority: z.number().int().min(0).max(1_000_000).optional().describe('Order for strategy priority, least first; the order in this list where it is absent.'),
    dialect: z.enum(['chat', 'responses']).optional().describe('For OpenAI: which of its two dialects to speak. The caller\'s own where that is one of them.'),
    output_limit: z.number().int().min(1).max(10_000_000).default(4_096).describe('Tokens that an answer is estimated at for budgets where the caller set no limit.'),
  })).min(1).max(64).describe('Who can serve the route.'),
  fallback: z.strictObject({
    on: z.array(z.enum(['timeout', 'rate_limited', 'server_error', 'stalled', 'truncated', 'malformed'])).default(['timeout', 'rate_limited', 'server_error', 'stalled', 'truncated', 'malformed'])
      .describe('Faults after which the next target is tried.'),
    context_length: targetRef.optional().describe('Target with a larger context, tried when a request is too long for the first.'),
  }).default({ on: ['timeout', 'rate_limited', 'server_error', 'stalled', 'truncated', 'malformed'] }).describe('When to go on to the next target.'),
  mirror: z.strictObject({
    target: targetRef.describe('Who gets a copy. Its answers are kept for comparison, its cost counts.'),
    sample: z.number().min(0).max(1).describe('Share of the calls, 0 to 1.'),
  }).optional().describe('Sends a share of the calls to another target too, without touching the caller\'s latency.'),
  timeouts: z.strictObject({
    connect: duration('Until the connection stands.').default('5s'),
    first_token: duration('Until the first content of a streamed answer.').default('60s'),
    answer: duration('Until the whole of an answer that is not streamed.').default('3m'),
    stall: duration('Longest silence between two pieces of a streamed answer.').default('30s'),
    total: duration('For the whole call, every attempt included.').default('10m'),
  }).prefault({}).describe('Limits for each attempt, and one over all.'),
  retries: z.strictObject({
    attempts: z.number().int().min(1).max(10).default(3).describe('Most tries of one target, the first included.'),
    base: duration('Pause before the first retry; doubled each time, with jitter.').default('200ms'),
    cap: duration('Longest pause. A Retry-After beyond it goes to the next target instead.').default('4s'),
  }).prefault({}).describe('Retries of one target after a fault that may pass.'),
  allow_fields: z.array(z.string().min(1).max(200)).max(200).default([]).describe('Request fields that the gateway does not know and lets through, inspected (dotted below the top level).'),
  allow: z.array(z.enum(['provider_tool', 'url_fetch', 'provider_state', 'beta'])).default([])
    .describe('What the provider may do behind the gateway\'s back, where policy permits it too; `beta` relays the anthropic-beta header.'),
  pass_through: z.array(z.strictObject({
    path: z.string().startsWith('/').max(200).describe('Path below the provider\'s prefix; a trailing `*` matches the rest.'),
    methods: z.array(z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE'])).min(1).describe('Methods that pass.'),
  })).max(100).default([]).describe('Other paths that go to the first target unread, where policy permits llm.passthrough.'),
  output: z.enum(['observe', 'balanced', 'strict']).default('balanced').describe('How answers are guarded: watched only; rules at no delay and classifiers beside the stream, which a late block ends; or no stretch of text leaves before everything has cleared it.'),
  on_denied_call: z.enum(['fail', 'drop']).default('fail').describe('What becomes of an answer that proposes a denied tool call.'),
  heartbeat_after: duration('Silence after which a held or slow call gets heartbeats.').default('10s'),
})

const usd = (what: string) => z.number().min(0).max(1_000_000).describe(`${what}, in USD per million tokens.`)

export const priceSchema = z.strictObject({
  input: usd('Input'),
  output: usd('Output'),
  cached_input: usd('Input read from the provider\'s cache').optional(),
  cache_write: usd('Input written to the provider\'s cache').optional(),
})

export const llmSchema = z.strictObject({
  providers: z.record(name, providerSchema).default({}).describe('Model providers, by a name of your choice.'),
  routes: z.record(name, routeSchema).default({}).describe('Which targets serve which models, by a name of your choice.'),
  prices: z.record(z.string().regex(/^[^/]+\/.+$/, 'expected provider/model'), priceSchema).default({}).describe('Prices by `provider/model`, over the bundled table.'),
})

export type LlmWritten = z.input<typeof llmSchema>

export interface ProviderSettings {
  readonly name: string
  readonly kind: ProviderKind
  readonly preset?: string
  readonly baseUrl: string
  /** A reference, never the credential. */
  readonly credential?: string
  readonly apiVersion?: string
  readonly deployment?: string
  readonly fields: Fields
  readonly models: readonly string[]
  readonly ca?: string
  /** The base URL names a private address literally, so the dialler may go there. */
  readonly allowPrivate: boolean
  /** Attributes of its models, for policy. */
  readonly labels: Resource['attributes']
}

export type FallbackCause = 'timeout' | 'rate_limited' | 'server_error' | 'stalled' | 'truncated' | 'malformed'

export interface TargetSettings {
  readonly provider: string
  /** Absent: the model that the caller asked for. */
  readonly model?: string
  readonly quality: number
  readonly weight: number
  readonly priority: number
  readonly dialect?: 'chat' | 'responses'
  readonly outputLimit: number
}

/** All in milliseconds. */
export interface Timeouts {
  readonly connect: number
  readonly firstToken: number
  readonly answer: number
  readonly stall: number
  readonly total: number
}

export interface Retries {
  readonly attempts: number
  readonly base: number
  readonly cap: number
}

export type Strategy = 'cost' | 'latency' | 'quality' | 'weighted' | 'priority'

export interface RouteSettings {
  readonly name: string
  readonly strategy: Strategy
  /** Patterns of model names; absent only for the route `default`. */
  readonly models?: readonly string[]
  readonly targets: readonly TargetSettings[]
  readonly fallback: { readonly on: ReadonlySet<FallbackCause>; readonly contextLength?: TargetSettings }
  readonly mirror?: { readonly target: TargetSettings; readonly sample: number }
  readonly timeouts: Timeouts
  readonly retries: Retries
  readonly allowFields: readonly string[]
  readonly allow: ReadonlySet<'provider_tool' | 'url_fetch' | 'provider_state' | 'beta'>
  readonly passThrough: readonly { readonly path: string; readonly methods: readonly string[] }[]
  readonly output: OutputMode
  readonly onDeniedCall: 'fail' | 'drop'
  readonly heartbeatAfter: number
}

export interface LlmSettings {
  readonly providers: readonly ProviderSettings[]
  readonly routes: readonly RouteSettings[]
  /** By `provider/model`, in micro-USD per million tokens. */
  readonly prices: ReadonlyMap<string, Price>
}

/** What is wrong with the settings, and at which key: config/ finds the line. Never quotes a credential. */
export class LlmSettingsError extends Error {
  readonly path: readonly (string | number)[]
  constructor(path: readonly (string | number)[], problem: string) {
    super(`${path.join('.')}: ${problem}`)
    this.path = path
  }
}

/** What stands in for providers and routes where none is configured, or no credential can be read. */
export function practiceDefault(): Pick<LlmWritten, 'providers' | 'routes'> {
  return { providers: { practice: { kind: 'practice' } }, routes: { default: { targets: [{ provider: 'practice', model: 'same' }] } } }
}

/**
 * From what people write to what code reads: references resolved to names, durations to milliseconds, prices to
 * micro-USD, frozen.
 * @throws {LlmSettingsError} naming the key, for anything that the schema alone cannot see.
 * @throws {z.ZodError} for anything that it can.
 */
export function settle(written: LlmWritten): LlmSettings {
  const read = llmSchema.parse(written)
  const providers = Object.entries(read.providers).map(([key, value]) => settleProvider(key, value))
  const known = new Map(providers.map((one) => [one.name, one]))
  const routes = Object.entries(read.routes).map(([key, value]) => settleRoute(key, value, known))
  const prices = new Map(Object.entries(read.prices).map(([key, value]) => [key, settlePrice(value)]))
  for (const key of prices.keys()) {
    if (!known.has(key.slice(0, key.indexOf('/')))) throw new LlmSettingsError(['prices', key], 'names a provider that is not configured')
  }
  return Object.freeze({ providers: Object.freeze(providers), routes: Object.freeze(routes), prices })
}

function settleProvider(key: string, written: z.output<typeof providerSchema>): ProviderSettings {
  const path = ['providers', key]
  const provider = providerOf(written.kind)
  const preset = presetOf(provider, written.preset)
  if (written.preset !== undefined && preset === undefined) throw new LlmSettingsError([...path, 'preset'], `kind ${written.kind} has no presets`)
  if (written.deployment !== undefined && written.preset !== 'azure') throw new LlmSettingsError([...path, 'deployment'], 'only preset azure has deployments')
  const { baseUrl, allowPrivate } = settleBase(path, written.baseUrl, provider, preset)
  checkCredential(path, written.credential, provider)
  return Object.freeze({
    name: key,
    kind: written.kind,
    ...(written.preset !== undefined && { preset: written.preset }),
    baseUrl,
    ...(written.credential !== undefined && { credential: written.credential }),
    ...(written.apiVersion !== undefined && { apiVersion: written.apiVersion }),
    ...(written.deployment !== undefined && { deployment: written.deployment }),
    fields: settleFields([...path, 'headers'], written.headers ?? {}),
    models: Object.freeze([...(written.models ?? [])]),
    ...(written.ca !== undefined && { ca: written.ca }),
    allowPrivate,
    labels: Object.freeze(Object.fromEntries(Object.entries(written.labels ?? {}).filter(([, value]) => value !== undefined))) as Resource['attributes'],
  })
}

function settleBase(path: readonly string[], written: string | undefined, provider: Provider, preset: Preset | undefined): { baseUrl: string; allowPrivate: boolean } {
  const at = [...path, 'baseUrl']
  if (provider.kind === 'practice' && written !== undefined) throw new LlmSettingsError(at, 'the practice model is built in and has no address')
  const text = written ?? preset?.baseUrl ?? provider.baseUrl
  if (text === undefined) throw new LlmSettingsError(at, `is needed for ${preset?.name ?? provider.kind}`)
  if (!URL.canParse(text)) throw new LlmSettingsError(at, 'is not an absolute URL')
  const url = new URL(text)
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw new LlmSettingsError(at, 'must be http or https')
  if (url.username !== '' || url.password !== '') throw new LlmSettingsError(at, 'must not hold a credential: name it under credential')
  if (url.search !== '' || url.hash !== '') throw new LlmSettingsError(at, 'must have neither query nor fragment')
  const allowPrivate = isPrivateLiteral(url.hostname)
  if (url.protocol === 'http:' && !allowPrivate && provider.kind !== 'practice') {
    throw new LlmSettingsError(at, 'must be https: a credential and the conversation would travel in clear')
  }
  return { baseUrl: url.origin + url.pathname.replace(/\/+$/, ''), allowPrivate }
}

const REFERENCE = /^(env:[A-Za-z_][A-Za-z0-9_]*|file:\/.+)$/

function checkCredential(path: readonly string[], reference: string | undefined, provider: Provider): void {
  const at = [...path, 'credential']
  if (reference === undefined) {
    if (provider.needsCredential) throw new LlmSettingsError(at, 'is needed: env:NAME or file:/path')
  } else if (!REFERENCE.test(reference)) {
    // The value is not quoted: it is most likely the key.
    throw new LlmSettingsError(at, 'must be a reference, env:NAME or file:/path; a key itself does not belong in this file')
  }
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/
const NOT_OURS = new Set([
  'authorization', 'proxy-authorization', 'x-api-key', 'api-key', 'x-goog-api-key', 'cookie', 'set-cookie', 'host', 'connection', 'content-length',
  'content-type', 'content-encoding', 'accept', 'accept-encoding', 'transfer-encoding', 'te', 'trailer', 'upgrade', 'expect', 'keep-alive', 'anthropic-version', 'anthropic-beta',
])

function settleFields(path: readonly string[], written: Readonly<Record<string, string>>): Fields {
  return Object.freeze(
    Object.entries(written).map(([key, value]) => {
      if (!TOKEN.test(key)) throw new LlmSettingsError([...path, key], 'is not a header name')
      if (NOT_OURS.has(key.toLowerCase())) throw new LlmSettingsError([...path, key], 'is set by the gateway and cannot be given here')
      if (!/^[\t\x20-\x7e]{0,1000}$/.test(value)) throw new LlmSettingsError([...path, key], 'must be printable ASCII')
      return Object.freeze([key.toLowerCase(), value] as const)
    }),
  )
}

function settleRoute(key: string, written: z.output<typeof routeSchema>, known: ReadonlyMap<string, ProviderSettings>): RouteSettings {
  const path = ['routes', key]
  if (key === 'default' && written.match !== undefined) throw new LlmSettingsError([...path, 'match'], 'the route default serves what no other route does')
  if (key !== 'default' && written.match === undefined) throw new LlmSettingsError([...path, 'match'], 'is needed: without it, nothing would reach the route')
  const { fallback, mirror, timeouts, retries } = written
  const larger = fallback.context_length
  return Object.freeze({
    name: key,
    strategy: written.strategy,
    ...(written.match !== undefined && { models: Object.freeze([...written.match.models]) }),
    targets: Object.freeze(
      written.targets.map((one, index) => {
        const at = [...path, 'targets', index]
        const provider = known.get(one.provider)
        if (provider === undefined) throw new LlmSettingsError([...at, 'provider'], 'names a provider that is not configured')
        if (one.dialect === 'responses' && !providerOf(provider.kind).dialects.includes('openai.responses')) {
          throw new LlmSettingsError([...at, 'dialect'], `kind ${provider.kind} does not speak responses`)
        }
        return settleTarget({ ...one, priority: one.priority ?? index })
      }),
    ),
    fallback: Object.freeze({
      on: new Set(fallback.on),
      ...(larger !== undefined && { contextLength: referred([...path, 'fallback', 'context_length'], larger, known) }),
    }),
    ...(mirror !== undefined && { mirror: Object.freeze({ target: referred([...path, 'mirror', 'target'], mirror.target, known), sample: mirror.sample }) }),
    timeouts: Object.freeze({
      connect: milliseconds(timeouts.connect),
      firstToken: milliseconds(timeouts.first_token),
      answer: milliseconds(timeouts.answer),
      stall: milliseconds(timeouts.stall),
      total: milliseconds(timeouts.total),
    }),
    retries: Object.freeze({ attempts: retries.attempts, base: milliseconds(retries.base), cap: milliseconds(retries.cap) }),
    allowFields: Object.freeze([...written.allow_fields]),
    allow: new Set(written.allow),
    passThrough: Object.freeze(written.pass_through.map((one) => Object.freeze({ path: one.path, methods: Object.freeze([...one.methods]) }))),
    output: written.output,
    onDeniedCall: written.on_denied_call,
    heartbeatAfter: milliseconds(written.heartbeat_after),
  })
}

interface WrittenTarget {
  readonly provider: string
  readonly model: string
  readonly quality: number
  readonly weight: number
  readonly priority: number
  readonly dialect?: 'chat' | 'responses' | undefined
  readonly output_limit: number
}

function settleTarget(written: WrittenTarget): TargetSettings {
  return Object.freeze({
    provider: written.provider,
    ...(written.model !== 'same' && { model: written.model }),
    quality: written.quality,
    weight: written.weight,
    priority: written.priority,
    ...(written.dialect !== undefined && { dialect: written.dialect }),
    outputLimit: written.output_limit,
  })
}

/** A target given by reference: `provider`, `provider/model` or both apart. */
function referred(path: readonly string[], written: z.output<typeof targetRef>, known: ReadonlyMap<string, ProviderSettings>): TargetSettings {
  const slash = typeof written === 'string' ? written.indexOf('/') : -1
  const provider = typeof written !== 'string' ? written.provider : slash < 0 ? written : written.slice(0, slash)
  const model = typeof written !== 'string' ? written.model : slash < 0 ? 'same' : written.slice(slash + 1)
  if (!known.has(provider)) throw new LlmSettingsError(path, 'names a provider that is not configured')
  return settleTarget({ provider, model, quality: 0.5, weight: 1, priority: 0, output_limit: 4_096 })
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }

function milliseconds(written: string): number {
  const unit = /[a-z]+$/.exec(written)?.[0] ?? 'ms'
  // A timer beyond 2^31 ms would fire at once.
  return Math.min(2_147_483_647, Math.max(1, Math.round(Number.parseFloat(written) * (UNITS[unit] ?? 1))))
}

function settlePrice(written: z.output<typeof priceSchema>): Price {
  const micro = (value: number): number => Math.round(value * 1_000_000)
  return Object.freeze({
    input: micro(written.input),
    output: micro(written.output),
    cachedInput: micro(written.cached_input ?? written.input),
    cacheWrite: micro(written.cache_write ?? written.input),
  })
}
