import { mkdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { Confinement, ProgramSpec } from '../../contract/program.ts'
import { isFile, isIn } from './entry.ts'
import { fetchedBy, type Fetched } from './fetched.ts'
import { npmPackage, npxFolder } from './package.ts'

/** Variables that say how packages are fetched. No other is shown to what fetches them. */
const FETCHERS = /^(?:npm_config_|node_extra_ca_certs$|ssl_cert_(?:file|dir)$|(?:https?|no|all)_proxy$|path$|home$)/i

/**
 * A program that npx runs in a sandbox without network cannot be fetched there. It is fetched before: by npx, in a
 * sandbox with network, without the program's variables and without running anything of what was fetched; and what is
 * run then is the fetched program itself, from a folder that it cannot write to.
 */
export interface Fetching {
  /** What must be run first, to its end; undefined where everything is there. */
  first(): Promise<ProgramSpec | undefined>
  /** What is run then. @throws {Error} where it was not fetched, or has no command. */
  then(): Promise<ProgramSpec>
}

/** Undefined for what needs none of this. */
export function fetchingOf(spec: ProgramSpec): Fetching | undefined {
  const { confinement } = spec
  const tool = basename(spec.command)
  const fetched = tool === 'npx' || tool === 'npm' ? fetchedBy(spec.command, spec.args) : undefined
  if (confinement?.sandbox === undefined || confinement.sandbox.network || fetched === undefined) return undefined
  const { limits, sandbox } = confinement
  return {
    first: async () => ((await npmPackage(fetched, spec)) === undefined ? fetchSpec(spec, fetched, { limits, sandbox }) : undefined),
    async then() {
      const found = await npmPackage(fetched, spec)
      if (found === undefined) throw new Error('what it runs was not fetched')
      const bins = join(found.root, 'node_modules', '.bin')
      const command = fetched.bin === undefined ? found.file : join(bins, fetched.bin)
      if (command === undefined) throw new Error('its package has no such command')
      return { ...spec, command, args: fetched.args, env: { ...spec.env, PATH: `${bins}:${spec.env['PATH'] ?? ''}` } }
    },
  }
}

function fetchSpec(spec: ProgramSpec, { packages, options }: Fetched, { limits, sandbox }: Required<Confinement>): ProgramSpec {
  const env = Object.fromEntries(Object.entries(spec.env).filter(([name]) => FETCHERS.test(name)))
  const authorities = env['NODE_EXTRA_CA_CERTS']
  const cache = dirname(dirname(npxFolder(spec, packages)))
  mkdirSync(cache, { recursive: true, mode: 0o700 })
  const exec = basename(spec.command) === 'npm' ? ['exec'] : []
  return {
    ...spec,
    args: [...exec, ...options, '--yes', '--ignore-scripts', ...packages.map((one) => `--package=${one}`), '--', 'node', '--version'],
    env: { ...env, npm_config_update_notifier: 'false' },
    cwd: spec.home,
    confinement: {
      limits,
      sandbox: {
        network: true,
        read: authorities !== undefined && isFile(authorities) ? [authorities] : [],
        write: isIn(spec.home, cache) ? [] : [cache],
        hidden: sandbox.hidden,
      },
    },
  }
}
