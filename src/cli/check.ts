import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { readyWebhooks, WebhookSettingsError } from '../approvals/webhooks/settings.ts'
import { findConfig, isLoaded, loadConfig, type Loaded } from '../config/load.ts'
import { pathText, problemLine, type Problem } from '../config/problem.ts'
import { stateFolder } from '../config/state.ts'
import { exit, flag, none, text, type Command, type Io } from './command.ts'

export const check: Command = {
  name: 'check',
  summary: 'Check settings and policies without starting anything.',
  usage: '[--config FILE]',
  options: [
    { name: 'config', short: 'c', value: 'FILE', help: 'The settings file. Default: $SALLYPORT_CONFIG, else ./sallyport.yaml, else the embedded settings.' },
    { name: 'without-credentials', help: 'Do not look whether the credentials that it names exist: for machines that do not have them.' },
  ],
  more: `Reads the settings file, the credentials and the policies that it names as a start or a reload would, and reports
everything that is wrong: file, line, key, what was expected, and what was probably meant.`,
  async run(args, io) {
    none(args)
    const named = text(args, 'config')
    const file = named === undefined ? findConfig(io.cwd, io.env) : resolve(io.cwd, named)
    const loaded = loadConfig(file, io.env)
    const problems = isLoaded(loaded) ? [...(flag(args, 'without-credentials') ? [] : [...credentialProblems(loaded, io), ...webhookProblems(loaded, io), ...(await signInProblems(loaded, io)), ...(await serverProblems(loaded, io))]), ...(await policyProblems(loaded))] : loaded
    if (flag(args, 'json')) {
      await io.out(`${JSON.stringify({ ok: problems.length === 0, file: file ?? null, problems })}\n`)
    } else if (problems.length === 0) {
      await io.out(`${file ?? 'The embedded settings'}: nothing is wrong.\n`)
    } else {
      await io.out(`${problems.map(problemLine).join('\n')}\n${problems.length === 1 ? 'One thing is' : `${problems.length} things are`} wrong.\n`)
    }
    return problems.length === 0 ? exit.ok : exit.negative
  },
}

async function policyProblems(loaded: Loaded): Promise<readonly Problem[]> {
  // Loaded here, because Cedar is large and most commands do not need it.
  const { BadPolicies, configuredRulebook } = await import('../policing.ts')
  try {
    await configuredRulebook(loaded)
    return []
  } catch (error) {
    if (error instanceof BadPolicies) return error.problems
    throw error
  }
}

function credentialProblems(loaded: Loaded, io: Io): readonly Problem[] {
  return loaded.llm.providers.flatMap(({ name, credential }) => {
    const message = credential === undefined ? undefined : missing(credential, io)
    if (message === undefined) return []
    const path = ['providers', name, 'credential']
    return [{ file: loaded.file ?? 'embedded settings', ...loaded.place(path), path: pathText(path), message }]
  })
}

/** Only where there are servers: what runs them is large, and most settings have none. */
async function serverProblems(loaded: Loaded, io: Io): Promise<readonly Problem[]> {
  if (loaded.mcpServers.length === 0) return []
  const { readyServers } = await import('../tooling.ts')
  const { problems } = readyServers(loaded.mcpServers, io.env, loaded.base, stateFolder(io.env), loaded.file === undefined ? [] : [loaded.file])
  return problems.map(({ path, message }) => ({ file: loaded.file ?? 'embedded settings', ...loaded.place(path), path: pathText(path), message }))
}

/** Only where people sign in. */
async function signInProblems(loaded: Loaded, io: Io): Promise<readonly Problem[]> {
  if (loaded.identity.oidc.every(({ signIn }) => signIn === undefined)) return []
  const { readySignIns } = await import('../consenting.ts')
  const read = readySignIns(loaded.identity, io.env)
  if (!('problem' in read)) return []
  const path = ['identity', 'oidc', read.index, 'client_secret']
  return [{ file: loaded.file ?? 'embedded settings', ...loaded.place(path), path: pathText(path), message: read.problem }]
}

function webhookProblems(loaded: Loaded, io: Io): readonly Problem[] {
  try {
    readyWebhooks(loaded.approvals.webhooks, io.env, ['approvals', 'webhooks'])
    return []
  } catch (error) {
    if (!(error instanceof WebhookSettingsError)) throw error
    return [{ file: loaded.file ?? 'embedded settings', ...loaded.place(error.path), path: pathText(error.path), message: `${error.message}.` }]
  }
}

/** What keeps a reference such as `env:NAME` or `file:/path` from being read. */
function missing(reference: string, io: Io): string | undefined {
  const at = reference.slice(reference.indexOf(':') + 1)
  if (reference.startsWith('env:')) return (io.env[at] ?? '') === '' ? `the environment variable ${at} is not set.` : undefined
  try {
    return readFileSync(at, 'utf8').trim() === '' ? `${at} is empty.` : undefined
  } catch (error) {
    return `${at} cannot be read (${(error as NodeJS.ErrnoException).code ?? String(error)}).`
  }
}
