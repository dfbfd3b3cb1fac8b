import type { DeskEvent } from '../desk.ts'

/** An event that somebody outside may be told of. */
export type Telling = Exclude<DeskEvent, { readonly kind: 'missed' }>

/** What is told: names, never what an action says. Strings come from agents and are cut. */
export interface Told {
  readonly type: `approval.${Telling['kind']}`
  /** RFC 3339, UTC. */
  readonly timestamp: string
  readonly data: Readonly<Record<string, string | number | boolean | readonly string[]>>
}

const LONGEST = 200
const MOST = 20
// Controls, and what changes how the text around it is read: this ends up in chats and mail.
const UNSEEN = /[\p{C}\p{Zl}\p{Zp}]+/gu

function clip(text: string): string {
  const clean = text.replace(UNSEEN, ' ')
  return clean.length > LONGEST ? `${clean.slice(0, LONGEST - 1).toWellFormed()}…` : clean
}

/** The generic payload. `link` leads a reviewer to an approval. */
export function toldOf(event: Telling, link: (id: string) => string): Told {
  const timestamp = new Date(event.at).toISOString()
  if (event.kind === 'alarm') {
    const { reviewer, decisions, approved, fast, medianMs, tight } = event.habit
    return { type: 'approval.alarm', timestamp, data: { ...(event.tenant !== undefined && { tenant: event.tenant }), ...(reviewer !== undefined && { reviewer: clip(reviewer) }), decisions, approved, fast, medianMs, tight } }
  }
  if (event.kind === 'released') {
    const { approval: id, tenant, group, how, exchange, by } = event
    return { type: 'approval.released', timestamp, data: { id, tenant, ...(group !== undefined && { group }), decision: how, exchange, by: by.slice(0, MOST).map(clip), link: link(id) } }
  }
  const { approval } = event
  const { chain, agent, task, message, group, decision } = approval
  return {
    type: `approval.${event.kind}`,
    timestamp,
    data: {
      id: approval.id,
      tenant: approval.tenant,
      state: approval.state,
      workload: clip(approval.workload),
      ...(agent !== undefined && { agent: clip(agent) }),
      ...(chain[0] !== undefined && { user: clip(chain[0]) }),
      ...(task !== undefined && { task: clip(task) }),
      action: approval.action,
      tool: clip(approval.resource),
      policies: approval.policies.slice(0, MOST).map(clip),
      ...(message !== undefined && { message: clip(message) }),
      ...(group !== undefined && { group }),
      reviewers: approval.reviewers,
      agreed: approval.agreed.length,
      deadline: new Date(approval.expires).toISOString(),
      ...(decision !== undefined && { decision: decision.kind, by: decision.by.slice(0, MOST).map(clip) }),
      link: link(approval.id),
    },
  }
}

const titles: Readonly<Record<Telling['kind'], string>> = {
  created: 'An action waits for approval',
  agreed: 'One of several reviewers agreed',
  decided: 'A decision was made',
  released: 'An approved action went on',
  expired: 'Nobody decided in time: denied',
  alarm: 'Approvals are given without looking',
}

/**
 * The same for Slack: blocks whose text is escaped as Slack asks (`&`, `<`, `>`), shown as code where an agent wrote
 * it, and never parsed for links or mentions (`verbatim`).
 */
export function slackOf(told: Told, kind: Telling['kind']): Readonly<Record<string, unknown>> {
  const { data } = told
  const code = (key: string): string => `\`${plain(String(data[key] ?? '')).replaceAll('`', "'")}\``
  const row = (name: string, key: string): readonly object[] => (data[key] === undefined || data[key] === '' ? [] : [{ type: 'mrkdwn', text: `*${name}*\n${code(key)}`, verbatim: true }])
  const title = titles[kind]
  if (kind === 'alarm') {
    const text = `${String(data['approved'])} of the last ${String(data['decisions'])} decisions${data['reviewer'] === undefined ? '' : ` of ${code('reviewer')}`} were approvals, ${String(data['fast'])} of them in under two seconds.`
    return { text: `${title}. ${text}`, blocks: [headline(title), section(text)] }
  }
  const rows = [...row('Tool', 'tool'), ...row('Call', 'exchange'), ...row('Agent', data['agent'] === undefined ? 'workload' : 'agent'), ...row('User', 'user'), ...row('Task', 'task'), ...row('Until', 'deadline'), ...row('Group', 'group'), ...row('Decision', 'decision'), ...row('By', 'by')]
  return {
    text: data['tool'] === undefined ? title : `${title}: ${code('tool')}`,
    blocks: [
      headline(title),
      { type: 'section', fields: rows.slice(0, 10) },
      ...(data['message'] === undefined ? [] : [section(code('message'))]),
      section(`Look before you decide: \`sallyport approvals show ${String(data['id'])}\`\n<${plain(String(data['link']))}|What waits>`),
    ],
  }
}

function headline(text: string): object {
  return { type: 'header', text: { type: 'plain_text', text, emoji: false } }
}

function section(text: string): object {
  return { type: 'section', text: { type: 'mrkdwn', text, verbatim: true } }
}

function plain(text: string): string {
  // A mention of everybody must not come out of an agent's words, whatever a workspace makes of bare names.
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replace(/@(?=channel|here|everyone|group)/gi, '(at)')
}
