import type { Fields } from '../../../contract/arrival.ts'
import type { TreeObject } from '../../../formats/tree.ts'
import type { DialectId } from '../conversation.ts'
import type { ProviderSettings } from '../settings.ts'
import { presetOf, providerOf } from './list.ts'
import type { Provider } from './provider.ts'

/** Reads what a credential reference (`env:NAME`, `file:/path`) points to. */
export type ReadCredential = (reference: string) => string

/** A provider ready to be called. Its credential lives in the closure alone: no property holds it. */
export interface Connection {
  readonly settings: ProviderSettings
  readonly provider: Provider
  /** Everything that goes upstream beside the body, built from nothing: no field of the caller's is among it. */
  fields(options: { readonly stream: boolean; readonly beta?: string }): Fields
  /** @throws {RangeError} when path and model would leave the provider's own origin. */
  url(path: string, model: string): string
  adapt(tree: TreeObject, dialect: DialectId): TreeObject
}

/** A credential that cannot be read or cannot be sent. The message names the reference, never what it holds. */
export class CredentialError extends Error {
  readonly provider: string
  constructor(provider: string, problem: string) {
    super(`providers.${provider}.credential: ${problem}`)
    this.provider = provider
  }
}

/**
 * Reads the credential once and makes the connection.
 * @throws {CredentialError}
 */
export function connect(settings: ProviderSettings, read: ReadCredential): Connection {
  const provider = providerOf(settings.kind)
  const preset = presetOf(provider, settings.preset)
  const proof = provider.headers(credentialOf(settings, read), settings, preset)
  const origin = new URL(settings.baseUrl).origin
  const common: Fields = [['content-type', 'application/json'], ['accept-encoding', 'identity'], ['user-agent', 'sallyport'], ...settings.fields, ...proof]
  const plain: Fields = Object.freeze([['accept', 'application/json'] as const, ...common])
  const streamed: Fields = Object.freeze([['accept', 'text/event-stream'] as const, ...common])
  return {
    settings,
    provider,
    fields({ stream, beta }) {
      const fields = stream ? streamed : plain
      return beta === undefined || settings.kind !== 'anthropic' ? fields : [...fields, ['anthropic-beta', beta]]
    },
    url(path, model) {
      const url = provider.url(settings, path, model, preset)
      // A model name comes from the caller: it must never choose the host that gets the credential.
      if (!url.startsWith(`${settings.baseUrl}/`) || new URL(url).origin !== origin || /(^|\/)\.\.?(\/|$|\?)/.test(url.slice(origin.length))) {
        throw new RangeError(`provider ${settings.name}: a path outside its base URL`)
      }
      return url
    },
    adapt: (tree, dialect) => provider.adapt(tree, dialect, preset),
  }
}

function credentialOf(settings: ProviderSettings, read: ReadCredential): string | undefined {
  const reference = settings.credential
  if (reference === undefined) return undefined
  let text: string
  try {
    text = read(reference).trim()
  } catch {
    // The cause is dropped on purpose: a reader's error may quote what it read.
    throw new CredentialError(settings.name, `${reference} cannot be read`)
  }
  if (text === '') throw new CredentialError(settings.name, `${reference} is empty`)
  if (!/^[\x21-\x7e]{1,4096}$/.test(text)) throw new CredentialError(settings.name, `${reference} holds something that cannot travel in a header`)
  return text
}
