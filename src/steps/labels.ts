import type { Epoch } from '../contract/epoch.ts'
import type { Action, Reading } from '../contract/exchange.ts'
import type { FlowSession, Labels } from '../contract/flow.ts'
import type { Principal } from '../contract/principal.ts'
import type { Segment } from '../contract/segment.ts'

interface Asking {
  readonly principal: Principal
  readonly reading: Reading
  readonly session?: FlowSession
}

/** What is a part of somebody's session: its labels are those of everything that the session has read. */
export function isFollowed(action: Action): boolean {
  return action === 'llm.generate' || action === 'tool.propose' || action.startsWith('mcp.')
}

/**
 * Labels of the session, once the conversation was looked at; before that, those that are known from earlier calls, which
 * only rise. What belongs to no session has those of its own text.
 */
export function labelsOf({ flow }: Pick<Epoch, 'flow'>, { principal, reading, session }: Asking): Labels {
  if (reading.labels !== undefined) return reading.labels
  if (session !== undefined) return session.labels()
  return isFollowed(reading.action) ? flow.labels(principal) : { untrusted: hasForeign(reading.segments), sensitivity: 0 }
}

/**
 * The same for what follows from an exchange. Before its conversation was looked at the worst that its text may come to:
 * what would happen behind our back is decided by then.
 */
export function carriedLabels(epoch: Pick<Epoch, 'flow' | 'tool'>, asking: Asking): Labels {
  const labels = labelsOf(epoch, asking)
  const { reading, session } = asking
  if (labels.untrusted || session !== undefined || reading.labels !== undefined) return labels
  return { ...labels, untrusted: hasForeign(reading.segments.filter(({ tool }) => tool === undefined || epoch.tool(tool).trust !== 'operator')) }
}

function hasForeign(segments: readonly Segment[]): boolean {
  return segments.some(({ origin }) => origin === 'tool_result' || origin === 'document')
}
