import { validate } from '@cedar-policy/cedar-wasm/nodejs'
import type { Loaded } from '../../config/load.ts'
import type { ReadPolicy } from '../../policy/read.ts'
import { covers, kindsOf } from '../../policy/trace.ts'
import type { Rulebook } from '../../policing.ts'

/** What loads and works, and probably is not what was meant. */
export interface Remark {
  readonly policy: string
  readonly file: string
  readonly line: number
  readonly message: string
}

/** Only what can be shown from the texts alone: silence proves nothing. */
export function review({ tracer }: Rulebook, loaded: Loaded): readonly Remark[] {
  const own = tracer.policies.filter((one) => one.file !== 'builtin')
  const named = new Map(own.map((one) => [one.id, one]))
  return [
    ...impossible(own, tracer.schema.json).flatMap(([id, message]) => remark(named.get(id), message)),
    ...own.flatMap((one) => idle(one, own).flatMap((message) => remark(one, message))),
    ...own.flatMap((one) => strangers(one, loaded).flatMap((message) => remark(one, message))),
  ].sort((a, b) => (a.file === b.file ? a.line - b.line : a.file < b.file ? -1 : 1))
}

function remark(policy: ReadPolicy | undefined, message: string): readonly Remark[] {
  return policy === undefined ? [] : [{ policy: policy.id, file: policy.file, line: policy.line, message }]
}

/** Conditions that Cedar itself can show to be always false. */
function impossible(policies: readonly ReadPolicy[], schema: Rulebook['tracer']['schema']['json']): readonly (readonly [id: string, message: string])[] {
  const answer = validate({ validationSettings: { mode: 'strict' }, schema, policies: { staticPolicies: Object.fromEntries(policies.map(({ id, text }) => [id, text])) } })
  if (answer.type === 'failure') return []
  // The same warning comes once for every kind of question.
  const found = new Map(answer.validationWarnings.map(({ policyId, error }) => [`${policyId} ${error.message}`, [policyId, error.message.replace(/^for policy `[^`]*`, /, '')] as const]))
  return [...found.values()]
}

/** Why a policy can never change an answer. */
function idle(policy: ReadPolicy, all: readonly ReadPolicy[]): readonly string[] {
  const at = ({ id, file, line }: ReadPolicy): string => `${id} (${file}:${line})`
  const forbidden = policy.verdict === 'deny' && policy.set === 'enforced' ? undefined : all.find((one) => one.set === 'enforced' && one.verdict === 'deny' && covers(one.json, policy.json))
  if (forbidden !== undefined) return [`can never ${policy.verdict === 'allow' ? 'permit' : policy.verdict} anything: ${at(forbidden)} forbids all of it.`]
  const twin = all.find((one) => one !== policy && one.set === policy.set && one.verdict === policy.verdict && covers(one.json, policy.json) && (!covers(policy.json, one.json) || all.indexOf(one) < all.indexOf(policy)))
  // Two holds that overlap ask two groups of people: that may well be meant.
  if (twin !== undefined && (policy.set !== 'holds' || twin.approvers === policy.approvers)) return [`adds nothing to ${at(twin)}, which applies wherever it does.`]
  if (policy.set === 'enforced') return []
  if (policy.verdict === 'allow') return ['decides nothing and is not even recorded: a permit in shadow permits nothing.']
  const kinds = new Set(kindsOf(policy.json))
  const met = all.some((one) => one.set === 'enforced' && one.verdict === 'allow' && kindsOf(one.json).some((kind) => kinds.has(kind)))
  return met ? [] : [`never comes up: nothing of what it concerns is permitted, and what is not permitted is denied.`]
}

/** Names that the settings know nowhere, where the settings could. */
function strangers({ json, approvers }: ReadPolicy, loaded: Loaded): readonly string[] {
  const routes = new Set(loaded.llm.routes.map((one) => one.name))
  const tools = [...loaded.tools.byName.keys()]
  const groups = loaded.approvals.reviewers
  const named = literals(json)
  return [
    ...[...named.routes].filter((one) => !routes.has(one)).map((one) => `names the route "${one}", and no route of the settings is called so.`),
    ...(tools.length === 0 ? [] : [...named.tools].filter((one) => !tools.some((tool) => (tool.endsWith('*') ? one.startsWith(tool.slice(0, -1)) : tool === one))).map((one) => `names the tool "${one}", which tools: does not describe: it has no class, effects or labels.`)),
    ...(approvers === undefined || groups.size === 0 || groups.has(approvers) ? [] : [`is released by the group "${approvers}", which approvals.groups does not name.`]),
  ]
}

/** Routes and tools that a policy compares with by name. */
function literals(json: ReadPolicy['json']): { readonly routes: ReadonlySet<string>; readonly tools: ReadonlySet<string> } {
  const routes = new Set<string>()
  const tools = new Set<string>()
  const walk = (node: unknown, type: string | undefined): void => {
    if (typeof node !== 'object' || node === null) return
    const one = node as Readonly<Record<string, unknown>>
    const entity = (one['__entity'] ?? (typeof one['type'] === 'string' && typeof one['id'] === 'string' ? one : undefined)) as { readonly type: string; readonly id: string } | undefined
    if (entity !== undefined) void (entity.type === 'Route' ? routes : entity.type === 'Tool' ? tools : new Set<string>()).add(entity.id)
    const sides = one['=='] as { readonly left: unknown; readonly right: unknown } | undefined
    if (sides !== undefined) {
      const [path, value] = [pathOf(sides.left) ?? pathOf(sides.right), valueOf(sides.right) ?? valueOf(sides.left)]
      if (path === 'context.route' && value !== undefined) routes.add(value)
      if (path === 'resource.id' && type === 'Tool' && value !== undefined) tools.add(value)
    }
    for (const inner of Object.values(one)) walk(inner, type)
  }
  const types = new Set(kindsOf(json).map((one) => one.split(' ')[1]))
  walk(json, types.size === 1 ? [...types][0] : undefined)
  return { routes, tools }
}

function pathOf(node: unknown): string | undefined {
  const { Var: root, '.': access } = (node ?? {}) as { readonly Var?: string; readonly '.'?: { readonly left: unknown; readonly attr: string } }
  if (root !== undefined) return root
  const base = access === undefined ? undefined : pathOf(access.left)
  return base === undefined ? undefined : `${base}.${access?.attr ?? ''}`
}

function valueOf(node: unknown): string | undefined {
  const value = (node as { readonly Value?: unknown } | undefined)?.Value
  return typeof value === 'string' ? value : undefined
}
