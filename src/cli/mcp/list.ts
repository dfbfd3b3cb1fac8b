import type { ServerView } from '../../endorsing.ts'
import type { PinView } from '../../pinning.ts'
import { exit, flag, UsageError, type Command } from '../command.ts'
import { moment, table, visible } from '../show.ts'
import { labelOf, lookOption, pinsAdmin, serverAt, short, whyText } from './pins.ts'

export const mcpList: Command = {
  name: 'mcp list',
  summary: 'List the MCP servers, what they offer, and whether it is as it was pinned.',
  usage: '[SERVER] [--look]',
  options: [lookOption],
  more: `Without SERVER, one line for each server. States: pinned (agents have it), new (seen, and never pinned), quarantined (it
changed since it was pinned), refused (pinned, and the guardrails do not let it pass). What a server was never asked for is not
listed: an agent's first list, or --look, asks. What waits is shown by sallyport mcp diff SERVER.`,
  async run({ positionals, ...args }, io) {
    const [name, ...rest] = positionals
    if (rest.length > 0) throw new UsageError(`one SERVER is expected, got ${positionals.length}`)
    const admin = await pinsAdmin(io)
    const look = flag({ positionals, ...args }, 'look')
    const json = flag({ positionals, ...args }, 'json')
    if (name !== undefined) {
      const server = await serverAt(admin, name, look)
      await io.out(json ? `${JSON.stringify(server)}\n` : server.items.length === 0 ? `${name} was never met. Ask it now with: sallyport mcp list ${name} --look\n` : table(['ITEM', 'STATE', 'HASH', 'SINCE', ''], server.items.map(rowOf)))
      return exit.ok
    }
    const { servers } = (await admin('GET', 'mcp/servers')) as { readonly servers: readonly ServerView[] }
    const shown = look ? await Promise.all(servers.map((one) => serverAt(admin, one.name, true))) : servers
    await io.out(json ? `${JSON.stringify(shown)}\n` : shown.length === 0 ? 'The settings name no MCP server (mcpServers).\n' : table(['SERVER', 'BY', 'FIRST SIGHT', 'PINNED', 'WAITING', 'REFUSED'], shown.map(lineOf)))
    return exit.ok
  },
}

function rowOf(one: PinView): readonly string[] {
  const { state, pinned, since, by, seen, at } = one
  const when = state === 'pinned' || state === 'refused' ? `${moment(since ?? 0)} by ${visible(by ?? '')}` : moment(at ?? 0)
  return [visible(labelOf(one)), state, short(seen ?? pinned ?? ''), when, whyText(one)]
}

function lineOf({ name, kind, pin, items }: ServerView): readonly string[] {
  const count = (wanted: (one: PinView) => boolean): string => String(items.filter(wanted).length)
  return [name, kind, pin, count(({ state }) => state === 'pinned'), count(({ state }) => state === 'new' || state === 'quarantined'), count(({ found }) => found !== undefined)]
}
