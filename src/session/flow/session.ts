import type { Labels } from '../../contract/flow.ts'
import type { ToolFacts } from '../../contract/tool.ts'
import type { ToolClass } from '../../contract/tool_class.ts'
import { newPast, type Past } from './past.ts'
import { FENCE, openReader, SAYS_NOTHING, type FlowSegment, type Integrity, type Read } from './reading.ts'
import type { FlowSettings } from './settings.ts'
import { finish, type Work } from './work.ts'

/** A value that a person released: for a class of sink, until a time in ms; both absent = for every class, for the session. */
export interface Endorsement {
  readonly value: string
  readonly class?: ToolClass
  readonly until?: number
  /** The approval that it comes from. */
  readonly by?: string
}

const MOST_GROUP = 8 * 1024 * 1024
/** Letters that one conversation may have been told and nobody looked at. */
export const MOST_DEFERRED = 32 * 1024 * 1024

/** One conversation. `take` what is said, in order; `decide.ts` reads what came of it. */
export interface FlowSession {
  readonly settings: FlowSettings
  readonly past: Past
  tool(name: string, server?: string): ToolFacts
  take(segment: FlowSegment): Integrity
  /**
   * The same, when somebody first asks: a conversation without tools never pays for what nobody wants to know. False =
   * there is no room for it, and since nobody knows what it said the task has the worst labels and trusts nothing.
   */
  defer(segment: FlowSegment): boolean
  /** Looks at what the task's conversations deferred, a piece at a time; `view` does what is left of it at once. */
  looking(): Work
  /** Nobody asks any more: what was deferred is not looked at. */
  leave(): void
  /** Those of the view; costs less where nothing that was said can have raised them. */
  labels(): Labels
  endorse(endorsement: Endorsement): void
  /** Takes back what came from an approval. */
  withdraw(by: string): void
  /** Everything taken so far is in what follows. */
  readonly view: () => View
}

export interface View extends Read {
  readonly labels: Labels
  readonly endorsements: readonly Endorsement[]
}

export function openSession(settings: FlowSettings, tool: (name: string, server?: string) => ToolFacts, past: Past = newPast()): FlowSession {
  const reader = openReader(settings, tool, past)
  const endorsements: Endorsement[] = []
  const deferred: { readonly segment: FlowSegment; clean?: boolean }[] = []
  // How many of them have raised the labels already.
  let raised = 0
  let waiting = 0
  let ordinal = 0
  // What is being looked at, where that was put aside for others.
  let going: Work | undefined
  let open: { segment: FlowSegment; text: string; size: number; ordinal: number; absorbed: number; clean: boolean } | undefined

  const settle = function* (): Work {
    if (open === undefined || open.absorbed === open.text.length) return
    const { segment, text, ordinal: at, clean } = open
    yield* reader.absorb(segment, text, at, clean)
    open.absorbed = text.length
  }

  const received = function* (segment: FlowSegment, clean: boolean): Work<Integrity> {
    const at = ordinal++
    if (segment.text === '') return 'untrusted'
    if (segment.group === undefined) {
      yield* settle()
      open = undefined
      return yield* reader.absorb(segment, segment.text, at, clean)
    }
    if (open !== undefined && open.segment.group === segment.group && open.segment.origin === segment.origin && open.segment.tool === segment.tool && open.segment.server === segment.server && open.size + segment.text.length <= MOST_GROUP) {
      open.text += segment.text
      open.size += segment.text.length
      open.clean &&= clean
      const sensitivity = Math.max(open.segment.sensitivity ?? 0, segment.sensitivity ?? 0)
      const stretches = [...(open.segment.restricted ?? []), ...(segment.restricted ?? [])]
      open.segment = { ...open.segment, ...(stretches.length > 0 && { restricted: stretches }), ...(sensitivity > 0 && { sensitivity }), ...(segment.untrusted === true && { untrusted: true }) }
      return 'untrusted'
    }
    yield* settle()
    open = { segment, text: segment.text, size: segment.text.length, ordinal: at, absorbed: 0, clean }
    return 'untrusted'
  }

  const work = function* (): Work {
    for (let one = deferred.shift(); one !== undefined; one = deferred.shift()) {
      waiting -= one.segment.text.length
      const reading = received(one.segment, one.clean === true)
      // Nobody may find it half read while it has not raised the labels.
      if (raised === 0) finish(reading)
      else {
        raised--
        yield* reading
      }
      yield
    }
    yield* settle()
  }

  const step = (): boolean => {
    going ??= work()
    try {
      if (going.next().done !== true) return false
    } catch (error) {
      deferred.length = 0
      waiting = 0
      raised = 0
      reader.broken()
      going = undefined
      past.deferred.delete(step)
      throw error
    }
    going = undefined
    past.deferred.delete(step)
    return true
  }

  const drain = (): void => {
    if (going !== undefined || deferred.length > 0) while (!step());
  }

  /** What a segment raises labels to, as far as that can be told without looking through it; undefined = it cannot. */
  const raising = (segment: FlowSegment): Partial<Labels> | undefined => {
    const { origin, text, tool: name, server, untrusted: marked, attested, known, sensitivity = 0 } = segment
    if (text === '') return {}
    const facts = name === undefined ? undefined : tool(name, server)
    const configured = facts?.attributes['sensitivity']
    const labels = { sensitivity: Math.max(sensitivity, typeof configured === 'number' ? configured : 0) }
    if (past.labels.untrusted || origin === 'tool_definition') return labels
    const foreign = { ...labels, untrusted: !SAYS_NOTHING.test(text) }
    if (marked === true) return foreign
    if (origin === 'user' || origin === 'system') {
      if (settings.provenance === 'attested' && attested !== true) return foreign
      // Parts of it may be copies of what was read, or stand between marks.
      const { full, untrusted } = reader.read()
      return full || untrusted.length > 0 || (settings.fenced && text.search(FENCE) >= 0) ? undefined : labels
    }
    if (known === true && (origin === 'assistant' || origin === 'reasoning' || origin === 'tool_call')) return labels
    return origin === 'tool_result' && facts?.trust === 'operator' && (settings.provenance === 'role' || attested === true) ? labels : foreign
  }

  return {
    settings,
    past,
    tool,
    take(segment) {
      drain()
      return finish(received(segment, false))
    },
    defer(segment) {
      if (waiting + segment.text.length > MOST_DEFERRED) {
        reader.broken()
        return false
      }
      waiting += segment.text.length
      deferred.push({ segment })
      past.deferred.add(step)
      return true
    },
    *looking() {
      for (let [one] = past.deferred; one !== undefined; [one] = past.deferred) if (!one()) yield
    },
    leave: () => void past.deferred.delete(step),
    labels() {
      if (going === undefined) finish(settle())
      for (const one of deferred.slice(raised)) {
        one.clean = !past.labels.untrusted
        const labels = raising(one.segment)
        if (labels === undefined) {
          drain()
          break
        }
        reader.raise(labels)
        raised++
      }
      return past.labels
    },
    endorse: (one) => void endorsements.push(one),
    withdraw(by) {
      for (let at = endorsements.length - 1; at >= 0; at--) if (endorsements[at]?.by === by) endorsements.splice(at, 1)
    },
    view() {
      for (const one of [...past.deferred]) while (!one());
      // Its own too where it was left meanwhile: who still holds it decides by all that it was told.
      drain()
      finish(settle())
      return { ...reader.read(), labels: past.labels, endorsements }
    },
  }
}
