import { resolve } from 'node:path'
import { findConfig, isLoaded, loadConfig, type Loaded } from '../../config/load.ts'
import { problemLine } from '../../config/problem.ts'
import { makeStateFolder } from '../../config/state.ts'
import { reasonOf } from '../../contract/reasons.ts'
import { Refused } from '../../contract/verdict.ts'
import { systemClock } from '../../edge/clock.ts'
import { object, type TreeObject } from '../../formats/tree.ts'
import { listItems, type Item, type Kind } from '../../gateways/mcp/servers/items.ts'
import type { Link } from '../../gateways/mcp/servers/link.ts'
import { infoOf, printed } from '../../gateways/mcp/pins/hash.ts'
import type { Looks } from '../../looking.ts'
import type { ReadyServer } from '../../tooling.ts'
import { exit, Failure, flag, text, UsageError, type Args, type Command, type Io } from '../command.ts'
import { folderOf } from '../house.ts'
import { table, visible } from '../show.ts'
import { ownVersion } from '../version.ts'
import { findingsOf, type Heard, type ScanFinding } from './findings.ts'

const layers = ['rules', 'fast', 'deep'] as const
type Layer = (typeof layers)[number]

export const mcpScan: Command = {
  name: 'mcp scan',
  summary: 'Ask the configured MCP servers what they offer, and say what of it is doubtful.',
  usage: '[SERVER…] [--config FILE]',
  options: [
    { name: 'config', short: 'c', value: 'FILE', help: 'The settings file. Default: $SALLYPORT_CONFIG, else ./sallyport.yaml, else the embedded settings.' },
    { name: 'layers', value: 'LIST', help: `Only these layers of the guardrails: ${layers.join(', ')}. Default: all of them.` },
  ],
  more: `No instance need run, and nothing is pinned. Each server is started, or dialled, once, and asked for its tools, prompts,
resources and templates. Reported are: definitions that the guardrails would refuse if everything that looks were enforced, names
that look like another's or cannot be used, descriptions that speak of another server's tools, programs that are held to no
version, tools that claim to be harmless and do not look it, and dangerous tools that the settings say nothing about.
Exit code 1 when something was found. What an agent gets is decided by a running instance: sallyport mcp list.`,
  async run(args, io) {
    const loaded = loadedFor(args, io)
    const chosen = chosenOf(loaded, args.positionals)
    // Loaded here: commands that ask no server start without all of it.
    const [{ readyServers, linkTo }, { packageOf }, { toolFactsOf }] = await Promise.all([import('../../tooling.ts'), import('../../edge/spawn/package.ts'), import('../../policy/tools.ts')])
    const state = folderOf(io)
    makeStateFolder(state)
    const { ready, problems } = readyServers(chosen, io.env, loaded.base, state, loaded.file === undefined ? [] : [loaded.file])
    if (problems.length > 0) throw new Failure(problems.map(({ path, message }) => `${path.join('.')} ${message}`).join('\n'))
    const { looks, close } = await looksOf(loaded, layersOf(text(args, 'layers')))
    const findings: ScanFinding[] = []
    const heard: Heard[] = []
    try {
      for (const one of ready) {
        if (io.signal.aborted) return exit.failure
        if (io.terminal) io.err(`\r\x1b[K${one.settings.name}`)
        const link = linkTo(one, { clock: systemClock, version: ownVersion(), on: () => undefined })
        try {
          const { way } = one
          const said = await asked(one, link, looks, io.signal, findings)
          heard.push({ ...said, ...('spec' in way && { facts: await packageOf(way.spec) }) })
        } catch (error) {
          if (!(error instanceof Refused)) throw error
          findings.push({ server: one.settings.name, finding: 'unreachable', detail: error.refusal.detail ?? error.refusal.say ?? reasonOf(error.refusal.refuse).say })
        } finally {
          await link.close()
        }
      }
    } finally {
      await close()
      if (io.terminal) io.err('\r\x1b[K')
    }
    findings.push(...findingsOf(heard, toolFactsOf(loaded.tools)))
    await io.out(flag(args, 'json') ? `${JSON.stringify({ servers: heard.map(({ server, items }) => ({ server, items: items.length })), findings })}\n` : pageOf(heard, findings))
    return findings.length === 0 ? exit.ok : exit.negative
  },
}

function loadedFor(args: Args, io: Io): Loaded {
  const named = text(args, 'config')
  const loaded = loadConfig(named === undefined ? findConfig(io.cwd, io.env) : resolve(io.cwd, named), io.env)
  if (isLoaded(loaded)) return loaded
  throw new Failure(`the settings are wrong; see: sallyport check\n${loaded.map(problemLine).join('\n')}`)
}

