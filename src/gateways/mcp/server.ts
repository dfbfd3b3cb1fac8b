import type { AskOptions, Link } from './link.ts'
import type { McpServer } from './settings.ts'
import { listTools, type Tool } from './tools.ts'

/** One configured server, for as long as its settings stay as they are. */
export interface Server {
  readonly settings: McpServer
  readonly link: Link
  /** Its tools as they are now, asked for anew. @throws {Refused} */
  list(options: AskOptions): Promise<readonly Tool[]>
  /** One tool, from memory while nothing said that it changed; undefined where there is none. @throws {Refused} */
  tool(name: string, options: AskOptions): Promise<Tool | undefined>
  /** What memory has of it. */
  known(name: string): Tool | undefined
}

export function serverOver(settings: McpServer, link: Link): Server {
  let tools: ReadonlyMap<string, Tool> | undefined
  let asOf = -1

  const isCurrent = (): boolean => tools !== undefined && asOf === link.changes()

  async function list(options: AskOptions): Promise<readonly Tool[]> {
    await link.introduction(options)
    // Of before the question, so that a change while it is answered is not taken for known.
    const before = link.changes()
    const listed = await listTools(link, options)
    tools = new Map(listed.map((one) => [one.name, one]))
    asOf = before
    return listed
  }

  return {
    settings,
    link,
    list,
    async tool(name, options) {
      if (!isCurrent()) await list(options)
      return tools?.get(name)
    },
    known: (name) => (isCurrent() ? tools?.get(name) : undefined),
  }
}
