import type { PinKind } from './hash.ts'

/** Why a definition is not taken. */
export type Why = 'new' | 'changed' | 'look_alike' | 'shadowing' | 'poisoned'

/** What is known of one definition before it is looked at. */
export interface Standing {
  readonly pinned?: string | undefined
  readonly seen?: string | undefined
  readonly why?: string | undefined
}

export type Weighed =
  /** As it was pinned. */
  | { readonly kind: 'same' }
  /** As it was pinned, after it had been something else. */
  | { readonly kind: 'returned' }
  /** Seen for the first time where that is enough. */
  | { readonly kind: 'pin' }
  /** Waits for an operator; `noted` where that is known already. */
  | { readonly kind: 'quarantine'; readonly why: Why; readonly noted: boolean }

export interface Sight {
  readonly kind: PinKind
  readonly hash: string
  /** What keeps even a first sight from being enough. */
  readonly suspect?: Why | undefined
  readonly firstUse: boolean
  /** The list that it is in, or its server, was met before. */
  readonly met: boolean
}

/** Whether a definition is the one that is pinned, becomes it, or waits. A list of resources is data: it may grow. */
export function weigh({ pinned, seen, why }: Standing, { kind, hash, suspect, firstUse, met }: Sight): Weighed {
  if (pinned === hash) return { kind: seen === undefined ? 'same' : 'returned' }
  if (pinned === undefined && seen === undefined && suspect === undefined && firstUse && (!met || kind === 'resources')) return { kind: 'pin' }
  const before = seen === hash ? (why as Why | undefined) : undefined
  // What looked suspicious once stays so until somebody has looked.
  const reason = suspect ?? before ?? (pinned === undefined ? 'new' : 'changed')
  return { kind: 'quarantine', why: reason, noted: reason === before }
}
