import { LOOK_BEHIND } from '../rules/matcher.ts'
import type { Span } from '../rules/matcher.ts'
import type { Scanner } from '../rules/scanner.ts'

/** A decided span and the text that it covers. */
export interface Caught extends Span {
  readonly text: string
}

const NONE: readonly Caught[] = []
// Text that waits is looked at again only when an eighth of it is new, so that a long wait stays linear.
const SMALL_WAIT = 512
// No rule's match is longer than this together with what overlaps it; a text made to wait for ever is decided as it is.
const LONGEST_WAIT = 131_072

/**
 * The rules over one run of text that arrives in pieces. Whatever the pieces, the spans are those that one scan of the
 * whole finds. `safe` is how far the text is decided: it can leave, the spans within it applied.
 */
export class Incremental {
  readonly #scanner: Scanner
  #window = ''
  /** Offset in the run of the window's first unit. */
  #from = 0
  #state = 0
  /** Up to this offset a literal, or folded text, stands near enough to matter: no short cut. */
  #busy = 0
  #again = 0
  length = 0
  safe = 0

  constructor(scanner: Scanner) {
    this.#scanner = scanner
  }

  /** Takes the next piece and gives the spans that are decided now, with offsets in the run. */
  push(piece: string, final: boolean): readonly Caught[] {
    const before = this.length
    this.length += piece.length
    if (!final && this.safe === before && before >= this.#busy) {
      const state = this.#scanner.feed(piece, this.#state)
      if (state >= 0) {
        this.#state = state
        this.safe = this.length
        this.#keep(this.#window + piece)
        return NONE
      }
    }
    this.#window += piece
    if (!final && this.length < this.#again) return NONE
    const cut = !final && this.length - this.safe > LONGEST_WAIT
    return this.#decide(final || cut)
  }

  #decide(final: boolean): readonly Caught[] {
    const { spans, safe, state, busy } = this.#scanner.scan(this.#window, final)
    let decided = safe
    // A decided span over undecided text waits with it: the two may turn out to be one.
    for (let moved = true; moved; ) {
      moved = false
      for (const span of spans) {
        if (span.start < decided && span.end > decided) {
          decided = span.start
          moved = true
        }
      }
    }
    const old = this.safe - this.#from
    const caught: Caught[] = []
    for (const { kind, start, end } of spans) {
      if (start < old || start >= decided) continue
      caught.push({ kind, start: start + this.#from, end: end + this.#from, text: this.#window.slice(start, end) })
    }
    this.#state = state
    this.#busy = busy < 0 ? 0 : this.#from + busy + LOOK_BEHIND
    this.safe = Math.max(this.safe, this.#from + decided)
    const waiting = this.length - this.safe
    this.#again = waiting > SMALL_WAIT ? this.length + (waiting >> 3) : 0
    this.#keep(this.#window)
    return caught
  }

  #keep(window: string): void {
    const from = Math.max(this.#from, this.safe - LOOK_BEHIND)
    // Trimmed in steps: cutting the window at every piece would copy it at every piece.
    this.#window = from - this.#from > LOOK_BEHIND ? window.slice(from - this.#from) : window
    if (this.#window !== window) this.#from = from
  }
}
