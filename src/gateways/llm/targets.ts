import { readFileSync } from 'node:fs'
import { isAbsolute, resolve } from 'node:path'
import type { Fields } from '../../contract/arrival.ts'
import type { Dial } from '../../contract/dial.ts'
import type { Candidate, Price } from '../../contract/exchange.ts'
import type { DialectId } from './conversation.ts'
import { practiceDial } from './practice/dial.ts'
import { presetOf, providerOf } from './providers/list.ts'
import type { Preset, Provider } from './providers/provider.ts'
import type { LlmSettings, ProviderSettings, TargetSettings } from './settings.ts'

/** Something about a provider that keeps the settings from standing. */
export interface TargetProblem {
  readonly path: readonly string[]
  readonly message: string
}

/** A provider with its credential read and its way out. The credential lives in the closure of `headers` only. */
export interface Upstream {
  readonly settings: ProviderSettings
  readonly provider: Provider
  readonly preset: Preset | undefined
  readonly dial: Dial
  headers(): Fields
}

export interface OriginOf {
  readonly origin: string
  readonly allowPrivate?: boolean
  readonly ca?: string
}

/** Reads every provider's credential and opens one way out for all of them, or says what is missing. */
export function openUpstreams(
  settings: LlmSettings,
  { env, base, makeDialer }: { readonly env: Readonly<Record<string, string | undefined>>; readonly base: string; readonly makeDialer: (origins: readonly OriginOf[]) => { readonly dial: Dial; close(): Promise<void> } },
): { readonly upstreams: ReadonlyMap<string, Upstream>; close(): Promise<void> } | { readonly problems: readonly TargetProblem[] } {
  const problems: TargetProblem[] = []
  const attempt = <T>(path: readonly string[], work: () => T): T | undefined => {
    try {
      return work()
    } catch (error) {
      problems.push({ path, message: error instanceof Error ? error.message : String(error) })
      return undefined
    }
  }
  const origins: OriginOf[] = []
  const credentials = new Map<string, string>()
  for (const one of settings.providers) {
    if (one.kind === 'practice') continue
    const credential = attempt(['providers', one.name, 'credential'], () => readCredential(one.credential, env, base))
    if (credential !== undefined) credentials.set(one.name, credential)
    const ca = one.ca === undefined ? undefined : attempt(['providers', one.name, 'ca'], () => readFileSync(within(base, one.ca as string), 'utf8'))
    origins.push({ origin: new URL(one.baseUrl).origin, allowPrivate: one.allowPrivate, ...(ca !== undefined && { ca }) })
  }
  if (problems.length > 0) return { problems }
  const dialer = makeDialer(origins)
  const upstreams = new Map(
    settings.providers.map((one): [string, Upstream] => {
      const provider = providerOf(one.kind)
      const preset = presetOf(provider, one.preset)
      const credential = credentials.get(one.name)
      const fields: Fields = [...provider.headers(credential, one, preset), ...one.fields]
      return [one.name, { settings: one, provider, preset, dial: one.kind === 'practice' ? practiceDial : dialer.dial, headers: () => fields }]
    }),
  )
  return { upstreams, close: dialer.close }
}

/** The key behind `env:NAME` or `file:/path`. @throws {Error} that names the reference, never what stood there. */
function readCredential(reference: string | undefined, env: Readonly<Record<string, string | undefined>>, base: string): string | undefined {
  if (reference === undefined) return undefined
  const [kind, rest = ''] = [reference.slice(0, reference.indexOf(':')), reference.slice(reference.indexOf(':') + 1)]
  const found = kind === 'env' ? env[rest] : readFileSync(within(base, rest), 'utf8').trim()
  if (found === undefined || found === '') throw new Error(`${reference} is not set, or empty`)
  // A line break would let a credential write headers of its own.
  if (!/^[\x21-\x7e]+$/.test(found)) throw new Error(`${reference} holds characters that no credential has`)
  return found
}

function within(base: string, path: string): string {
  return isAbsolute(path) ? path : resolve(base, path)
}

/** One target of a route, for one requested model. */
export interface Target {
  readonly upstream: Upstream
  readonly settings: TargetSettings
  readonly model: string
}

export function targetFor(upstreams: ReadonlyMap<string, Upstream>, settings: TargetSettings, requested: string): Target {
  const upstream = upstreams.get(settings.provider)
  if (upstream === undefined) throw new RangeError(`no provider ${settings.provider}`)
  return { upstream, settings, model: settings.model ?? upstream.provider.modelFor(requested) }
}

export function candidateOf({ upstream, settings, model }: Target, route: string, role: Candidate['role'], price: Price | undefined): Candidate {
  const id = `${settings.provider}/${model}`
  return {
    id,
    resource: { type: 'Model', id, attributes: { ...upstream.settings.labels, provider: settings.provider, model, route } },
    provider: settings.provider,
    model,
    role,
    ...(price !== undefined && { price }),
    outputLimit: settings.outputLimit,
  }
}

/** The dialect to speak to a target: what settings say, else the caller's own where the provider speaks it. */
export function dialectFor({ upstream, settings }: Target, caller: DialectId): DialectId {
  if (settings.dialect !== undefined) return settings.dialect === 'chat' ? 'openai.chat' : 'openai.responses'
  const { dialects } = upstream.provider
  return dialects.includes(caller) ? caller : (dialects[0] as DialectId)
}
