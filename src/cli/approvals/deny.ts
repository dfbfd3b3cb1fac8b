import { exit, flag, only, text, type Command } from '../command.ts'
import { decide, decidedText } from './decide.ts'
import { doorHelp, doorOf, urlOption } from './door.ts'

export const approvalsDeny: Command = {
  name: 'approvals deny',
  summary: 'Deny what waits, with a word to its caller; with --end-session nothing else of its session goes on either.',
  usage: 'ID [--message TEXT] [--end-session]',
  options: [
    { name: 'message', short: 'm', value: 'TEXT', help: 'What the caller is told; agents read it, so say what to do instead.' },
    { name: 'end-session', help: 'Refuse everything else of the session as well, until it is lifted: sallyport approvals ended.' },
    { name: 'note', value: 'TEXT', help: 'Why, for the audit record only.' },
    urlOption,
  ],
  more: doorHelp,
  async run(args, io) {
    const id = only(args, 'ID')
    const message = text(args, 'message')
    const kind = flag(args, 'end-session') ? 'end' : 'deny'
    const done = await decide(await doorOf(args, io), id, () => ({ kind, ...(message !== undefined && { message }) }), text(args, 'note'))
    await io.out(flag(args, 'json') ? `${JSON.stringify(done.decided)}\n` : decidedText(done))
    return exit.ok
  },
}
