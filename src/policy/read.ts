import { policySetTextToParts, policyToJson, validate, type DetailedError, type PolicyJson } from '@cedar-policy/cedar-wasm/nodejs'
import { DURATION, durationMs } from '../formats/units.ts'
import type { Schema } from './schema.ts'

export interface PolicyFile {
  readonly name: string
  readonly text: string
}

/** Why a policy folder does not load: where (line and column count from 1, in UTF-16 code units) and what was expected. */
export interface PolicyProblem {
  readonly file: string
  readonly line: number
  readonly column: number
  readonly message: string
  readonly expected?: string
}

/** Enforced decides; holds and shadow are sets apart, because Cedar itself knows neither (DESIGN §5). */
export type PolicySetName = 'enforced' | 'holds' | 'shadow'

export interface ReadPolicy {
  readonly id: string
  readonly set: PolicySetName
  /** What a satisfied shadow policy would have done. */
  readonly verdict: 'allow' | 'hold' | 'deny'
  readonly message?: string
  readonly approvers?: string
  /** Of a hold: how many people must agree, where it says so. */
  readonly reviewers?: number
  /** Of a hold: milliseconds that it waits for them, where it says so. */
  readonly holdMs?: number
  readonly text: string
  readonly json: PolicyJson
  readonly file: string
  readonly line: number
}

const MAX_FILE = 1_048_576
const MAX_POLICIES = 20_000
const ID = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,95}$/

/** Ids that begin so belong to the house: a policy folder can neither define nor replace them. */
export const RESERVED = 'builtin.'

/** Annotation names that mean something. Any other is a typing error that would silently change what is decided. */
const ANNOTATIONS = new Set(['id', 'verdict', 'mode', 'approvers', 'reviewers', 'timeout', 'message', 'description'])
/** These say how a hold is asked about, so they mean nothing elsewhere. */
const OF_HOLDS = ['approvers', 'reviewers', 'timeout'] as const
const SHORTEST_HOLD = 1_000
const LONGEST_HOLD = 86_400_000

/** Reads, checks and validates every file; gives all problems at once, or the policies in the order of the files. */
export function readPolicies(files: readonly PolicyFile[], schema: Schema, reserved = true): readonly ReadPolicy[] | { readonly problems: readonly PolicyProblem[] } {
  const problems: PolicyProblem[] = []
  const policies: ReadPolicy[] = []
  const seen = new Map<string, ReadPolicy>()
  for (const file of files) {
    if (file.text.length > MAX_FILE) {
      problems.push({ file: file.name, line: 1, column: 1, message: `the file is longer than ${MAX_FILE} characters` })
      continue
    }
    for (const policy of readFile(file, problems)) {
      const at = { file: policy.file, line: policy.line, column: 1 }
      const twin = seen.get(policy.id)
      if (twin !== undefined) problems.push({ ...at, message: `the id "${policy.id}" is taken by ${twin.file}:${twin.line}`, expected: 'an id that no other policy has' })
      if (reserved && policy.id.startsWith(RESERVED)) problems.push({ ...at, message: `ids that begin with "${RESERVED}" are reserved` })
      seen.set(policy.id, policy)
      policies.push(policy)
    }
  }
  if (policies.length > MAX_POLICIES) problems.push({ file: files[0]?.name ?? '', line: 1, column: 1, message: `more than ${MAX_POLICIES} policies` })
  if (problems.length === 0) problems.push(...unsound(policies, schema))
  return problems.length > 0 ? { problems } : policies
}

function readFile(file: PolicyFile, problems: PolicyProblem[]): readonly ReadPolicy[] {
  const parts = policySetTextToParts(file.text)
  if (parts.type === 'failure') {
    problems.push(...parts.errors.map((error) => problemOf(file, 0, error)))
    return []
  }
  for (const template of parts.policy_templates) {
    problems.push({ file: file.name, ...position(file.text, Math.max(0, file.text.indexOf(template))), message: 'templates (?principal, ?resource) are not supported', expected: 'a policy without slots' })
  }
  const starts = locate(file.text, parts.policies)
  const read: ReadPolicy[] = []
  for (const [index, text] of parts.policies.entries()) {
    const start = starts[index] as number
    const json = policyToJson(text)
    if (json.type === 'failure') problems.push(...json.errors.map((error) => problemOf(file, start, error)))
    else {
      const policy = classify(file, start, text, json.json, problems)
      if (policy !== undefined) read.push(policy)
    }
  }
  return read.sort((a, b) => a.line - b.line)
}

/**
 * Offsets of the parts in the file: Cedar gives them verbatim but sorted by its own numbering. The longest are looked for
 * first, because the text of one may stand within another that has annotations besides.
 */
function locate(text: string, parts: readonly string[]): readonly number[] {
  const taken: (readonly [from: number, to: number])[] = []
  const starts = new Map<number, number>()
  for (const [index, part] of [...parts.entries()].sort(([, a], [, b]) => b.length - a.length)) {
    let at = text.indexOf(part)
    while (at >= 0 && (taken.some(([from, to]) => at < to && at + part.length > from) || isCommented(text, at))) at = text.indexOf(part, at + 1)
    // Only where a line that looks like a comment is none: then its first place is near enough.
    if (at < 0) at = Math.max(0, text.indexOf(part))
    taken.push([at, at + part.length])
    starts.set(index, at)
  }
  return parts.map((_, index) => starts.get(index) as number)
}

function isCommented(text: string, at: number): boolean {
  return text.slice(text.lastIndexOf('\n', at - 1) + 1, at).trimStart().startsWith('//')
}

