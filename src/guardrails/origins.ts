import type { Origin } from '../contract/segment.ts'

const UNTRUSTED: ReadonlySet<Origin> = new Set(['tool_result', 'document', 'tool_definition', 'body'])

/** Untrusted text is text that nobody whom policy trusts has written. */
export function untrusted(origin: Origin): boolean {
  return UNTRUSTED.has(origin)
}
