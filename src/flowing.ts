import { createHash } from 'node:crypto'
import type { Flow, FlowSession, ToolCall } from './contract/flow.ts'
import type { Posture } from './contract/epoch.ts'
import type { Principal } from './contract/principal.ts'
import type { Segment } from './contract/segment.ts'
import { UNKNOWN_TOOL, type ToolFacts } from './contract/tool.ts'
import type { ToolClass } from './contract/tool_class.ts'
import { argumentTree, argumentValues } from './formats/arguments.ts'
import { writeJson } from './formats/json.ts'
import { isObject, type Tree, type TreeObject } from './formats/tree.ts'
import { decideCall } from './session/flow/decide.ts'
import { WORST } from './session/flow/label_rows.ts'
import { ownerOf, type FlowMemory, type FlowRules } from './session/flow/memory.ts'
import { followed } from './session/flow/segments.ts'
import type { FlowSegment } from './session/flow/reading.ts'
import type { FlowSession as Followed } from './session/flow/session.ts'
import type { FlowSettings } from './session/flow/settings.ts'
import { controlsOf, higher, sinkOf } from './session/flow/sinks.ts'
import { sourcesOf, trustsUrl } from './session/flow/trusted.ts'

export interface FlowParts {
  /** Outlives epochs: what was said stays said. */
  readonly memory: FlowMemory
  readonly settings: FlowSettings
  readonly posture: Posture
  readonly tool: (name: string, server?: string) => ToolFacts
  /** Hears of what broke where flow only watches, because nothing follows from it there. */
  readonly onDefect: (error: unknown) => void
}

/** Flow under the rules of one epoch. */
export function flowUnder({ memory, settings, posture, tool, onDefect }: FlowParts): Flow {
  const rules: FlowRules = { settings, tool: raisedByNames(tool) }
  const mode = settings.mode ?? (posture === 'strict' ? 'enforce' : 'shadow')
  const named = ({ task }: Principal): boolean => task !== undefined
  const weigher = (call: ToolCall): ((name: string, server?: string) => Weight) => {
    const tree = argumentTree(call.arguments)
    return (name, server) => weightOf(rules.tool(name, server), name, tree)
  }
  // A shadow never refuses: what breaks in it is told, and counts as the worst.
  const guarded = <T>(work: () => T, instead: T): T => {
    if (mode === 'enforce') return work()
    try {
      return work()
    } catch (error) {
      onDefect(error)
      return instead
    }
  }
  // Once it broke the session knows, and is trusted with nothing.
  const told = (looking: Promise<void> | undefined): Promise<void> | undefined => (mode === 'enforce' ? looking : looking?.catch(onDefect))
  const sessionOf = (session: Followed): FlowSession => ({
    labels: () => guarded(() => session.labels(), WORST),
    looked: () => guarded(() => told(memory.look(session, 'now')), undefined),
    decide: (call, now) => guarded(() => decideCall(session, callOf(call), now), { verdict: 'hold', class: 'internal_write', reasons: [], controls: [] }),
    hear: (texts) => guarded(() => memory.tell(session, texts), undefined),
    sources: (value) => sourcesOf(session.view(), value),
    trusts: (url) => trustsUrl(session, url),
  })
  return {
    mode,
    labels: (principal) => memory.labels(ownerOf(principal)),
    kept: memory.kept,
    conversation(principal, segments, findings) {
      return guarded(() => {
        const owner = ownerOf(principal)
        const attested = settings.provenance === 'attested' ? attesting(memory, settings, principal, segments) : undefined
        const whole = (one: FlowSegment): FlowSegment => ((one.origin === 'assistant' || one.origin === 'reasoning' || one.origin === 'tool_call') && memory.wasDelivered(owner, one.text) ? { ...one, known: true } : one)
        const enforced = findings.filter((one) => one.mode === 'enforce')
        const session = memory.conversation(owner, followed(segments, { findings: enforced, ...(attested && { attested }) }), rules, whole)
        // Calls will come: while the model thinks there is time to look.
        if (segments.some(({ origin }) => origin === 'tool_definition')) memory.look(session, 'soon')?.catch(onDefect)
        return sessionOf(session)
      }, unknown)
    },
    ongoing: (principal) => guarded(() => sessionOf(memory.ongoing(ownerOf(principal), rules, named(principal))), unknown),
    hear: (principal, texts) => guarded(() => memory.hear(ownerOf(principal), texts.map((one) => ({ ...one, attested: true })), rules, named(principal)), undefined),
    delivered(principal, texts) {
      // Arguments come back whole or in pieces, as the dialect has it.
      const pieces = texts.flatMap(({ origin, text }) => (origin === 'tool_call' ? [text, ...argumentTexts(text)] : [text]))
      guarded(() => memory.delivered(ownerOf(principal), pieces.filter((one) => one !== '')), undefined)
    },
    endorse: (principal, { value, class: sink, until, by }) => memory.endorse(ownerOf(principal), { value, class: sink, until, by }),
    allowed: (principal, call, exchange) => memory.allow(ownerOf(principal), keyOf(call.tool, orderless(call.arguments)), exchange),
    proposed(principal, call, exchange) {
      const owner = ownerOf(principal)
      if (!memory.proposes(owner)) return undefined
      const args = orderless(call.arguments)
      const weigh = weigher(call)
      const weight = weigh(call.tool, call.server)
      for (const name of namesOf(call)) {
        // Judged by its name alone it may have been taken for less than what configuration says of the server's tool.
        if (!weighsAs(weigh(name), weight)) continue
        const found = memory.proposed(owner, keyOf(name, args), exchange)
        if (found !== undefined) return found
      }
      return undefined
    },
  }
}

