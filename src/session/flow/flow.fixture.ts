import { UNKNOWN_TOOL, type ToolFacts } from '../../contract/tool.ts'
import type { FlowDecision } from '../../contract/flow.ts'
import { decideCall } from './decide.ts'
import type { Past } from './past.ts'
import type { FlowSegment } from './reading.ts'
import { openSession, type FlowSession } from './session.ts'
import { settleFlow, type WrittenFlow } from './settings.ts'

export const user = (text: string): FlowSegment => ({ origin: 'user', text })
export const system = (text: string): FlowSegment => ({ origin: 'system', text })
export const result = (text: string, more: Partial<FlowSegment> = {}): FlowSegment => ({ origin: 'tool_result', tool: 'read_page', text, ...more })

export interface Told {
  readonly flow?: WrittenFlow
  readonly tools?: Readonly<Record<string, Partial<ToolFacts>>>
  readonly past?: Past
}

export function sessionOf(segments: readonly FlowSegment[], { flow, tools = {}, past }: Told = {}): FlowSession {
  const session = openSession(settleFlow(flow), (name) => ({ ...UNKNOWN_TOOL, ...tools[name] }), past)
  for (const one of segments) session.take(one)
  return session
}

export function decide(session: FlowSession, tool: string, args: object, now?: number): FlowDecision {
  return decideCall(session, { tool, arguments: JSON.stringify(args) }, now)
}
