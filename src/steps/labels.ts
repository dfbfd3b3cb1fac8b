import type { Labels, Reading } from '../contract/exchange.ts'

/** Until flow follows data itself: what came from tools and documents is untrusted. */
export function labelsOf({ labels, segments }: Reading): Labels {
  return labels ?? { untrusted: segments.some((one) => one.origin === 'tool_result' || one.origin === 'document'), sensitivity: 0 }
}
