import type { FlowDecision, FlowReason } from '../../contract/flow.ts'
import type { Source } from '../../contract/shown.ts'
import type { ToolClass } from '../../contract/tool_class.ts'
import { JsonError, parseJson } from '../../formats/json.ts'
import { isObject, type TreeObject } from '../../formats/tree.ts'
import { anchored, beyond } from './scope.ts'
import type { FlowSession, View } from './session.ts'
import { controlsOf, isExternal, MOST_CONTROLS, sinkOf, textsOf, type ControlValue, type Offered, type Sink } from './sinks.ts'
import { endorsed, groundsFor, ownHost, sourcesOf, strangersIn, tooMuch, type Grounds } from './trusted.ts'
import { hostOf, shapeOf } from './values.ts'

/** A tool call that is to be decided. */
export interface FlowCall {
  readonly tool: string
  /** The MCP server whose tool it is. */
  readonly server?: string
  /** JSON text as the model wrote it, or the tree that the strict reader made of it. */
  readonly arguments: string | TreeObject
  /** What the request, or the server, says of the tool. */
  readonly offered?: Offered
}

const DEEPEST = 64
const LONGEST_SHOWN = 120
const MOST_REASONS = 16

const LOOSE: ReadonlySet<Grounds> = new Set(['not from untrusted text', undefined])

/** Reads that go out themselves: what is asked for leaves in the question. */
const GOES_OUT = /^(?:web|http|https|url|internet|browse|browser|fetch|google|bing|crawl|scrape|webpage|website|curl|online|navigate|goto)$/

/**
 * What may happen to a call, after all that the session has taken (DESIGN §4, issue 5): deny what carries restricted
 * data out; hold what untrusted text may have brought about. Nothing is held in a session without untrusted content.
 * Appending untrusted text never makes it milder.
 * @param now milliseconds, for endorsements that end.
 */
export function decideCall(session: FlowSession, call: FlowCall, now = 0): FlowDecision {
  const view = session.view()
  const facts = session.tool(call.tool, call.server)
  const args = argumentsOf(call.arguments)
  const sink = sinkOf(call.tool, args, facts, call.offered)
  const { untrusted, sensitivity } = view.labels
  const reasons: FlowReason[] = []
  if (args === undefined) {
    // What cannot be read cannot be looked through; another reader may see an address in it.
    if (untrusted || session.past.lost || session.past.restricted.size() > 0) reasons.push({ rule: 'unreadable', say: `the arguments of ${call.tool} are not one strict JSON object` })
    return decision(sink.class, reasons, [], false)
  }
  const controls = controlsOf(args, facts, call.offered, sink)
  const out = leaves(sink, controls, view)
  let denied = false
  if (out && session.past.lost) reasons.push({ rule: 'restricted', say: `restricted data was read in this task, and what it was is not known any more: ${call.tool} may carry it out` })
  if (out && session.past.restricted.size() > 0) {
    const texts = textsOf(args)
    const together = texts.filter(({ isName }) => !isName).map(({ text }) => text)
    // The name of a tool is a text that leaves as well.
    const whole = [...texts, { path: '', text: [call.tool, ...together].join(' ') }, { path: '', text: together.toReversed().join(' ') }]
    for (const { path, text } of whole) {
      const leak = session.past.restricted.leak(text)
      if (leak === undefined || (leak.kind === 'likely' && said(view, text))) continue
      // One that no single argument has is spread over several.
      if (path === '' && reasons.length > 0) continue
      denied ||= leak.kind === 'certain'
      reasons.push({ rule: 'restricted', say: `${path === '' ? 'the arguments together' : path} would carry ${leak.kind === 'certain' ? 'restricted data' : 'what looks like a credential'} out${leak.disguised ? ', in another spelling' : ''}: ${leak.excerpt}`, ...(path !== '' && { argument: path }) })
    }
  }
  if (untrusted) {
    const judged = sink.class === 'read' ? controls.filter(({ kind }) => kind === 'url') : controls
    const bounded = judged.length > 1 && tooMuch(view, judged.length) ? { ...view, full: true } : view
    const grounds = judged.slice(0, MOST_CONTROLS).map((one) => groundsFor(session, bounded, one, sink.class, now))
    if (sink.class !== 'read') reasons.push(...always(view, call, args, sink, now))
    reasons.push(...provenance(view, judged, grounds))
    if (sink.class !== 'read') {
      if (isExternal(sink.class)) reasons.push(...links(session, view, args, controls, sink, now))
      // A call on what somebody who may say so named is about the task, whatever its tool is called.
      const grounded = grounds.some((one) => !LOOSE.has(one))
      const unasked = beyond(view.scope, sink.words, sink.class) ?? (grounded || anchored(view.scope, sink.words, textsOf(args)) ? undefined : 'speaks of nothing that it acts on')
      if (unasked !== undefined && !wholly(view, controls, sink, now)) reasons.push({ rule: 'scope', say: `${call.tool} (${told(sink)}) is not what the user asked for: the task ${unasked}` })
      if (session.settings.ruleOfTwo && sensitivity >= 2 && !wholly(view, controls, sink, now)) reasons.push({ rule: 'rule_of_two', say: `this session has read untrusted content and confidential data (sensitivity ${sensitivity}), and ${call.tool} (${told(sink)}) would change something or send it on` })
    }
  }
  return decision(sink.class, reasons, controls, denied)
}

