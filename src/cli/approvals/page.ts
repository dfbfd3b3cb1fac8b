import type { ShownValue } from '../../contract/shown.ts'
import type { ApprovalSummary, ApprovalView, Matches, Similar } from '../../approvals/desk.ts'
import { moment, quoted, visible } from '../show.ts'

/**
 * Everything about an approval, for one who has to decide. Whatever an agent, a model or a page on the web wrote is
 * quoted and escaped: this is read on a terminal, by the one person whom an attacker wants to mislead.
 */
export function pageOf(one: ApprovalView, now: number): string {
  const { shown, barred, suggestion } = one
  const parts = [
    heading(one, now),
    lines([
      ['does', `${one.action} ${one.resource}`],
      ['agent', [one.agent, one.workload].filter((name) => name !== undefined).join(', as ')],
      ['user', one.chain[0] ?? 'nobody: it acts for itself'],
      ...(one.chain.length > 1 ? [['acts for', one.chain.join(', for ')] as const] : []),
      ...(one.task === undefined ? [] : [['task', one.task] as const]),
      ['asked for', shown?.task === undefined ? 'unknown' : quoted(shown.task)],
      ['held by', `${one.policies.join(', ')}${one.message === undefined ? '' : `: ${one.message}`}`],
      ...(shown?.why ?? []).map((it) => ['because', it] as const),
      ...one.findings.map((it) => ['found', `${it.guardrail}/${it.category} ${it.score} in ${it.origin}`] as const),
      ['touches', touches(one)],
      ['undo', shown?.undo ?? 'unknown'],
      ['receipt', `${one.exchange} on route ${one.route}`],
    ]),
    shown === undefined ? 'What it says was erased.\n' : `Arguments${shown.values.some((it) => it.control) ? ' (* says whom or what it acts on)' : ''}\n${[...shown.values].sort((a, b) => Number(b.control) - Number(a.control)).map(argument).join('')}`,
    ...(shown === undefined ? [] : [`Exactly\n  ${visible(shown.body)}\n`]),
    similarText(one.similar),
    ...(suggestion === undefined ? [] : [`Suggested rule: ${matchedText(suggestion.would)}\n${indented(suggestion.text)}${matchLines(suggestion.would, one.id)}`]),
    ending(one, barred),
  ]
  return parts.join('\n')
}

function heading(one: ApprovalSummary, now: number): string {
  const state = one.state === 'pending' ? `waits, ${leftText(one.expires - now)} left` : one.state
  const calls = one.waiting > 1 ? `, ${one.waiting} calls wait` : ''
  return `Approval ${visible(one.id)}: ${state}${calls}\n`
}

function lines(rows: readonly (readonly [string, string])[]): string {
  return rows.map(([name, value]) => `  ${name.padEnd(10)} ${visible(value)}\n`).join('')
}

function touches({ effects, shown, attributes }: ApprovalView): string {
  const facts = Object.entries(attributes ?? {}).map(([name, value]) => `${name} ${Array.isArray(value) ? value.join(' ') : String(value)}`)
  return [...(shown?.class === undefined ? ['a tool of no known class'] : [shown.class]), ...effects, ...facts].join(', ')
}

function argument({ path, value, control, sources }: ShownValue): string {
  const shown = typeof value === 'string' ? quoted(value) : String(value)
  const from = sources.length === 0 ? ['no text that was seen here holds it'] : sources.map((it) => `from ${it.origin}, text ${it.segment}: ${quoted(it.excerpt)}`)
  const odd = control && typeof value === 'string' ? foreign(value) : undefined
  return [`  ${control ? '*' : ' '} ${visible(path)} = ${shown}`, ...from.map((text) => `      ${text}`), ...(odd === undefined ? [] : [`      careful: ${odd}`])].map((text) => `${text}\n`).join('')
}

/** Letters that look like others: `раypal.com` may hold Cyrillic ones. */
function foreign(value: string): string | undefined {
  const found = [...new Set(value)].filter((char) => (char.codePointAt(0) as number) > 0x7f)
  if (found.length === 0) return undefined
  const named = found.slice(0, 8).map((char) => `${visible(char)} (U+${(char.codePointAt(0) as number).toString(16).toUpperCase().padStart(4, '0')})`)
  return `it has characters outside ASCII: ${named.join(', ')}${found.length > 8 ? ' …' : ''}`
}

function similarText({ approved, denied, expired, last }: Similar): string {
  if (approved + denied + expired === 0) return 'Nothing like it was decided before.\n'
  const rows = last.map((it) => `  ${moment(it.at)}  ${it.state}${it.kind === undefined ? '' : ` (${it.kind})`}${it.by.length === 0 ? '' : ` by ${it.by.map(visible).join(', ')}`}  ${it.id}\n`)
  return `Like it: ${approved} approved, ${denied} denied, ${expired} not decided in time\n${rows.join('')}`
}

export function matchedText({ looked, matched }: Matches): string {
  return `it would have matched ${matched} of the last ${looked} held actions`
}

export function matchLines({ matches }: Matches, except?: string): string {
  return matches
    .filter((it) => it.id !== except)
    .map((it) => `    ${moment(it.at)}  ${it.state.padEnd(8)}  ${visible(`${it.action} ${it.resource}, ${it.chain[0] ?? it.workload}`)}\n`)
    .join('')
}

export function indented(text: string): string {
  return text.split('\n').map((line) => `    ${visible(line)}\n`).join('')
}

function ending(one: ApprovalView, barred: string | undefined): string {
  if (one.decision !== undefined) {
    const { kind, by, at } = one.decision
    return `Decided: ${kind} by ${by.map(visible).join(', ')} at ${moment(at)}${one.said === undefined ? '' : `, saying ${quoted(one.said)}`}\n`
  }
  if (one.state !== 'pending') return `Nobody decided before ${moment(one.expires)}.\n`
  const agreed = one.agreed.length === 0 ? '' : `${one.agreed.map((it) => visible(it.by)).join(', ')} agreed already; ${one.reviewers} must.\n`
  if (barred !== undefined) return `${agreed}You may not decide this: ${visible(barred)}\n`
  return `${agreed}sallyport approvals approve ${one.id}\nsallyport approvals deny ${one.id} --message TEXT\n`
}

/** `59 s`, `12 min`, `3 h`, `2 d`. */
export function leftText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000))
  if (seconds < 120) return `${seconds} s`
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`
  return seconds < 172_800 ? `${Math.round(seconds / 3_600)} h` : `${Math.round(seconds / 86_400)} d`
}
