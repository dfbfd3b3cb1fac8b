import type { PackageFacts } from '../../contract/program.ts'
import type { ToolFacts } from '../../contract/tool.ts'
import { isObject } from '../../formats/tree.ts'
import type { Item, Unusable } from '../../gateways/mcp/servers/items.ts'
import { foldedName, lookAlike, type Known } from '../../gateways/mcp/pins/names.ts'
import { crossings } from '../../gateways/mcp/pins/shadowing.ts'
import { skeleton } from '../../session/flow/fold.ts'
import { sinkOf } from '../../session/flow/sinks.ts'

/** What one server said when it was asked for everything. */
export interface Heard {
  readonly server: string
  readonly items: readonly Item[]
  readonly unusable: readonly (Unusable & { readonly kind: string })[]
  readonly facts?: PackageFacts
}

export interface ScanFinding {
  readonly server: string
  /** Such as `tools/add`; absent = the server itself. */
  readonly item?: string
  readonly finding: 'unreachable' | 'poisoned' | 'unusable' | 'look_alike' | 'shadowing' | 'floating' | 'annotation' | 'class'
  readonly detail: string
}

const DANGEROUS: ReadonlySet<string> = new Set(['money', 'destructive', 'privilege', 'code_execution'])

/** What stands out without a guardrail: names, references to others, what is run, and what tools claim to be. */
export function findingsOf(heard: readonly Heard[], facts: (tool: string, server: string) => ToolFacts): readonly ScanFinding[] {
  const all: Known[] = heard.flatMap(({ server, items }) => items.flatMap(({ kind, name, print }) => (kind === 'tools' ? [{ server, name, hash: print.hash }] : [])))
  return heard.flatMap(({ server, items, unusable, facts: run }): ScanFinding[] => {
    const own = new Set(items.map(({ name }) => name))
    const others = all.filter((one) => one.server !== server)
    return [
      ...(run?.floating === true ? [{ server, finding: 'floating', detail: `${run.name} is not held to a version: what is run may be another tomorrow` } as const] : []),
      ...unusable.map(({ kind, name, why }): ScanFinding => {
        const like = /[^\x20-\x7e]/.test(name) ? all.find((one) => foldedName(skeleton(name)) === foldedName(one.name)) : undefined
        return { server, item: `${kind}/${name}`, finding: like === undefined ? 'unusable' : 'look_alike', detail: like === undefined ? `${why}: it is left out` : `it looks like ${like.name} of ${like.server}; it is left out` }
      }),
      ...items.flatMap((item) => [
        ...(item.kind === 'tools' ? toolFindings(server, item, facts(item.name, server), all) : []),
        ...crossings(item.definition, own, others).map(({ server: other, tool, orders }): ScanFinding => ({ server, item: `${item.kind}/${item.name}`, finding: 'shadowing', detail: orders ? `it says how ${tool} of ${other} is to be used` : `it names ${tool} of ${other}` })),
      ]),
    ]
  })
}

function toolFindings(server: string, { kind, name, print, definition }: Item, facts: ToolFacts, all: readonly Known[]): readonly ScanFinding[] {
  const found: ScanFinding[] = []
  const say = (finding: ScanFinding['finding'], detail: string): void => void found.push({ server, item: `${kind}/${name}`, finding, detail })
  const like = lookAlike({ server, name, hash: print.hash }, all)
  if (like !== undefined) say('look_alike', like.name === name ? `${like.server} has another tool of this name` : `it looks like ${like.name} of ${like.server}`)
  const [annotations, schema] = [definition.get('annotations'), definition.get('inputSchema')]
  const taken = sinkOf(name, undefined, facts, { name, ...(schema !== undefined && { schema }) }).class
  const claims = (hint: string, value: boolean): boolean => isObject(annotations) && annotations.get(hint) === value
  if (claims('readOnlyHint', true) && taken !== 'read') say('annotation', `it claims to read only, and ${facts.class === undefined ? 'looks like' : 'is'} ${taken}`)
  else if (claims('destructiveHint', false) && taken === 'destructive') say('annotation', 'it claims to destroy nothing, and its name says that it does')
  if (facts.class === undefined && DANGEROUS.has(taken)) say('class', `it is taken for ${taken}: say what it is, under tools: "${server}/${name}"`)
  return found
}
