import { createHash } from 'node:crypto'
import { undoOf, type Shown, type ShownValue, type Source } from '../contract/shown.ts'
import type { Facts } from '../contract/facts.ts'
import type { Segment } from '../contract/segment.ts'
import type { ToolFacts } from '../contract/tool.ts'
import { refuse } from '../contract/verdict.ts'
import { argumentTree, argumentValues, declaredArguments, foldedText } from '../formats/arguments.ts'
import type { TreeObject } from '../formats/tree.ts'
import type { Consequence } from './child.ts'

/** Values that a reviewer is shown one by one, besides those that say whom or what it acts on; the whole body is always there. */
const MOST_VALUES = 200
/** Whose sources are looked for: each costs a look through the whole conversation. */
const MOST_SOURCED = 200
const MOST_SOURCES = 4
const EXCERPT = 160
const TASK = 500
/** Longer names are nobody's: they would stand in every receipt. */
const LONGEST_NAME = 256

/**
 * A tool call that a model proposes, as the action that policy decides about: declared arguments are parameters,
 * what configuration says of the tool are attributes and effects. Where policy relies on a tool's arguments, arguments
 * that cannot be read strictly, or are not of their declared type, are refused: a policy that asks `has` would miss them.
 */
export function proposalOf(facts: Facts, name: string, args: string, sequence: number): Consequence {
  const tool = facts.epoch.tool(name)
  const tree = argumentTree(args)
  const called = name.slice(0, LONGEST_NAME)
  const declared = called !== name ? 'the name is too long' : tree === undefined ? Object.keys(tool.parameters).length > 0 ? 'the arguments are not strict JSON' : {} : declaredArguments(tree, tool)
  return {
    action: 'tool.propose',
    resource: { type: 'Tool', id: called, attributes: tool.attributes },
    effects: tool.effects,
    parameters: { ...(typeof declared !== 'string' && declared), tool: called, argumentBytes: args.length },
    ...(typeof declared === 'string' && { refusal: refuse('denied', { detail: `${called}: ${declared}` }) }),
    sequence,
    call: { tool: called, arguments: args, ...(facts.reading?.offered && { offered: () => facts.reading?.offered?.(name) }) },
    fingerprint: () => createHash('sha256').update(`${name}\n`).update(args).digest('base64'),
    show: () => shown(tool, args, tree, facts.reading?.segments ?? []),
  }
}

function shown(tool: ToolFacts, args: string, tree: TreeObject | undefined, segments: readonly Segment[]): Shown {
  const haystacks = segments.map(({ text }) => foldedText(text))
  const found = tree === undefined ? [] : argumentValues(tree, tool, MOST_VALUES)
  const values = found.map((one, place): ShownValue => ({ ...one, sources: place < MOST_SOURCED ? sourcesOf(one.value, segments, haystacks) : [] }))
  const task = segments.findLast((one) => one.origin === 'user')?.text.slice(0, TASK)
  return {
    body: args,
    values,
    ...(tool.class && { class: tool.class }),
    undo: undoOf(tool.class),
    ...(task !== undefined && { task }),
  }
}

function sourcesOf(value: ShownValue['value'], segments: readonly Segment[], haystacks: readonly string[]): readonly Source[] {
  const needle = foldedText(String(value))
  if (typeof value === 'boolean' || value === null || needle.length < 2) return []
  const sources: Source[] = []
  for (const [index, haystack] of haystacks.entries()) {
    const at = haystack.indexOf(needle)
    if (at < 0) continue
    const from = Math.max(0, at - Math.max(0, EXCERPT - needle.length) / 2)
    sources.push({ origin: (segments[index] as Segment).origin, segment: index, excerpt: haystack.slice(from, from + EXCERPT) })
    if (sources.length === MOST_SOURCES) break
  }
  return sources
}