function chosenOf({ mcpServers }: Loaded, names: readonly string[]): Loaded['mcpServers'] {
  const missing = names.find((name) => !mcpServers.some((one) => one.name === name))
  if (missing !== undefined) throw new Failure(`the settings name no MCP server "${missing}"${mcpServers.length === 0 ? '' : `; there are ${mcpServers.map(({ name }) => name).join(', ')}`}`)
  if (mcpServers.length === 0) throw new Failure('the settings name no MCP server: they belong under mcpServers')
  return names.length === 0 ? mcpServers : mcpServers.filter(({ name }) => names.includes(name))
}

function layersOf(written: string | undefined): ReadonlySet<Layer> {
  if (written === undefined) return new Set(layers)
  const chosen = written.split(',').map((one) => one.trim())
  const wrong = chosen.find((one) => !layers.some((layer) => layer === one))
  if (wrong !== undefined) throw new UsageError(`--layers: "${wrong}" is no layer here; choose from ${layers.join(', ')}`)
  return new Set(chosen as Layer[])
}

async function looksOf({ guardrails: settings }: Loaded, chosen: ReadonlySet<Layer>): Promise<{ readonly looks: Looks; close(): Promise<void> }> {
  const [{ makeGuard }, { forScan }, { openModels }, { guardrails }, { needFor }, { makeLooks }] = await Promise.all([
    import('../../guardrails/engine.ts'), import('../../guardrails/scan.ts'), import('../../guardrails/classifiers/models.ts'), import('../../guardrails/list.ts'), import('../../guardrails/profile.ts'), import('../../looking.ts'),
  ])
  const scanned = forScan(settings, chosen)
  const wants = (chosen.has('fast') || chosen.has('deep')) && needFor('models', scanned, [...guardrails, ...(scanned.made ?? [])]) !== undefined
  const models = wants ? openModels() : undefined
  const guard = makeGuard(scanned, { clock: systemClock, cacheBytes: 1024 * 1024, tools: { ...(models && { models }) } })
  return { looks: makeLooks(() => ({ serial: 1, guard, route: () => ({ output: 'balanced', onDeniedCall: 'fail' }) })), close: async () => models?.close() }
}

const LISTED: readonly (readonly [Kind, string])[] = [['tools', 'tools'], ['prompts', 'prompts'], ['resources', 'resources'], ['templates', 'resources']]

/** Everything that one server says, each piece looked at. @throws {Refused} */
async function asked({ settings }: ReadyServer, link: Link, looks: Looks, signal: AbortSignal, findings: ScanFinding[]): Promise<Heard> {
  const { name: server, timeoutMs, startMs } = settings
  const look = async (item: string, hash: string, definition: TreeObject): Promise<void> => {
    const found = await looks.look(server, hash, definition)
    if (found !== undefined) findings.push({ server, item, finding: 'poisoned', detail: found })
  }
  const met = await link.introduction({ signal, timeoutMs: startMs })
  const own = [['info', infoOf(met)], ...(met.instructions === undefined ? [] : [['instructions', object({ instructions: met.instructions })] as const])] as const
  for (const [kind, tree] of own) await look(kind, printed(kind, kind, tree).hash, tree)
  const items: Item[] = []
  const unusable: Heard['unusable'][number][] = []
  for (const [kind, capability] of LISTED) {
    if (!met.capabilities.has(capability)) continue
    const listed = await listItems(link, kind, { signal, timeoutMs }, (one) => unusable.push({ ...one, kind }))
    for (const { name, print, definition } of listed) await look(`${kind}/${name}`, print.hash, definition)
    items.push(...listed)
  }
  return { server, items, unusable }
}

function pageOf(heard: readonly Heard[], findings: readonly ScanFinding[]): string {
  const asked = `${heard.length === 1 ? 'One server was' : `${heard.length} servers were`} asked: ${heard.map(({ server, items }) => `${server} (${items.length})`).join(', ')}.\n`
  if (findings.length === 0) return `${heard.length === 0 ? '' : asked}Nothing doubtful was found.\n`
  const rows = findings.map(({ server, item, finding, detail }) => [server, visible(item ?? ''), finding, visible(detail)])
  return `${heard.length === 0 ? '' : asked}${table(['SERVER', 'ITEM', 'FINDING', ''], rows)}${findings.length === 1 ? 'One thing is' : `${findings.length} things are`} doubtful.\n`
}