/** Of a conversation that could not be followed nothing is known, and so the worst. */
const unknown: FlowSession = {
  labels: () => WORST,
  looked: () => undefined,
  hear: () => undefined,
  decide: () => ({ verdict: 'hold', class: 'internal_write', reasons: [], controls: [] }),
  sources: () => [],
  trusts: () => false,
}

function callOf({ tool, server, arguments: text, offered }: ToolCall): Parameters<typeof decideCall>[1] {
  const said = offered?.()
  const [schema, annotations] = [treeOf(said?.schema), treeOf(said?.annotations)]
  return { tool, arguments: text, ...(server !== undefined && { server }), offered: { name: tool, ...(schema && { schema }), ...(annotations && { annotations }) } }
}

function treeOf(value: unknown): Tree | undefined {
  return isObject(value as Tree | undefined) ? (value as Tree) : undefined
}

/** What a call was taken for, as far as names and configuration say it. */
interface Weight {
  readonly sink: ToolClass
  readonly acting: ReadonlySet<string>
}

function weightOf(facts: ToolFacts, name: string, args: TreeObject | undefined): Weight {
  const sink = sinkOf(name, args, facts, undefined)
  return { sink: sink.class, acting: new Set(args === undefined ? [] : controlsOf(args, facts, undefined, sink).map(({ path }) => path)) }
}

function weighsAs(one: Weight, other: Weight): boolean {
  return higher(one.sink, other.sink) === one.sink && [...other.acting].every((path) => one.acting.has(path))
}

const MOST_NAMES = 4096

/**
 * Facts of a tool of which nobody said anything, by what was said of the tool that its name ends with: clients write a
 * server's tool with the server's name before it. Such a name is a claim, so it can raise what the tool is taken for and
 * how confidential its results are, and trusts nothing.
 */
function raisedByNames(tool: FlowParts['tool']): FlowParts['tool'] {
  const known = new Map<string, ToolFacts>()
  const likeness = (name: string): ToolFacts => {
    const own = tool(name)
    if (own !== UNKNOWN_TOOL) return own
    let made = own
    for (const { index, 0: sign } of name.slice(0, LONGEST_NAME).matchAll(/_+|[./:-]/g)) {
      const [server, rest] = [name.slice(0, index).replace(/^mcp(?:_+|[./:-])/, ''), name.slice(index + sign.length)]
      if (server === '' || rest === '') continue
      for (const { class: sink, attributes, control } of [tool(rest), tool(rest, server)]) {
        const [before, more] = [made.attributes['sensitivity'] ?? 0, attributes['sensitivity'] ?? 0]
        made = {
          ...made,
          ...(sink !== undefined && { least: higher(sink, made.least ?? 'read') }),
          ...(more > before && { attributes: { ...made.attributes, sensitivity: more } }),
          ...(control.length > 0 && { control: [...made.control, ...control] }),
        }
      }
    }
    return made
  }
  return (name, server) => {
    if (server !== undefined) return tool(name, server)
    let found = known.get(name)
    if (found === undefined) {
      found = likeness(name)
      if (known.size < MOST_NAMES) known.set(name, found)
    }
    return found
  }
}

const LONGEST_NAME = 256

/** Names under which clients offer a server's tool to their models: its own, and behind the name of the server. */
function namesOf({ tool, server }: ToolCall): readonly string[] {
  if (server === undefined) return [tool]
  return [tool, ...['__', '_', '.', '/', '-', ':'].flatMap((sign) => [`${server}${sign}${tool}`, `mcp${sign}${server}${sign}${tool}`])]
}

function keyOf(tool: string, args: string): string {
  return `${JSON.stringify(tool)}${args}`
}

/** The same arguments, however they are ordered and spaced. Unreadable ones are the same only letter by letter. */
function orderless(text: string): string {
  const tree = argumentTree(text)
  return tree === undefined ? text : writeJson(sorted(tree))
}

function sorted(value: Tree): Tree {
  if (Array.isArray(value)) return value.map(sorted)
  if (!isObject(value)) return value
  return new Map([...value].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, inner]) => [key, sorted(inner)]))
}

const MOST_TEXTS = 200

function argumentTexts(text: string): readonly string[] {
  const tree = argumentTree(text)
  return tree === undefined ? [] : argumentValues(tree, { control: [] }, MOST_TEXTS).flatMap(({ value }) => (typeof value === 'string' || typeof value === 'number' ? [String(value)] : []))
}

/**
 * Which turns are proven (DESIGN §4): a registered system prompt; the last user turn of a call that came with the
 * user's own token; the first turn of a minted task. What was proven once stays so when it is sent again.
 */
function attesting(memory: FlowMemory, { systemPrompts }: FlowSettings, principal: Principal, segments: readonly Segment[]): (segment: Segment) => boolean {
  const owner = ownerOf(principal)
  const { proof, chain } = principal
  const turns = new Map<string, string>()
  for (const { origin, group, text } of segments) if (origin === 'user') turns.set(group, `${turns.get(group) ?? ''}${text}\n`)
  const said = [...turns.values()]
  const [first, last] = [said[0], said.at(-1)]
  if (proof.kind === 'oidc' && chain.length > 0 && last !== undefined) memory.attest(owner, last, 'always')
  else if (proof.kind === 'task_token' && first !== undefined) memory.attest(owner, first, 'first')
  return ({ origin, group, text }) => {
    if (origin === 'system') return systemPrompts.has(createHash('sha256').update(text).digest('hex'))
    return origin === 'user' && memory.isAttested(owner, turns.get(group) ?? '')
  }
}
