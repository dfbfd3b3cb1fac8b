import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Loaded } from './config/load.ts'
import { judgeWarnings } from './config/judge.ts'
import type { Problem } from './config/problem.ts'
import type { ApprovalsSettings } from './approvals/settings.ts'
import { readyWebhooks, WebhookSettingsError, type ReadyWebhook } from './approvals/webhooks/settings.ts'
import type { Clock } from './contract/clock.ts'
import type { Question } from './contract/policy.ts'
import type { Dial } from './contract/dial.ts'
import type { Epoch } from './contract/epoch.ts'
import type { Asked } from './contract/exchange.ts'
import type { Finding } from './contract/finding.ts'
import type { Pass } from './contract/gateway.ts'
import type { Guard } from './contract/guard.ts'
import type { BudgetAlert } from './budgets/alert.ts'
import { makeBudgets, type BudgetsDeps } from './budgets/reserve.ts'
import type { Ledger } from './budgets/ledger.ts'
import { makeDialer } from './edge/dial/dialer.ts'
import type { OriginRule } from './edge/dial/origins.ts'
import type { BodyLimits } from './gateways/llm/reading.ts'
import type { Plan } from './gateways/llm/plan.ts'
import { makePlan } from './gateways/llm/planning.ts'
import type { Health } from './gateways/llm/routing/health.ts'
import type { RunningModels } from './guardrails/classifiers/models.ts'
import type { SettledEvaluate } from './gateways/guard/settings.ts'
import { makeGuard } from './guardrails/engine.ts'
import { evaluated, forEvaluation, withEvaluation } from './guardrails/evaluation.ts'
import { guardrails } from './guardrails/list.ts'
import { needFor, type Tables } from './guardrails/profile.ts'
import { scanText } from './guardrails/scan.ts'
import { dials } from './guardrails/kinds/http.ts'
import { Capped, type Judge, type Remote, type Tools } from './guardrails/tools.ts'
import { readySignIns, type ReadySignIn } from './consenting.ts'
import { makeRemote } from './remote.ts'
import { isCall, makeJudge, type JudgeBook } from './judging.ts'
import { loginPlaces } from './identity/login.ts'
import type { SettledIdentity } from './identity/settings.ts'
import { hairpin } from './hairpin.ts'
import { readPolicyFolders } from './policy/folder.ts'
import { loadPolicy, type Policy } from './policy/load.ts'
import type { Rule } from './policy/rule.ts'
import { flowUnder } from './flowing.ts'
import { toolFactsOf } from './policy/tools.ts'
import type { FlowMemory } from './session/flow/memory.ts'
import type { History } from './session/history.ts'
import type { Login } from './gateways/mcp/callers/challenge.ts'
import type { Server } from './gateways/mcp/servers/server.ts'
import { readyServers, visibleUnder, type Tooling } from './tooling.ts'

/** What outlives every epoch: counters and revocation are always current (DESIGN §3). */
export interface Household {
  readonly clock: Clock
  readonly env: Readonly<Record<string, string | undefined>>
  readonly ledger: Ledger
  readonly health: Health
  readonly history: History
  readonly flow: FlowMemory
  /** Hears what broke where nothing follows from it. */
  readonly onDefect: (where: string, error: unknown) => void
  /** Keys of a tenant, so that a shared budget can keep a share for each. */
  readonly members: BudgetsDeps['members'] & {}
  readonly policyFolder: string
  readonly tooling: Tooling
  /** Where MCP servers have their own folders. */
  readonly state: string
  readonly onAlert: (alert: BudgetAlert) => void
  /** The local classifiers, opened when first asked for. Throws where their files are missing or changed. */
  readonly models: () => RunningModels
  /** The one path, for questions to a judge. */
  readonly pass: Pass
  readonly judged: JudgeBook
  /** Hears what about the settings deserves a word although they stand. */
  readonly onWarning: (what: string) => void
  /** Hears what shadow guardrails saw after the verdict. */
  readonly onShadow: (asked: Asked, findings: readonly Finding[]) => void
  /** Hears that shadow guardrails look at nothing, and why. */
  readonly onBlind: (why: string) => void
  /** Of Sallyport itself: rules and shipped prices change with it. */
  readonly version: string
}

/** One epoch with what the data listener needs beside it; swapped as a whole. */
export interface Composed {
  readonly epoch: Epoch
  readonly plan: Plan
  readonly identity: SettledIdentity
  /** Fetches the keys of the issuers of these settings, and nothing else. */
  readonly issuers: Dial
  readonly limits: BodyLimits
  /** Issuers at which people sign in to agree that a server is used for them. */
  readonly signIns: readonly ReadySignIn[]
  /** What people's approvals go by, and whom they tell. */
  readonly approvals: {
    readonly settings: ApprovalsSettings
    readonly webhooks: readonly ReadyWebhook[]
    /** @throws {Error} that says what is wrong with the text. */
    readonly rule: (text: string) => Rule
    readonly suggest: (question: Question) => string | undefined
  }
  /** What `POST /guard` answers with: the guardrails that are on, and how probing is met. */
  readonly evaluate: { readonly on: ReadonlySet<string>; readonly settings: SettledEvaluate }
  /** What `/mcp/<server>` works with. */
  readonly mcp: { readonly login: Login; readonly servers: ReadonlyMap<string, Server>; readonly visible: ReturnType<typeof visibleUnder>; readonly sessions: Tooling['sessions']; readonly channels: Tooling['channels']; readonly rounds: Tooling['rounds']; readonly tasks: Tooling['tasks'] }
  /** True where every provider is the built-in practice model. */
  readonly practice: boolean
  /** Files and folders whose change makes a new epoch. */
  readonly files: readonly string[]
  /** No new exchange starts on it: its sockets close once those in flight have ended. */
  retire(): void
  close(): Promise<void>
}