function decision(kind: ToolClass, reasons: readonly FlowReason[], controls: readonly ControlValue[], denied: boolean): FlowDecision {
  return { verdict: denied ? 'deny' : reasons.length > 0 ? 'hold' : 'allow', class: kind, reasons: reasons.slice(0, MOST_REASONS), controls: controls.slice(0, MOST_CONTROLS).map(({ path, text }) => ({ path, value: text })) }
}

function argumentsOf(args: FlowCall['arguments']): TreeObject | undefined {
  if (typeof args !== 'string') return args
  try {
    const tree = parseJson(args.trim() === '' ? '{}' : args, { depth: DEEPEST })
    return isObject(tree) ? tree : undefined
  } catch (error) {
    if (error instanceof JsonError) return undefined
    throw error
  }
}

/** Whether the call's arguments get to strangers. */
function leaves(sink: Sink, controls: readonly ControlValue[], { ownDomains }: View): boolean {
  const addressed = controls.filter(({ kind, text }) => kind === 'url' || shapeOf(text)?.shape === 'email')
  const own = ({ text }: ControlValue): boolean => {
    const host = hostOf(text)
    return host !== undefined && ownHost(ownDomains, host)
  }
  if (addressed.length > 0 && addressed.every(own) && sink.class !== 'code_execution') return false
  return isExternal(sink.class) || addressed.length > 0 || sink.words.some((word) => GOES_OUT.test(word))
}

/** A likely credential that trusted text has itself was given to be used. */
function said({ trusted }: View, text: string): boolean {
  return trusted.some((one) => one.includes(text.toLowerCase()))
}

/** Whether people released every value that the call acts on: nothing else of the session then speaks against it. */
function wholly(view: View, controls: readonly ControlValue[], sink: Sink, now: number): boolean {
  return controls.length > 0 && controls.every(({ text }) => endorsed(view, text, sink.class, now))
}

/** What is held after untrusted content whatever its arguments are, unless they were endorsed as they stand. */
function always(view: View, { tool }: FlowCall, args: TreeObject, sink: Sink, now: number): readonly FlowReason[] {
  if (sink.class !== 'code_execution' && sink.class !== 'privilege') return []
  const texts = [...args.values()].filter((one) => typeof one === 'string')
  if (texts.length > 0 && texts.every((one) => endorsed(view, one, sink.class, now))) return []
  const what = sink.class === 'privilege' ? 'changes privileges or credentials' : 'runs code'
  return [{ rule: sink.class, say: `${tool} ${what} after untrusted content was read (${lately(view)})` }]
}

function provenance(view: View, controls: readonly ControlValue[], grounds: readonly Grounds[]): readonly FlowReason[] {
  const strangers = controls.slice(0, MOST_CONTROLS).filter((_, index) => grounds[index] === undefined)
  const reasons = strangers.slice(0, MOST_REASONS).map((one): FlowReason => {
    const sources = sourcesOf(view, one.text)
    return { rule: 'provenance', argument: one.path, value: one.text, sources, say: `${one.kind} ${one.path} = ${short(one.text)} stands in no trusted text; ${fromWhere(sources)}` }
  })
  return controls.length > MOST_CONTROLS ? [...reasons, { rule: 'provenance', say: `acts on more than ${MOST_CONTROLS} things at once` }] : reasons
}

function links(session: FlowSession, view: View, args: TreeObject, controls: readonly ControlValue[], sink: Sink, now: number): readonly FlowReason[] {
  const judged = new Set(controls.map(({ path }) => path))
  return textsOf(args).filter(({ path }) => !judged.has(path)).flatMap(({ path, text }) =>
    strangersIn(session, view, text).filter((one) => !endorsed(view, one.text, sink.class, now)).slice(0, MOST_REASONS).map((one): FlowReason => {
      const sources = sourcesOf(view, one.text)
      return { rule: 'link', argument: path, value: one.text, sources, say: `${path} would pass on the ${one.shape === 'url' ? 'link' : 'account'} ${short(one.text)}, which stands in no trusted text; ${fromWhere(sources)}` }
    }),
  )
}

function told({ class: kind, by }: Sink): string {
  return by === 'configuration' ? kind : `${kind}, by its ${by === 'nothing known' ? 'unknown name' : by}`
}

function fromWhere(sources: readonly Source[]): string {
  const [first] = sources
  return first === undefined ? 'no text of the session has it as it stands' : `it comes from ${originText(first.origin)} (text ${first.segment}): "${short(first.excerpt.replace(/\s+/g, ' '))}"`
}

function originText(origin: Source['origin']): string {
  switch (origin) {
    case 'tool_result':
      return 'a tool result'
    case 'user':
      return 'a part of a user turn that was copied from elsewhere'
    case 'assistant':
    case 'reasoning':
    case 'tool_call':
      return 'what the assistant said'
    default:
      return `untrusted content (${origin})`
  }
}

function lately({ untrusted }: View): string {
  const last = untrusted.at(-1)
  return last === undefined ? 'in an earlier session of this task' : `${originText(last.origin)}${last.tool === undefined ? '' : ` of ${short(last.tool)}`}, text ${last.ordinal}`
}

function short(text: string): string {
  return text.length <= LONGEST_SHOWN ? text : `${text.slice(0, LONGEST_SHOWN - 1)}…`
}

