import { UNKNOWN_TOOL, type ToolFacts } from '../contract/tool.ts'
import type { SettledTools } from './tools/settings.ts'

/** What configuration says of a tool: its own entry, else that of the longest prefix, else the empty facts. */
export function toolFactsOf({ byName }: SettledTools): (name: string) => ToolFacts {
  const prefixes = [...byName]
    .filter(([name]) => name.endsWith('*'))
    .map(([name, facts]) => [name.slice(0, -1), facts] as const)
    .sort(([a], [b]) => b.length - a.length)
  return (name) => {
    // A name with a star is a pattern, and no tool of that name can borrow its entry.
    const own = name.endsWith('*') ? undefined : byName.get(name)
    return own ?? prefixes.find(([prefix]) => name.startsWith(prefix))?.[1] ?? UNKNOWN_TOOL
  }
}
