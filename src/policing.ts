import { existsSync, statSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { isLoaded, loadConfig, type Loaded } from './config/load.ts'
import { problemLine, type Problem } from './config/problem.ts'
import type { Action } from './contract/exchange.ts'
import { isFlowPolicy } from './contract/flow.ts'
import type { Question } from './contract/policy.ts'
import type { Principal, Proof } from './contract/principal.ts'
import type { Receipt } from './contract/receipt.ts'
import { readPolicyFolders, shippedPolicy } from './policy/folder.ts'
import { loadPolicy, type Policy } from './policy/load.ts'
import type { PolicyFile, PolicyProblem } from './policy/read.ts'
import type { Extras } from './policy/schema.ts'
import { makeTracer, type Tracer } from './policy/trace.ts'

type Env = Readonly<Record<string, string | undefined>>

/** A set of policies with what it may read, as somebody named it. */
export interface Rulebook {
  /** As it was named. */
  readonly name: string
  readonly files: readonly PolicyFile[]
  readonly extras: Extras
  readonly policy: Policy
  /** The same policies, to be asked one by one. */
  readonly tracer: Tracer
}

/** Policies that do not load: every problem, as `sallyport check` shows them. */
export class BadPolicies extends Error {
  readonly problems: readonly Problem[]
  constructor(problems: readonly Problem[]) {
    super(problems.map(problemLine).join('\n'))
    this.problems = problems
  }
}

/** The policies that settings name. @throws {BadPolicies} */
export async function configuredRulebook(loaded: Loaded): Promise<Rulebook> {
  const folders = (loaded.policy.folders ?? [shippedPolicy]).map((one) => resolve(loaded.base, one))
  try {
    return rulebookOf(loaded.file ?? 'the embedded settings', await readPolicyFolders(folders), loaded.policy.extras)
  } catch (error) {
    if (error instanceof BadPolicies) throw error
    throw new BadPolicies([{ file: loaded.file ?? 'embedded settings', ...loaded.place(['policy', 'folders']), path: 'policy.folders', message: (error as Error).message }])
  }
}

/**
 * Policies as people name them: a folder, a `.cedar` file, `shipped`, `starter:NAME`, or a settings file, whose own
 * declarations then count instead of `extras`. @throws {BadPolicies}
 */
export async function namedRulebook(names: readonly string[], base: string, extras: Extras, env: Env): Promise<Rulebook> {
  const [only, ...others] = names
  if (only !== undefined && others.length === 0 && /\.ya?ml$/.test(only)) {
    const loaded = loadConfig(resolve(base, only), env)
    if (!isLoaded(loaded)) throw new BadPolicies(loaded)
    return { ...(await configuredRulebook(loaded)), name: only }
  }
  const paths = names.map((name) => pathOf(name, base))
  return rulebookOf(names.join(', '), await readPolicyFolders(paths), extras)
}

function pathOf(name: string, base: string): string {
  const starter = /^starter:([a-z0-9-]+)$/.exec(name)?.[1]
  const path = name === 'shipped' ? shippedPolicy : starter === undefined ? resolve(base, name) : join(shippedPolicy, 'starters', `${starter}.cedar`)
  const wrong = (message: string): BadPolicies => new BadPolicies([{ file: name, line: 0, column: 0, path: '', message }])
  if (!existsSync(path)) throw wrong(starter === undefined ? 'there is no such file or folder.' : 'there is no such starter.')
  if (!path.endsWith('.cedar') && !statSync(path).isDirectory()) throw wrong('is neither a folder nor a .cedar file.')
  return path
}

function rulebookOf(name: string, files: readonly PolicyFile[], extras: Extras): Rulebook {
  const policy = loadPolicy(files, extras)
  if (!('authorize' in policy)) throw new BadPolicies(policyProblems(policy))
  const tracer = makeTracer(files, extras)
  if (!('trace' in tracer)) throw new BadPolicies(policyProblems(tracer))
  return { name, files, extras, policy, tracer }
}

/** As settings' problems are told. Cedar reports a mistake once for every action that it concerns: it stands once. */
export function policyProblems(found: readonly PolicyProblem[]): readonly Problem[] {
  const first = new Map(found.toReversed().map((one) => [`${one.file}:${one.line}:${one.column}`, one]))
  return [...first.values()].toReversed().map(({ file, line, column, message, expected }) => ({ file, line, column, path: '', message, ...(expected !== undefined && { hint: `(${expected})` }) }))
}

export type Verdict = 'allow' | 'hold' | 'deny'

/** One decision of the past that can be decided again. */
export interface Recorded {
  /** The exchange, or the name of a question that was written down. */
  readonly id: string
  readonly question: Question
  readonly then: Verdict
}

/**
 * Why a receipt cannot be decided again. `not asked`: it was refused before policy was asked, or is of an exchange
 * that no policy decides · `not recorded`: it was written before receipts said what policy was asked · `shortened`:
 * it was too large to keep whole.
 */
export type Unreplayable = 'not asked' | 'not recorded' | 'shortened'

/** What policy was asked in an exchange: one question for each target. */
export function recordedOf(receipt: Receipt): readonly Recorded[] | Unreplayable {
  const { asked, approval, context } = receipt
  if (receipt.trimmed === true) return 'shortened'
  if (asked === undefined) return Object.keys(context).length === 0 ? 'not asked' : 'not recorded'
  const principal = principalOf(receipt, asked.principal)
  const released = approval?.verdict === 'released' && approval.policies.some((policy) => !isFlowPolicy(policy))
  return asked.targets.map(({ resource, role, verdict, own }) => ({
    id: receipt.exchange,
    question: { principal, action: receipt.action as Action, resource, context: { ...context, role } },
    // What a person released was held: other policies are compared with what policy itself had said, without flow.
    then: own ?? (released && verdict === 'allow' ? 'hold' : verdict),
  }))
}

function principalOf(receipt: Receipt, asked: NonNullable<Receipt['asked']>['principal']): Principal {
  return {
    tenant: receipt.tenant,
    workload: receipt.workload,
    chain: receipt.chain,
    ...(receipt.vouched && { vouched: receipt.vouched.map(proofOf) }),
    ...asked,
    proof: proofOf(receipt.proof),
  }
}

function proofOf(text: string): Proof {
  const at = text.indexOf(':')
  return at < 0 ? { kind: 'none', id: text } : { kind: text.slice(0, at) as Proof['kind'], id: text.slice(at + 1) }
}

/** Who asked, on one line: `acme/key:abc for ann`. */
export function askerOf({ principal }: Question): string {
  const [user] = principal.chain
  return `${principal.tenant}/${principal.workload}${user === undefined ? '' : ` for ${user}`}`
}

export function resourceOf({ resource }: Question): string {
  return `${resource.type}::${resource.id}`
}

/** Recorded decisions of one kind that come out differently. */
export interface Change {
  readonly then: Verdict
  readonly now: Verdict
  readonly action: string
  readonly resource: string
  readonly principal: string
  /** Policies that decide now; `error: …` where an evaluation error denies. */
  readonly policies: readonly string[]
  readonly count: number
  /** Exchanges, in the order in which they were read, without repeats; at most `MOST_IDS`. */
  readonly exchanges: readonly string[]
}

/** How many decisions changed, by what was asked. */
export interface Changes {
  readonly asked: number
  readonly changed: number
  readonly changes: readonly Change[]
  readonly by: Readonly<Record<'action' | 'resource' | 'principal', Readonly<Record<string, number>>>>
  /** More kinds of change than are kept apart: the rest is counted in `changed` alone. */
  readonly left: number
}

const MOST_IDS = 1000
const MOST_CHANGES = 10_000

/** Collects decisions that come out differently, group by group; its memory is bounded however long the record is. */
export function tally(): { take(recorded: Recorded, then: Verdict, now: { readonly verdict: Verdict; readonly policies: readonly string[]; readonly errors: readonly string[] }): void; result(): Changes } {
  const groups = new Map<string, Omit<Change, 'count' | 'exchanges'> & { count: number; exchanges: Set<string> }>()
  let asked = 0
  let changed = 0
  let left = 0
  return {
    take({ id, question }, then, { verdict, policies, errors }) {
      asked++
      if (then === verdict) return
      changed++
      const deciding = verdict === 'deny' && errors.length > 0 ? errors.map((one) => `error: ${one}`) : policies
      const kind = { then, now: verdict, action: question.action, resource: resourceOf(question), principal: askerOf(question), policies: deciding }
      const key = JSON.stringify(Object.values(kind))
      let group = groups.get(key)
      if (group === undefined) {
        if (groups.size >= MOST_CHANGES) return void left++
        groups.set(key, (group = { ...kind, count: 0, exchanges: new Set() }))
      }
      group.count++
      if (group.exchanges.size < MOST_IDS) group.exchanges.add(id)
    },
    result() {
      const changes = [...groups.values()].map((one) => ({ ...one, exchanges: [...one.exchanges] })).sort((a, b) => b.count - a.count)
      const by = { action: sums(changes, 'action'), resource: sums(changes, 'resource'), principal: sums(changes, 'principal') }
      return { asked, changed, changes, by, left }
    },
  }
}

function sums(changes: readonly Change[], field: 'action' | 'resource' | 'principal'): Readonly<Record<string, number>> {
  const found = new Map<string, number>()
  for (const one of changes) found.set(one[field], (found.get(one[field]) ?? 0) + one.count)
  return Object.fromEntries([...found].sort(([, a], [, b]) => b - a))
}

/** A policy of two rulebooks compared by its id. */
export interface Edited {
  readonly id: string
  readonly how: 'added' | 'removed' | 'changed'
  /** `file:line` of the new one, or of the old one where it is gone. */
  readonly at: string
}

/** What was edited between two rulebooks. White space and comments are no change. */
export function editsOf(before: Rulebook, after: Rulebook): readonly Edited[] {
  const texts = (book: Rulebook): Map<string, { readonly json: string; readonly at: string }> =>
    new Map(book.tracer.policies.map(({ id, json, file, line }) => [id, { json: JSON.stringify(json), at: `${basename(file)}:${line}` }]))
  const [old, fresh] = [texts(before), texts(after)]
  const removed = [...old].filter(([id]) => !fresh.has(id)).map(([id, { at }]) => ({ id, how: 'removed' as const, at }))
  const others = [...fresh].flatMap(([id, { json, at }]): readonly Edited[] => {
    const was = old.get(id)
    return was === undefined ? [{ id, how: 'added', at }] : was.json === json ? [] : [{ id, how: 'changed', at }]
  })
  return [...removed, ...others]
}
