import { anthropic } from './anthropic.ts'
import { compatible } from './compatible.ts'
import { gemini } from './gemini.ts'
import { openai } from './openai.ts'
import { practice } from './practice.ts'
import type { Preset, Provider, ProviderKind } from './provider.ts'

/** Every kind of upstream that settings can name. */
export const providers = [openai, anthropic, gemini, compatible, practice] as const satisfies readonly Provider[]

export function providerOf(kind: ProviderKind): Provider {
  const found: Provider | undefined = providers.find((one) => one.kind === kind)
  if (found === undefined) throw new RangeError(`no provider kind ${kind}`)
  return found
}

export function presetOf(provider: Provider, name: string | undefined): Preset | undefined {
  return name === undefined ? undefined : provider.presets.find((one) => one.name === name)
}
