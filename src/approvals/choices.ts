import { standsFor } from '../contract/flow.ts'
import type { ShownValue } from '../contract/shown.ts'
import { canonicalJson } from '../formats/canonical.ts'
import type { CompileRule } from './consents.ts'
import { DeskError, type Choice, type Reviewer } from './desk.ts'
import { needAuthor } from './people.ts'
import { resourceOf, sensitivityOf, type Consent, type Content, type Marks } from './question.ts'
import type { ApprovalsSettings } from './settings.ts'
import type { ConsentRow } from '../store/interfaces.ts'

/** Longer rules are programs, and nobody reads those before agreeing. */
const RULE_CHARS = 16 * 1024
const RULE_LONGEST_MS = 365 * 86_400_000
const MESSAGE_CHARS = 500
const SHORTEST_MS = 1000
const VALUES = 64

/** A choice with every default filled in, so that two people's can be compared. */
export type Settled = Choice & { readonly forMs?: number }

export interface ChoiceDeps {
  readonly settings: ApprovalsSettings
  readonly rule: CompileRule
}

/**
 * Whether this choice can be made about that action, and with what defaults. `waiting`: how many calls the reviewer was
 * shown, undefined when it never looked.
 * @throws {DeskError} `invalid` or `forbidden` with what to do instead.
 */
export function settleChoice(choice: Choice, reviewer: Reviewer, { facts, shown }: Content, waiting: number | undefined, { settings, rule }: ChoiceDeps): Settled {
  switch (choice.kind) {
    case 'once': {
      const { calls = 1 } = choice
      const most = Math.max(1, waiting ?? 0)
      if (!Number.isInteger(calls) || calls < 1) throw invalid('The number of calls is a whole number from 1.')
      if (calls > most) throw invalid(most === 1 ? 'You were shown one waiting call: more cannot be approved at once.' : `You were shown ${most} waiting calls: more cannot be approved at once.`)
      return { kind: 'once', calls }
    }
    case 'task': {
      if (standsFor(facts.policies) !== 'anything') throw invalid('What flow holds is released by its values, not for a task. Endorse them, or approve it once.')
      const { task } = facts.question.principal
      if (task === undefined && choice.anyTask !== true) throw invalid('This caller has no task to bind the approval to. Approve it once, or for whatever the caller does (any task).')
      return { kind: 'task', forMs: lasting(choice.forMs ?? settings.taskMaxMs, settings.taskMaxMs, 'An approval for a task'), ...(choice.anyTask === true && { anyTask: true }) }
    }
    case 'value': {
      if (standsFor(facts.policies) === 'once') throw invalid('It is held for more than whom or what it acts on, which no endorsement covers. Approve it once.')
      if (shown.class === undefined) throw invalid('Configuration gives this tool no class, so there is nothing that its values could be endorsed for. Approve it once.')
      const control = controlOf(shown.values)
      if (control.length === 0) throw invalid('The action has no value that says whom or what it acts on. Approve it once.')
      if (control.length > VALUES) throw invalid(`The action has more than ${VALUES} such values. Approve it once.`)
      const paths = [...new Set(choice.paths)].sort()
      const other = paths.find((path) => !control.some((one) => one.path === path))
      if (other !== undefined) throw invalid(`\`${other}\` is no value that says whom or what the action acts on.`)
      const left = control.filter((one) => !paths.includes(one.path)).map((one) => `\`${one.path}\``)
      if (left.length > 0) throw invalid(`The action also acts on ${left.join(', ')}: endorse that too, or approve it once.`)
      return { kind: 'value', paths, forMs: lasting(choice.forMs ?? settings.taskMaxMs, settings.taskMaxMs, 'An endorsement') }
    }
    case 'rule': {
      needAuthor(reviewer)
      if (standsFor(facts.policies) !== 'anything') throw invalid('What flow holds is released by no rule. Endorse its values, or approve it once.')
      const { text } = choice
      checkRule(text, rule)
      const forMs = lasting(choice.forMs, RULE_LONGEST_MS, 'A rule')
      if (!rule(text).matches(facts.question)) throw invalid('The rule does not cover this action. Edit it until it does, or decide otherwise.')
      return { kind: 'rule', text, forMs }
    }
    case 'deny':
    case 'end': {
      const message = choice.message?.trim()
      if (message !== undefined && (message.length > MESSAGE_CHARS || /[\p{Cc}\p{Cs}\u202a-\u202e\u2066-\u2069]/u.test(message))) throw invalid(`A message is one line of at most ${MESSAGE_CHARS} characters.`)
      return { kind: choice.kind, ...(message !== undefined && message !== '' && { message }) }
    }
  }
}

/** @throws {DeskError} `invalid` with what the compiler says. */
export function checkRule(text: string, rule: CompileRule): void {
  if (text.length > RULE_CHARS) throw invalid(`A rule has at most ${RULE_CHARS} characters.`)
  try {
    rule(text)
  } catch (error) {
    throw invalid(`The rule does not stand: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** @throws {DeskError} `invalid` for what no rule may last. */
export function ruleLasts(forMs: number): number {
  return lasting(forMs, RULE_LONGEST_MS, 'A rule')
}

export function sameChoice(a: Choice, b: Choice): boolean {
  return canonicalJson(a) === canonicalJson(b)
}

export function isConsent(choice: Choice): boolean {
  return choice.kind !== 'deny' && choice.kind !== 'end'
}

/** What stands from a choice besides the calls that it takes along; undefined where nothing does. */
export function consentOf(choice: Settled, { facts, shown }: Content, uses: number, marks: Marks, bound: string, settings: ApprovalsSettings):
  { readonly kind: ConsentRow['kind']; readonly key: string; readonly lastsMs: number; readonly uses?: number; readonly more: Partial<Consent> } | undefined {
  const { principal, action, resource } = facts.question
  const { task } = principal
  const about = { action, resource: resourceOf(resource), ...(task !== undefined && { task }) }
  const sensitivity = sensitivityOf(facts.question)
  const lastsMs = choice.forMs ?? 0
  switch (choice.kind) {
    case 'once':
      return uses === 0 ? undefined : { kind: 'grant', key: bound, lastsMs: settings.grantMs, uses, more: about }
    case 'task': {
      const of = choice.anyTask === true ? undefined : task
      return { kind: 'task', key: marks.task(facts.question, of), lastsMs, more: { action, resource: about.resource, sensitivity, ...(of !== undefined && { task: of }) } }
    }
    case 'value':
      return {
        kind: 'value', key: marks.value(principal, task, shown.class as string), lastsMs,
        more: { sensitivity, class: shown.class as string, values: controlOf(shown.values).map(({ path, value }) => ({ path, value })), ...(task !== undefined && { task }) },
      }
    case 'rule':
      return { kind: 'rule', key: marks.rule(principal.tenant), lastsMs, more: { text: choice.text } }
    case 'deny':
      return undefined
    case 'end':
      return { kind: 'end', key: marks.caller(principal), lastsMs: settings.endedMs, more: { ...(task !== undefined && { task }), ...(choice.message !== undefined && { message: choice.message }) } }
  }
}

function controlOf(values: readonly ShownValue[]): readonly ShownValue[] {
  return values.filter((one) => one.control)
}

function lasting(forMs: number, longest: number, what: string): number {
  if (!Number.isInteger(forMs) || forMs < SHORTEST_MS) throw invalid(`${what} lasts a second at least.`)
  if (forMs > longest) throw invalid(`${what} lasts at most ${longest / 3_600_000} hours.`)
  return forMs
}

function invalid(message: string): DeskError {
  return new DeskError('invalid', message)
}
