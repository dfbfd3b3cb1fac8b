import { UNKNOWN_TOOL, type ToolFacts } from '../contract/tool.ts'
import type { SettledTools } from './tools/settings.ts'

/**
 * What configuration says of a tool: its own entry, else that of the longest prefix, else the empty facts. Of a tool of
 * an MCP server, entries that name the server (`server/tool`, `server/*`) come before those that do not.
 */
export function toolFactsOf({ byName }: SettledTools): (name: string, server?: string) => ToolFacts {
  const prefixes = [...byName]
    .filter(([name]) => name.endsWith('*'))
    .map(([name, facts]) => [name.slice(0, -1), facts] as const)
    .sort(([a], [b]) => b.length - a.length)
  const factsOf = (name: string, shortest: number): ToolFacts | undefined => {
    // A name with a star is a pattern, and no tool of that name can borrow its entry.
    const own = name.endsWith('*') ? undefined : byName.get(name)
    return own ?? prefixes.find(([prefix]) => prefix.length >= shortest && name.startsWith(prefix))?.[1]
  }
  return (name, server) => (server === undefined ? undefined : factsOf(`${server}/${name}`, server.length + 1)) ?? factsOf(name, 0) ?? UNKNOWN_TOOL
}
