import type { HoldRequest, ReleasedHow } from '../contract/approval.ts'
import type { Shown, ShownValue } from '../contract/shown.ts'
import type { Clock } from '../contract/clock.ts'
import { standsFor } from '../contract/flow.ts'
import type { Question } from '../contract/policy.ts'
import { canonicalJson } from '../formats/canonical.ts'
import type { Approvals, ConsentRow } from '../store/interfaces.ts'
import type { Standing } from './desk.ts'
import { sensitivityOf, type Consent, type Marks, type Sealed } from './question.ts'

/** A rule, ready to be asked. Compiled under one epoch: its schema may change with the next. */
export interface Rule {
  /** Whether the permit covers this question. Never throws. */
  matches(question: Question): boolean
}

/** @throws {Error} whose message says what is wrong with the text. */
export type CompileRule = (text: string) => Rule

/** Each is asked about whatever is held. */
export const MOST_RULES = 64
/** Of one tenant, all kinds. */
export const MOST_STANDING = 1000
const MOST_COMPILED = 512

/** A standing consent that covers a request. */
export interface Release {
  readonly approval: string
  readonly how: ReleasedHow
  readonly by: readonly string[]
  readonly group?: string
  /** Of values: until when they are released. */
  readonly until?: number
}

export interface ConsentDeps {
  readonly store: Pick<Approvals, 'found' | 'use'>
  readonly sealed: Sealed
  readonly marks: Marks
  readonly clock: Clock
  readonly rule: CompileRule
  readonly epoch: () => { readonly id: string }
}

/** Finds what people consented to before: an unused grant, else the task, else the values, else a rule. */
export function makeConsents({ store, sealed, marks, clock, rule, epoch }: ConsentDeps) {
  let compiled = new Map<string, Rule | undefined>()
  let under = ''

  function compiledRule(row: ConsentRow, text: string): Rule | undefined {
    if (under !== epoch().id) {
      compiled = new Map()
      under = epoch().id
    }
    const known = `${row.tenant}/${row.id}`
    if (compiled.has(known)) return compiled.get(known)
    let made: Rule | undefined
    try {
      made = rule(text)
    } catch {
      // It no longer fits the schema: whatever it covered is asked about again.
    }
    if (compiled.size >= MOST_COMPILED) compiled.clear()
    compiled.set(known, made)
    return made
  }

  return {
    /** `needed`: how many people must have agreed. @throws {StoreError} and whatever `show` throws */
    async release(request: HoldRequest, bound: string, shown: () => Shown, needed: number): Promise<Release | undefined> {
      const { principal, action, held } = request
      const question: Question = { principal, action, resource: held.resource, context: held.context }
      const { tenant, task } = principal
      const sink = shown().class
      const tasks = [marks.task(question, task), marks.task(question, undefined)]
      const values = sink === undefined ? [] : [marks.value(principal, task, sink)]
      const rows = await store.found(tenant, [...new Set([bound, ...tasks, ...values, marks.rule(tenant)])], clock.wall())
      const opened = rows.map((row) => ({ row, consent: sealed.open<Consent>(tenant, row.id, row.content) }))
        // What the policies of now ask of another group, or of more people than agreed then, is asked anew.
        .filter(({ consent }) => held.decision.policies.every((id) => consent.policies.includes(id)) && consent.group === held.decision.approvers && consent.by.length >= needed)
      const of = (kind: ConsentRow['kind']) => opened.filter((one) => one.row.kind === kind)
      const given = ({ consent }: { readonly consent: Consent }, how: ReleasedHow): Release =>
        ({ approval: consent.approval, how, by: consent.by, ...(consent.group !== undefined && { group: consent.group }) })

      for (const one of of('grant')) {
        if (await store.use(tenant, one.row.id, clock.wall())) return given(one, 'grant')
      }
      const sensitivity = sensitivityOf(question)
      const covered = ({ consent }: { readonly consent: Consent }): boolean => sensitivity <= (consent.sensitivity ?? 0)
      const stands = standsFor(held.decision.policies)
      const forTask = stands === 'anything' ? of('task').find(covered) : undefined
      if (forTask !== undefined) return given(forTask, 'task')
      const endorsed = stands === 'once' ? [] : of('value').filter(covered)
      const used = endorsed.length === 0 ? undefined : endorsing(shown().values, endorsed)
      if (used !== undefined) return { ...given(used[0], 'value'), by: [...new Set(used.flatMap(({ consent }) => consent.by))], until: Math.min(...used.map(({ row }) => row.until)) }
      if (stands !== 'anything') return undefined
      const ruled = of('rule').find(({ row, consent }) => compiledRule(row, consent.text ?? '')?.matches(question) === true)
      return ruled === undefined ? undefined : given(ruled, 'rule')
    },
    /** Drops what is in memory of rules. */
    forget: (): void => compiled.clear(),
  }
}

export type Consents = ReturnType<typeof makeConsents>

/** What an argument is called, whatever its place in a list: an endorsed value stays one when it moves. */
function nameIn({ path }: Pick<ShownValue, 'path'>): string {
  return path.split('.').filter((part) => !/^\d+$/.test(part)).join('.')
}

function valueKey(one: Pick<ShownValue, 'path' | 'value'>): string {
  return canonicalJson([nameIn(one), one.value])
}

/** The endorsements that together name every control value; undefined when one is missing, or there is none to name. */
function endorsing<T extends { readonly consent: Consent }>(values: readonly ShownValue[], endorsed: readonly T[]): readonly [T, ...T[]] | undefined {
  const named = new Set(values.filter((one) => one.control).map(nameIn))
  const byValue = new Map<string, T>()
  // One that is left out is not what was endorsed: the tool fills in its own.
  for (const one of endorsed.filter(({ consent }) => consent.values?.every((value) => named.has(nameIn(value))))) for (const value of one.consent.values ?? []) byValue.set(valueKey(value), one)
  const used: T[] = []
  for (const value of values) {
    if (!value.control) continue
    const by = byValue.get(valueKey(value))
    if (by === undefined) return undefined
    if (!used.includes(by)) used.push(by)
  }
  const [first, ...more] = used
  return first === undefined ? undefined : [first, ...more]
}

/** What a reviewer is told of it. */
export function standingOf(row: ConsentRow, consent: Consent): Standing {
  const { principal, approval, by, policies, task, action, resource, values, text } = consent
  return {
    id: row.id,
    kind: row.kind,
    tenant: row.tenant,
    approval,
    by,
    since: row.created,
    until: row.until,
    policies,
    // A rule is about whoever it matches, not about who asked first.
    ...(row.kind !== 'rule' && { workload: principal.workload, chain: principal.chain }),
    ...(task !== undefined && { task }),
    ...(action !== undefined && { action: action as NonNullable<Standing['action']> }),
    ...(resource !== undefined && { resource }),
    ...(consent.class !== undefined && { class: consent.class }),
    ...(values !== undefined && { values }),
    ...(text !== undefined && { text }),
    ...(row.uses !== undefined && { left: row.uses }),
  }
}