/** A retired epoch's exchanges may run as long as the longest call. */
const RETIRE_AFTER_MS = 30 * 60_000
const DEEPEST_JSON = 128
/** What guards may remember of texts that they have seen. */
const GUARD_MEMORY_BYTES = 64 * 1024 * 1024
/** The same for texts that somebody asked about. */
const EVALUATION_MEMORY_BYTES = 8 * 1024 * 1024

export function isComposed(made: Composed | readonly Problem[]): made is Composed {
  return 'epoch' in made
}

/** Builds an epoch whole, or says everything that is wrong: nothing is ever half applied. */
export async function compose(loaded: Loaded, household: Household, serial: number): Promise<Composed | readonly Problem[]> {
  const { clock, env, ledger, members, onAlert } = household
  const folders = (loaded.policy.folders ?? [household.policyFolder]).map((one) => resolve(loaded.base, one))
  const policy = loadPolicy(await readPolicyFolders(folders), loaded.policy.extras)
  if (!('authorize' in policy)) return policy.map(({ file, line, column, message, expected }) => ({ file, line, column, path: '', message: expected === undefined ? message : `${message}; expected ${expected}` }))
  const leadsBack = hairpin(loaded.listen)
  const looped = loaded.llm.providers.filter((one) => leadsBack(one.baseUrl))
  if (looped.length > 0) return looped.map((one) => problemOf(loaded, ['providers', one.name, 'baseUrl'], 'is an address of Sallyport itself'))
  const own = loaded.mcpServers.find((one) => one.kind === 'http' && leadsBack(one.url))
  if (own !== undefined) return [problemOf(loaded, ['mcpServers', own.name, 'url'], 'is an address of Sallyport itself')]
  const hooks = webhooksOf(loaded, env)
  if ('problem' in hooks) return [hooks.problem]
  const programs = readyServers(loaded.mcpServers, env, loaded.base, household.state, [...folders, ...(loaded.file === undefined ? [] : [resolve(loaded.file)])])
  if (programs.problems.length > 0) return programs.problems.map((one) => problemOf(loaded, one.path, one.message))
  const trusted = issuerOrigins(loaded)
  if ('problem' in trusted) return [trusted.problem]
  const signIns = readySignIns(loaded.identity, env)
  if ('problem' in signIns) return [problemOf(loaded, ['identity', 'oidc', signIns.index, 'client_secret'], signIns.problem)]
  const planned = makePlan(loaded.llm, {
    clock,
    env,
    base: loaded.base,
    replyBytes: loaded.limits.replyBytes,
    health: household.health,
    random: Math.random,
    makeDialer: (origins) => makeDialer({ origins }),
  })
  if ('problems' in planned) return planned.problems.map((one) => problemOf(loaded, one.path, one.message))
  let models: RunningModels | undefined
  const need = needFor('models', loaded.guardrails, [...guardrails, ...(loaded.guardrails.made ?? [])])
  try {
    if (need !== undefined) models = household.models()
  } catch (error) {
    const why = error instanceof Error ? error.message : 'the classifiers cannot be loaded'
    if (need === 'enforced') return [problemOf(loaded, ['guardrails'], why)]
    household.onBlind(why)
  }
  const { judged } = household
  let serving = false
  const real = loaded.judge === undefined ? undefined : makeJudge({ settings: loaded.judge, plan: planned.plan, pass: household.pass, clock, book: judged })
  // Nobody pays for the first look below.
  const judge: Judge | undefined = real && { ask: (question, signal) => (serving ? real.ask(question, signal) : Promise.reject(new Capped('not serving yet'))) }
  for (const warning of judgeWarnings(loaded.judge, loaded.llm, loaded.guardrails)) household.onWarning(warning)
  for (const what of programs.without) household.onWarning(`MCP servers that are programs are not wholly confined: ${what}`)
  const classifiers = makeDialer({ origins: [...new Set(loaded.guardrails.made?.filter(dials).map((one) => one.dials))].map((origin) => ({ origin, allowPrivate: true })) })
  const asking = makeRemote(classifiers.dial, household.pass)
  const remote: Remote = { post: (post, signal) => (serving ? asking.post(post, signal) : Promise.reject(new Error('not serving yet'))) }
  const issuers = makeDialer(trusted)
  const close = async (): Promise<void> => {
    await Promise.all([planned.close(), classifiers.close(), issuers.close()])
  }
  const tools: Tools = { remote, ...(models && { models }), ...(judge && { judge }) }
  const tables: Tables = new Map()
  // What the first look below sees concerns nobody.
  const seen = (asked: Asked, findings: readonly Finding[]): void => {
    if (asked.exchange.gateway !== 'scan') household.onShadow(asked, findings)
  }
  const guarding = makeGuard(loaded.guardrails, { clock, cacheBytes: GUARD_MEMORY_BYTES, tools, tables, onShadow: seen })
  const made = withEvaluation(guarding, makeGuard(forEvaluation(loaded.guardrails), { clock, cacheBytes: EVALUATION_MEMORY_BYTES, tools, tables }))
  const guard: Guard = judge === undefined ? made : {
    ...made,
    inspect(asked, segments, phase, signal) {
      // The judge's share is one of calls.
      if (phase === 'request' && isCall(asked)) judged.called(asked.principal)
      return made.inspect(asked, segments, phase, signal)
    },
  }
  // Rules are compiled when they are first needed: here, not in somebody's first call.
  await scanText(guarding, { text: 'a first look', origin: 'user' })
  await scanText(guarding, { text: 'a first look', origin: 'assistant' })
  serving = true
  const routes = new Map(loaded.llm.routes.map((one) => [one.name, { output: one.output, onDeniedCall: one.onDeniedCall }]))
  const usual = { output: 'balanced', onDeniedCall: 'fail' } as const
  const tool = toolFactsOf(loaded.tools)
  const epoch: Epoch = Object.freeze({
    id: createHash('sha256').update(`${loaded.digest}\n${policy.id}\n${household.version}`).digest('hex').slice(0, 16),
    serial,
    posture: loaded.posture,
    authorize: policy.authorize,
    release: policy.release,
    history: household.history.under(loaded.policy.history),
    tool,
    flow: flowUnder({ memory: household.flow, settings: loaded.flow, posture: loaded.posture, tool, onDefect: (error) => household.onDefect('flow', error) }),
    guard,
    budgets: makeBudgets(loaded.budgets, { ledger, members, onAlert }),
    route: (name: string) => routes.get(name) ?? usual,
  })
  const { servers, leave } = household.tooling.take(programs.ready)
  return {
    epoch,
    mcp: { login: loginPlaces(loaded.identity), servers, visible: visibleUnder(epoch, clock), sessions: household.tooling.sessions, channels: household.tooling.channels, rounds: household.tooling.rounds, tasks: household.tooling.tasks },
    plan: planned.plan,
    identity: loaded.identity,
    issuers: issuers.dial,
    signIns: signIns.ready,
    limits: { bodyBytes: loaded.limits.bodyBytes, depth: DEEPEST_JSON },
    approvals: { settings: loaded.approvals, webhooks: hooks, rule: (text) => ruleOf(policy, text), suggest: (question) => policy.suggest(question, epoch.tool(question.resource.id)) },
    evaluate: { on: evaluated(loaded.guardrails), settings: loaded.evaluate },
    practice: loaded.llm.providers.every((one) => one.kind === 'practice'),
    files: [...(loaded.file === undefined ? [] : [loaded.file]), ...folders],
    retire() {
      leave()
      clock.timer(RETIRE_AFTER_MS, () => void close())
    },
    close,
  }
}

