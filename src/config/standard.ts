type Env = Readonly<Record<string, string | undefined>>

/** Providers that can be used when nothing but their usual variable is set, with the names of their models. */
const usual = [
  { name: 'openai', kind: 'openai', variables: ['OPENAI_API_KEY'], models: '*' },
  { name: 'anthropic', kind: 'anthropic', variables: ['ANTHROPIC_API_KEY'], models: 'claude-*' },
  { name: 'gemini', kind: 'gemini', variables: ['GEMINI_API_KEY', 'GOOGLE_API_KEY'], models: 'gemini-*' },
] as const

const practice = `posture: guard
providers:
  practice: { kind: practice }
routes:
  default:
    targets: [{ provider: practice, model: same }]
`

/**
 * The embedded settings, as text: those providers whose usual credential the environment names, each serving its own
 * models; the built-in practice model where there is none.
 */
export function standardSettings(env: Env): string {
  const found = usual.flatMap(({ variables, ...one }) => {
    const variable = variables.find((name) => (env[name] ?? '') !== '')
    return variable === undefined ? [] : [{ ...one, variable }]
  })
  const [first] = found
  if (first === undefined) return practice
  const providers = found.map((one) => `  ${one.name}: { kind: ${one.kind}, credential: "env:${one.variable}" }`)
  const others = found.slice(1).map((one) => `  ${one.name}:\n    match: { models: ["${one.models}"] }\n    targets: [{ provider: ${one.name}, model: same }]`)
  return ['posture: guard', 'providers:', ...providers, 'routes:', ...others, '  default:', `    targets: [{ provider: ${first.name}, model: same }]`, ''].join('\n')
}
