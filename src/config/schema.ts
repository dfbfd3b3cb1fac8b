import * as z from 'zod'
import type { Posture } from '../contract/epoch.ts'
import type { Place } from '../contract/place.ts'
import { approvalsSchema, settleApprovals, type ApprovalsSettings } from '../approvals/settings.ts'
import { auditSchema, settleAudit, type AuditSettings } from '../audit/settings.ts'
import { budgetsSettings, settleBudgets, type SettledBudget } from '../budgets/settings.ts'
import { limitsSchema, listenSchema, settleLimits, settleListen, type Limits, type Listen } from '../edge/settings.ts'
import { evaluateSchema, settleEvaluate, type SettledEvaluate } from '../gateways/guard/settings.ts'
import { mcpServersSchema, settleMcpServers, type McpServer } from '../gateways/mcp/settings.ts'
import { llmSchema, practiceDefault, settle as settleLlm, type LlmSettings } from '../gateways/llm/settings.ts'
import { judgeSchema, settleJudge, type JudgeSettings } from '../guardrails/judge/settings.ts'
import { guardrailsSchema, settleGuardrails, type GuardSettings } from '../guardrails/settings.ts'
import { judgeProblem } from './judge.ts'
import { identitySettings, settleIdentity, type SettledIdentity } from '../identity/settings.ts'
import { policySettings, settlePolicy, type SettledPolicy } from '../policy/settings.ts'
import { settleTools, toolsSettings, type SettledTools } from '../policy/tools/settings.ts'
import { flowSchema, settleFlow, type FlowSettings } from '../session/flow/settings.ts'
import { settleTelemetry, telemetrySchema, type Telemetry } from '../telemetry/settings.ts'

const postures = ['observe', 'guard', 'strict'] as const satisfies readonly Posture[]

/** The whole of `sallyport.yaml`. Each part belongs to the folder that reads it. */
export const schema = z.strictObject({
  posture: z
    .enum(postures)
    .optional()
    .describe('observe: everything is only watched; guard: identity, budgets, secrets and high-precision rules are enforced, the rest is watched; strict: everything is enforced. Default: guard.'),
  listen: listenSchema.optional().describe('Where Sallyport listens.'),
  limits: limitsSchema.optional().describe('Bounds on what is read and held.'),
  ...llmSchema.shape,
  guardrails: guardrailsSchema,
  evaluate: evaluateSchema.optional(),
  judge: judgeSchema.optional(),
  budgets: budgetsSettings.optional(),
  identity: identitySettings.optional(),
  policy: policySettings.optional(),
  tools: toolsSettings.optional(),
  mcpServers: mcpServersSchema.optional(),
  flow: flowSchema.optional(),
  approvals: approvalsSchema.optional(),
  audit: auditSchema.optional(),
  telemetry: telemetrySchema.optional().describe('Log and metrics.'),
})

export type WrittenSettings = z.input<typeof schema>

/** Settings as code reads them: every default filled in, every unit converted, nothing to change. */
export interface Settings {
  readonly posture: Posture
  readonly listen: Listen
  readonly limits: Limits
  readonly llm: LlmSettings
  readonly guardrails: GuardSettings
  readonly evaluate: SettledEvaluate
  readonly judge?: JudgeSettings
  readonly budgets: readonly SettledBudget[]
  readonly identity: SettledIdentity
  readonly policy: SettledPolicy
  readonly tools: SettledTools
  readonly mcpServers: readonly McpServer[]
  readonly flow: FlowSettings
  readonly approvals: ApprovalsSettings
  readonly audit: AuditSettings
  readonly telemetry: Telemetry
}

/** What is wrong with settings that are each well-formed. config/load.ts finds the line of `path`. */
export class SettingsError extends Error {
  readonly path: readonly (string | number)[]
  constructor(path: readonly (string | number)[], problem: string) {
    super(problem)
    this.path = path
  }
}

/** @throws {SettingsError}, and what the folders' own settle functions throw, for what a schema cannot see. */
export function settle(written: WrittenSettings, place?: Place): Settings {
  const posture = written.posture ?? 'guard'
  const llm = settleLlm(reachable(written))
  const guardrails = settleGuardrails(written.guardrails, posture, undefined, place)
  const judge = written.judge === undefined ? undefined : settleJudge(written.judge)
  const wrong = judgeProblem(judge, llm, guardrails)
  if (wrong !== undefined) throw new SettingsError(wrong.path, wrong.problem)
  const tools = settleTools(written.tools)
  const [listen, identity, mcpServers] = [settleListen(written.listen ?? {}), settleIdentity(written.identity), settleMcpServers(written.mcpServers)]
  const consented = mcpServers.find((one) => one.kind === 'http' && one.oauth !== undefined)
  if (consented !== undefined && !reachesBrowsers(listen, identity.publicUrl)) throw new SettingsError(['mcpServers', consented.name, 'oauth'], 'people must reach this gateway with a browser, over https or on this machine: set identity.public_url')
  return Object.freeze({
    posture,
    listen,
    limits: settleLimits(written.limits ?? {}),
    llm,
    guardrails,
    evaluate: settleEvaluate(written.evaluate),
    ...(judge && { judge }),
    budgets: settleBudgets(written.budgets),
    identity,
    policy: settlePolicy(written.policy, [...new Set(guardrails.entries.map(({ use }) => use))].sort(), tools),
    tools,
    mcpServers,
    flow: settleFlow(written.flow),
    approvals: settleApprovals(written.approvals),
    audit: settleAudit(written.audit),
    telemetry: settleTelemetry(written.telemetry ?? {}),
  })
}

/** Codes come back to https addresses, or to this machine (OAuth 2.1, 1.5). */
function reachesBrowsers({ data }: Listen, publicUrl: string | undefined): boolean {
  const url = publicUrl === undefined ? undefined : new URL(publicUrl)
  return url?.protocol === 'https:' || /^(?:127\.[\d.]+|\[?::1\]?|localhost)$/.test(url?.hostname ?? data.host)
}

/** Settings that name no provider use the practice model; a provider that no route reaches is a mistake. */
function reachable({ providers = {}, routes = {}, prices = {} }: WrittenSettings): Parameters<typeof settleLlm>[0] {
  const unset = Object.keys(providers).length === 0
  if (Object.keys(routes).length > 0) return { providers, routes, prices }
  if (!unset) throw new SettingsError(['providers'], 'no route leads to these providers. Add routes.default with targets.')
  return { ...practiceDefault(), prices }
}
