import { exit, Failure, flag, none, only, text, UsageError, type Command, type Io } from '../command.ts'
import { adminOf, folderOf, runningOf, type Admin } from '../house.ts'
import { moment, printable, table } from '../show.ts'

interface Listed {
  readonly tenant: string
  readonly caller: string
  readonly user?: string
  readonly server: string
  readonly issuer: string
  readonly scope: string
  readonly at: number
}

/** The instance that uses the grants. @throws {Failure} where none runs: what it has in memory would go on. */
async function usingAdmin(io: Io): Promise<Admin> {
  const folder = folderOf(io)
  const running = runningOf(folder)
  if (running === undefined) throw new Failure(`nothing runs on ${folder}. Start it with: sallyport up`)
  return await adminOf(folder, running)
}

export const mcpGrants: Command = {
  name: 'mcp grants',
  summary: 'List which callers may use which servers in whose name.',
  usage: '',
  options: [],
  more: 'Of servers with oauth: what people have agreed to. Tokens are never shown.',
  async run(args, io) {
    none(args)
    const { grants } = (await (await usingAdmin(io))('GET', 'mcp/grants')) as { readonly grants: readonly Listed[] }
    if (flag(args, 'json')) await io.out(`${JSON.stringify(grants)}\n`)
    else if (grants.length === 0) await io.out('Nobody has let a server be used yet.\n')
    else await io.out(table(['SERVER', 'CALLER', 'USER', 'TENANT', 'SCOPES', 'ISSUER', 'SINCE (UTC)'], grants.map((one) => [one.server, one.caller, one.user ?? '', one.tenant, one.scope, one.issuer, moment(one.at)].map(printable))))
    return exit.ok
  },
}

export const mcpConsent: Command = {
  name: 'mcp consent',
  summary: 'Vouch for whoever agrees in the place of a caller that has no credential to show.',
  usage: 'TICKET',
  options: [],
  more: `TICKET is the address that the caller was told, or the end of it. Open that address and give the code there: it is good once.
Whoever agrees lets the caller use the server with the account that they log in with; the record says that it was you who
vouched.`,
  async run(args, io) {
    const written = only(args, 'TICKET')
    const ticket = /(?:^|[?&]ticket=)([A-Za-z0-9_-]{43})$/.exec(written)?.[1]
    if (ticket === undefined) throw new UsageError('TICKET is the address that the caller was told, or what stands after ticket= in it')
    const said = (await (await usingAdmin(io))('POST', 'mcp/consent', { ticket })) as { readonly server: string; readonly caller: string; readonly user?: string; readonly url: string; readonly code: string }
    if (flag(args, 'json')) await io.out(`${JSON.stringify(said)}\n`)
    else await io.out(`${printable(said.caller)}${said.user === undefined ? '' : `, acting for ${printable(said.user)},`} wants to use ${printable(said.server)}.\nOpen ${said.url}\nand give this code, once: ${said.code}\n`)
    return exit.ok
  },
}

export const mcpForget: Command = {
  name: 'mcp forget',
  summary: 'End what people have agreed to: the tokens for a server are taken back and forgotten.',
  usage: 'SERVER [--caller ID] [--user NAME]',
  options: [
    { name: 'caller', value: 'ID', help: 'Only those of this caller, as sallyport mcp grants shows it.' },
    { name: 'user', value: 'NAME', help: 'Only those of callers that act for this user.' },
  ],
  more: 'The authorization server is told where it takes tokens back. Whoever calls next is asked to agree again.',
  async run(args, io) {
    const server = only(args, 'SERVER')
    const [caller, user] = [text(args, 'caller'), text(args, 'user')]
    const said = (await (await usingAdmin(io))('POST', 'mcp/forget', { server, ...(caller !== undefined && { caller }), ...(user !== undefined && { user }) })) as { readonly forgotten: number }
    await io.out(flag(args, 'json') ? `${JSON.stringify(said)}\n` : `${said.forgotten} ${said.forgotten === 1 ? 'grant was' : 'grants were'} forgotten.\n`)
    return exit.ok
  },
}
