import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

export type Task = 'injection' | 'secrets' | 'pii'
/** True where the detector flags the text. */
export type Flags = (text: string) => Promise<boolean> | boolean

type Module = Readonly<Record<string, unknown>>
type Call = (...args: readonly unknown[]) => unknown

/** A local detector of a package, set up as the package's documentation does. None calls a model or the network. */
export interface Detector {
  readonly name: string
  readonly task: Task
  make(module: Module): Flags
}

export interface Peer {
  readonly name: string
  readonly version: string
  /** The file to import, below node_modules. */
  readonly entry: string
  readonly detectors: readonly Detector[]
}

function callable(from: unknown, name: string): Call {
  const found = (from as Module | undefined)?.[name]
  if (typeof found !== 'function') throw new Error(`it has no ${name}`)
  return found.bind(from) as Call
}

function openai(check: string, config: object): Detector['make'] {
  return (module) => {
    const spec = callable(module['defaultSpecRegistry'], 'get')(check) as { readonly checkFn: Call; readonly configSchema: { parse(config: object): object } }
    const settled = spec.configSchema.parse(config)
    return async (text) => ((await spec.checkFn({}, text, settled)) as { readonly tripwireTriggered: boolean }).tripwireTriggered
  }
}

function hai(makers: readonly string[], ...options: readonly unknown[]): Detector['make'] {
  return (module) => {
    const guards = makers.map((maker) => callable(module, maker)(...options) as Call)
    return async (text) => {
      for (const guard of guards) {
        const results = (await guard([{ role: 'user', content: text }])) as readonly { readonly passed: boolean; readonly modifiedMessage?: { readonly content: string } }[]
        // In one of its modes what it takes out counts as passed: finding it is what is compared.
        if (results.some(({ passed, modifiedMessage }) => !passed || (modifiedMessage !== undefined && modifiedMessage.content !== text))) return true
      }
      return false
    }
  }
}

function vard(preset: 'moderate' | 'strict'): Detector['make'] {
  return (module) => {
    // Longer texts than its default length would count as refused for their length alone.
    const parse = callable(callable(callable(module['vard'], preset)(), 'maxLength')(1_000_000), 'safeParse')
    return (text) => !(parse(text) as { readonly safe: boolean }).safe
  }
}

function linear(checks: readonly string[]): Detector['make'] {
  return (module) => {
    const calls = checks.map((check) => callable(module, check))
    return async (text) => ((await Promise.all(calls.map((call) => call(text)))) as readonly { readonly detected: boolean }[]).some(({ detected }) => detected)
  }
}

/** Packages that people use for the same, with the versions that were looked at. Never dependencies of this project. */
export const peers: readonly Peer[] = [
  {
    name: '@openai/guardrails',
    version: '0.2.1',
    entry: '@openai/guardrails/dist/index.js',
    // Its injection and jailbreak checks ask a model: only what it does by itself is compared.
    detectors: [
      { name: 'Secret Keys', task: 'secrets', make: openai('Secret Keys', { threshold: 'balanced' }) },
      { name: 'Contains PII', task: 'pii', make: openai('Contains PII', { entities: ['CREDIT_CARD', 'EMAIL_ADDRESS', 'IBAN_CODE', 'IP_ADDRESS', 'PHONE_NUMBER', 'US_SSN', 'US_DRIVER_LICENSE'], block: true, detect_encoded_pii: false }) },
    ],
  },
  {
    name: '@presidio-dev/hai-guardrails',
    version: '1.12.0',
    entry: '@presidio-dev/hai-guardrails/dist/index.js',
    detectors: [
      { name: 'injection and leakage, heuristic', task: 'injection', make: hai(['injectionGuard', 'leakageGuard'], { roles: ['user'] }, { mode: 'heuristic', threshold: 0.7 }) },
      { name: 'injection and leakage, pattern', task: 'injection', make: hai(['injectionGuard', 'leakageGuard'], { roles: ['user'] }, { mode: 'pattern', threshold: 0.7 }) },
      { name: 'secretGuard', task: 'secrets', make: hai(['secretGuard'], {}) },
      { name: 'piiGuard', task: 'pii', make: hai(['piiGuard'], {}) },
    ],
  },
  {
    name: '@andersmyrmel/vard',
    version: '1.2.0',
    entry: '@andersmyrmel/vard/dist/index.js',
    detectors: [
      { name: 'moderate (its default)', task: 'injection', make: vard('moderate') },
      { name: 'strict', task: 'injection', make: vard('strict') },
    ],
  },
  {
    name: 'llm_guardrail',
    version: '2.1.2',
    entry: 'llm_guardrail/index.js',
    detectors: [{ name: 'injection or jailbreak', task: 'injection', make: linear(['checkInjection', 'checkJailbreak']) }],
  },
]

function folderOf(root: string, { name, version }: Peer): string {
  return join(root, '.bench/guardrails', `${name.replace('/', '-').replace('@', '')}-${version}`)
}

/** Fetches the package into an ignored folder, without running any script of it. Throws where npm cannot. */
export function installed(root: string, peer: Peer): void {
  const folder = folderOf(root, peer)
  if (existsSync(join(folder, 'node_modules', peer.entry))) return
  process.stderr.write(`installing ${peer.name} ${peer.version}\n`)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{"private":true}')
  execFileSync('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--save-exact', `${peer.name}@${peer.version}`], { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'], timeout: 300_000 })
}

/** Loads one detector into this process. */
export async function loaded(root: string, peer: Peer, { make }: Detector): Promise<Flags> {
  return make((await import(pathToFileURL(join(folderOf(root, peer), 'node_modules', peer.entry)).href)) as Module)
}
