import type { Endorsed } from '../../pinning.ts'
import { exit, flag, text, UsageError, type Command } from '../command.ts'
import { visible } from '../show.ts'
import { itemOf, labelOf, pinsAdmin, serverAt, short } from './pins.ts'

export const mcpEndorse: Command = {
  name: 'mcp endorse',
  summary: 'Pin what an MCP server says now, so that agents get it from this moment on.',
  usage: 'SERVER (ITEM | --all) --hash HASH',
  options: [
    { name: 'all', help: 'All that waits, but for what the guardrails refuse.' },
    { name: 'hash', value: 'HASH', help: 'Which definition: the hash that sallyport mcp diff showed, all of it. What has changed since has another.' },
  ],
  more: `Read what you endorse first: sallyport mcp diff SERVER. It ends with the commands for what waits. It needs the admin key of the
instance that runs here, and leaves a record of who endorsed what.`,
  async run(args, io) {
    const [name, written, ...rest] = args.positionals
    const all = flag(args, 'all')
    if (name === undefined) throw new UsageError('SERVER is missing')
    if (rest.length > 0) throw new UsageError(`SERVER and one ITEM are expected, got ${args.positionals.length}`)
    if ((written === undefined) !== all) throw new UsageError(all ? 'ITEM and --all exclude each other' : 'say what: an ITEM, or --all')
    const hash = text(args, 'hash')
    if (hash === undefined || !/^[0-9a-f]{64}$/.test(hash)) throw new UsageError(`--hash takes the whole hash of what you have read; see: sallyport mcp diff ${name}${written === undefined ? '' : ` ${written}`}`)
    const admin = await pinsAdmin(io)
    const item = written === undefined ? undefined : itemOf(await serverAt(admin, name, false), written)
    const { endorsed } = (await admin('POST', `mcp/servers/${encodeURIComponent(name)}/endorse`, { ...(item && { item: { kind: item.kind, name: item.name } }), hash })) as { readonly endorsed: readonly Endorsed[] }
    if (flag(args, 'json')) await io.out(`${JSON.stringify({ server: name, endorsed })}\n`)
    else await io.out(endorsed.map((one) => `${visible(labelOf(one))} of ${name} is pinned as ${short(one.hash)}.\n`).join(''))
    return exit.ok
  },
}