function classify(file: PolicyFile, start: number, text: string, json: PolicyJson, problems: PolicyProblem[]): ReadPolicy | undefined {
  const annotations = new Map(Object.entries(json.annotations ?? {}).map(([name, value]) => [name, (value as string | null) ?? '']))
  let sound = true
  const wrong = (name: string, message: string, expected: string): void => {
    sound = false
    const inside = name === '' ? 0 : Math.max(0, text.search(new RegExp(`@\\s*${name}\\b`)))
    problems.push({ file: file.name, ...position(file.text, start + inside), message, expected })
  }
  for (const name of annotations.keys()) {
    if (!ANNOTATIONS.has(name)) wrong(name, `unknown annotation @${name}`, [...ANNOTATIONS].map((one) => `@${one}`).join(', '))
  }
  const id = annotations.get('id')
  if (id === undefined) wrong('', 'the policy has no @id', '@id("a-unique-name")')
  else if (!ID.test(id)) wrong('id', `"${id}" cannot be an id`, '1 to 96 of A-Z a-z 0-9 . _ : -, beginning with a letter or digit')
  const verdict = annotations.get('verdict')
  const mode = annotations.get('mode')
  const forbids = json.effect === 'forbid'
  if (verdict !== undefined && verdict !== 'hold') wrong('verdict', `"${verdict}" is not a verdict`, '@verdict("hold"), or no @verdict for a plain forbid')
  if (verdict !== undefined && !forbids) wrong('verdict', '@verdict stands on a permit', '@verdict("hold") on a forbid')
  if (mode !== undefined && mode !== 'shadow') wrong('mode', `"${mode}" is not a mode`, '@mode("shadow"), or no @mode to enforce')
  for (const name of OF_HOLDS) {
    if (annotations.has(name) && verdict === undefined) wrong(name, `@${name} stands on a policy that does not hold`, '@verdict("hold") beside it')
  }
  if (annotations.get('approvers') === '') wrong('approvers', '@approvers is empty', '@approvers("name of a group")')
  const reviewers = annotations.get('reviewers')
  if (reviewers !== undefined && !/^[1-5]$/.test(reviewers)) wrong('reviewers', `"${reviewers}" is no number of reviewers`, '@reviewers("1") to @reviewers("5")')
  const timeout = annotations.get('timeout')
  const holdMs = timeout === undefined ? undefined : DURATION.test(timeout) ? durationMs(timeout) : Number.NaN
  if (holdMs !== undefined && !(holdMs >= SHORTEST_HOLD && holdMs <= LONGEST_HOLD)) wrong('timeout', `"${timeout ?? ''}" is no time to wait`, '@timeout("1s") to @timeout("24h")')
  if (annotations.has('message') && !forbids) wrong('message', '@message stands on a permit', '@message on a forbid')
  if (annotations.get('message') === '') wrong('message', '@message is empty', '@message("a sentence that callers may see")')
  if (!sound || id === undefined) return undefined
  const message = annotations.get('message')
  const approvers = annotations.get('approvers')
  return {
    id,
    set: mode === 'shadow' ? 'shadow' : verdict === 'hold' ? 'holds' : 'enforced',
    verdict: !forbids ? 'allow' : verdict === 'hold' ? 'hold' : 'deny',
    ...(message !== undefined && { message }),
    ...(approvers !== undefined && { approvers }),
    ...(reviewers !== undefined && { reviewers: Number(reviewers) }),
    ...(holdMs !== undefined && { holdMs }),
    text,
    json,
    file: file.name,
    line: position(file.text, start).line,
  }
}

/** Strict validation of all policies, shadow ones too: a shadow policy that cannot work would prove nothing. */
function unsound(policies: readonly ReadPolicy[], schema: Schema): readonly PolicyProblem[] {
  const byId = new Map(policies.map((policy) => [policy.id, policy]))
  const answer = validate({
    validationSettings: { mode: 'strict' },
    schema: schema.json,
    policies: { staticPolicies: Object.fromEntries(policies.map((policy) => [policy.id, policy.text])) },
  })
  if (answer.type === 'failure') return answer.errors.map((error) => problemOf({ name: 'schema', text: '' }, 0, error))
  return answer.validationErrors.map(({ policyId, error }) => {
    const policy = byId.get(policyId)
    if (policy === undefined) return problemOf({ name: policyId, text: '' }, 0, error)
    const problem = problemOf({ name: policy.file, text: policy.text }, 0, error)
    const message = problem.message.replace(/^for policy `[^`]*`, /, '')
    return { ...problem, message: `${policyId}: ${message}`, line: problem.line + policy.line - 1 }
  })
}

function problemOf(file: PolicyFile, start: number, error: DetailedError): PolicyProblem {
  const label = error.sourceLocations?.[0]
  const offset = label === undefined ? 0 : Buffer.from(file.text.slice(start), 'utf8').subarray(0, label.start).toString('utf8').length
  const expected = label?.label ?? error.help
  return {
    file: file.name,
    ...position(file.text, start + offset),
    message: error.message,
    ...(expected !== null && expected !== undefined && { expected: expected.replace(/^expected /, '') }),
  }
}

function position(text: string, offset: number): { readonly line: number; readonly column: number } {
  let line = 1
  let from = 0
  for (let at = text.indexOf('\n'); at !== -1 && at < offset; at = text.indexOf('\n', at + 1)) {
    line += 1
    from = at + 1
  }
  return { line, column: offset - from + 1 }
}
