import type { Labels } from '../../contract/flow.ts'
import { marks, prints, type Marks, type Prints } from './prints.ts'
import { restricted, type Restricted } from './restricted.ts'

export const MOST_MARKS = 4_000_000
const MOST_VALUES = 1_000_000

/** What one principal's task has seen, over all its sessions: it only grows (DESIGN §4). */
export interface Past {
  labels: Labels
  readonly copied: Prints
  /** Values that untrusted text gave. */
  readonly values: Marks
  /** Those that stood in prose, and not only as a whole field. */
  readonly prose: Marks
  readonly restricted: Restricted
  /** Restricted data was read before, and what it was is not known any more. */
  lost: boolean
  /** Of sessions that took something and have not looked at it: looks at a piece of it, and says whether that was the last. */
  readonly deferred: Set<() => boolean>
  /** Hears of each rise of the labels. */
  readonly rose: () => void
}

/** @param labels what is known of it from before. */
export function newPast(labels: Labels = { untrusted: false, sensitivity: 0 }, rose: () => void = () => undefined): Past {
  return { labels, copied: prints(MOST_MARKS), values: marks(MOST_VALUES), prose: marks(MOST_VALUES), restricted: restricted(MOST_VALUES), lost: labels.sensitivity >= 3, deferred: new Set(), rose }
}
