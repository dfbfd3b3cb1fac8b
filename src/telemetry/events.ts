/** What a field of a log event may hold. There is no kind for free text, so content has nowhere to go. */
type Kind = 'word' | 'number' | 'words' | 'error'

interface Shape {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  /** What it means, for people who read the log as lines. */
  readonly say: string
  readonly fields: Readonly<Record<string, Kind>>
}

/**
 * Every event that can be logged, with every field it can have. Nothing else reaches the log: a field that is not
 * listed is dropped, and words are cut and masked (log.ts). Adding content to the log would mean adding it here.
 */
export const events = {
  started: { level: 'info', say: 'started', fields: { version: 'word', data: 'word', admin: 'word', posture: 'word', epoch: 'word', config: 'word', state: 'word', took: 'number' } },
  practice: { level: 'warn', say: 'no provider credential is set: the built-in practice model answers', fields: {} },
  stopping: { level: 'info', say: 'stopping: requests in flight may finish', fields: { inflight: 'number', signal: 'word' } },
  stopped: { level: 'info', say: 'stopped', fields: { took: 'number', cut: 'number' } },
  answered: { level: 'debug', say: 'answered', fields: { id: 'word', tenant: 'word', workload: 'word', action: 'word', route: 'word', model: 'word', status: 'number', took: 'number' } },
  refused: { level: 'info', say: 'refused', fields: { id: 'word', tenant: 'word', workload: 'word', action: 'word', route: 'word', code: 'word', step: 'word', status: 'number', took: 'number' } },
  failed: { level: 'warn', say: 'failed', fields: { id: 'word', tenant: 'word', workload: 'word', action: 'word', route: 'word', code: 'word', step: 'word', status: 'number', took: 'number' } },
  defect: { level: 'error', say: 'a step broke: this is a defect', fields: { step: 'word', id: 'word', error: 'error' } },
  epoch: { level: 'info', say: 'new settings are in force', fields: { epoch: 'word', serial: 'number', config: 'word', posture: 'word' } },
  epoch_refused: { level: 'error', say: 'changed settings are wrong: the old ones stay in force', fields: { config: 'word', problems: 'words', error: 'error' } },
  classifiers_missing: { level: 'warn', say: 'shadow guardrails look at nothing: the classifiers cannot be loaded', fields: { why: 'word' } },
  doubtful: { level: 'warn', say: 'settings that stand, but deserve a second look', fields: { what: 'word' } },
  issuer_keys: { level: 'info', say: 'keys of an issuer', fields: { issuer: 'word', keys: 'number', problem: 'word' } },
  process_unknown: { level: 'warn', say: 'a process at the local socket is not known', fields: { why: 'word' } },
  breaker: { level: 'warn', say: 'circuit breaker', fields: { target: 'word', state: 'word', was: 'word' } },
  alert: { level: 'warn', say: 'budget alert', fields: { kind: 'word', tenant: 'word', scope: 'word', window: 'word', share: 'number', rate: 'number' } },
  webhook_failed: { level: 'warn', say: 'a webhook could not be told', fields: { place: 'word', error: 'error' } },
  audit_late: { level: 'error', say: 'checkpoints do not reach their second place', fields: { place: 'word', late: 'number', error: 'error' } },
  audit_stuck: { level: 'error', say: 'the audit record cannot be written: nothing is let through', fields: { error: 'error' } },
  audit_recovered: { level: 'info', say: 'the audit record is written again', fields: { took: 'number' } },
  interrupted: { level: 'warn', say: 'exchanges of an earlier run were closed as interrupted', fields: { count: 'number' } },
  mcp_server: { level: 'info', say: 'an MCP server', fields: { server: 'word', event: 'word', why: 'word', text: 'word', problem: 'word', took: 'number', pause: 'number' } },
  approval: { level: 'info', say: 'an approval', fields: { event: 'word', id: 'word', tenant: 'word', workload: 'word', decision: 'word', by: 'words', policies: 'words' } },
  careless: { level: 'warn', say: 'approvals are given without looking', fields: { tenant: 'word', reviewer: 'word', decisions: 'number', approved: 'number', fast: 'number' } },
  reviewer: { level: 'info', say: 'a reviewer was made or revoked', fields: { act: 'word', id: 'word', tenant: 'word', by: 'word' } },
  key: { level: 'info', say: 'a key was made or revoked', fields: { act: 'word', id: 'word', tenant: 'word', by: 'word' } },
} as const satisfies Record<string, Shape>

export type EventName = keyof typeof events

interface Values {
  readonly word: string
  readonly number: number
  readonly words: readonly string[]
  readonly error: unknown
}

/** The fields of one event; each may be left out. */
export type Fields<N extends EventName> = {
  readonly [key in keyof (typeof events)[N]['fields']]?: (typeof events)[N]['fields'][key] extends keyof Values ? Values[(typeof events)[N]['fields'][key]] | undefined : never
}
