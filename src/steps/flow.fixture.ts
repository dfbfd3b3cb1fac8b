import type { Flow, FlowSession } from '../contract/flow.ts'

const nobody: FlowSession = {
  labels: () => ({ untrusted: false, sensitivity: 0 }),
  hear: () => undefined,
  decide: () => ({ verdict: 'allow', class: 'read', reasons: [], controls: [] }),
  sources: () => [],
  looked: () => undefined,
  trusts: () => true,
}

/** Flow that follows nothing, for houses that are about something else. */
export const noFlow: Flow = {
  mode: 'shadow',
  labels: nobody.labels,
  kept: () => undefined,
  conversation: () => nobody,
  ongoing: () => nobody,
  hear: () => undefined,
  delivered: () => undefined,
  endorse: () => undefined,
  allowed: () => undefined,
  proposed: () => undefined,
}
