import type { Finding } from '../../contract/finding.ts'
import type { Segment } from '../../contract/segment.ts'
import type { FlowSegment } from './reading.ts'

/** What a gateway and its guardrails know of a conversation beside its segments. */
export interface Beside {
  /** Whether a turn is proven to be a person's or the operator's; asked of user and system segments. */
  readonly attested?: (segment: Segment, index: number) => boolean
  readonly findings?: readonly Finding[]
}

/** Surer than this, a credential that a guardrail found is one. */
const SURE = 0.8
/** Guardrails whose findings are text that must not leave. */
const SECRETS: ReadonlySet<string> = new Set(['secrets', 'canary'])

/** What has a credential in it. */
const CONFIDENTIAL = 2

/** Fields that name a call and are no part of what it answered. */
const NAMES: ReadonlySet<string> = new Set(['tool_call_id', 'tool_use_id', 'call_id', 'id', 'name', 'namespace'])

/**
 * Segments of a reading as flow takes them. Pieces of one tool result (one message) are joined. Definitions of tools and
 * fields of the request itself (the model's name) are left out: a session that has only those has read nothing yet.
 */
export function followed(segments: readonly Segment[], { attested, findings = [] }: Beside = {}): readonly FlowSegment[] {
  const secrets = new Map<number, string[]>()
  for (const one of findings) {
    if (!SECRETS.has(one.guardrail) || one.score === 'inconclusive' || one.score < SURE) continue
    const text = segments[one.segment]?.text.slice(one.start, one.end)
    if (text !== undefined && text !== '') secrets.set(one.segment, [...(secrets.get(one.segment) ?? []), text])
  }
  return segments.flatMap((segment, index): FlowSegment[] => {
    const { origin, text, path, group, tool } = segment
    if (origin === 'tool_definition' || origin === 'body' || text === '') return []
    const joined = origin === 'tool_result' && !NAMES.has(String(path.at(-1)))
    const found = secrets.get(index)
    return [{
      origin,
      text,
      ...(tool !== undefined && { tool }),
      ...(joined && { group }),
      ...((origin === 'user' || origin === 'system') && attested?.(segment, index) === true && { attested: true }),
      // What users type themselves is theirs to send.
      ...(found !== undefined && origin !== 'user' && { restricted: found, sensitivity: CONFIDENTIAL }),
    }]
  })
}