function problemOf(loaded: Loaded, path: readonly (string | number)[], message: string): Problem {
  return { file: loaded.file ?? 'embedded settings', ...loaded.place(path), path: path.join('.'), message }
}

/** Where keys of issuers are fetched: at the issuer itself, and where settings say that its keys are. */
function issuerOrigins(loaded: Loaded): { readonly origins: readonly OriginRule[] } | { readonly problem: Problem } {
  const origins: OriginRule[] = []
  for (const [index, { issuer, jwks, allowPrivate, ca }] of loaded.identity.oidc.entries()) {
    try {
      const trusted = ca === undefined ? {} : { ca: readFileSync(resolve(loaded.base, ca), 'utf8') }
      for (const url of new Set([issuer, jwks ?? issuer])) origins.push({ origin: new URL(url).origin, allowPrivate, ...trusted })
    } catch (error) {
      return { problem: problemOf(loaded, ['identity', 'oidc', index, 'ca'], `cannot be read (${(error as NodeJS.ErrnoException).code ?? String(error)}).`) }
    }
  }
  return { origins }
}

function webhooksOf(loaded: Loaded, env: Household['env']): readonly ReadyWebhook[] | { readonly problem: Problem } {
  try {
    return readyWebhooks(loaded.approvals.webhooks, env, ['approvals', 'webhooks'])
  } catch (error) {
    if (!(error instanceof WebhookSettingsError)) throw error
    return { problem: problemOf(loaded, error.path, `${error.message}.`) }
  }
}

function ruleOf(policy: Policy, text: string): Rule {
  const rule = policy.rule(text)
  if ('matches' in rule) return rule
  throw new Error(rule.map(({ line, column, message, expected }) => `line ${line}, column ${column}: ${message}${expected === undefined ? '' : `; expected ${expected}`}`).join('; '))
}
