import type { ApprovalView } from '../../approvals/desk.ts'
import { exit, flag, only, type Command } from '../command.ts'
import { AdminRefusal } from '../house.ts'
import { printable } from '../show.ts'
import { doorHelp, doorOf, urlOption } from './door.ts'
import { pageOf } from './page.ts'

export const approvalsShow: Command = {
  name: 'approvals show',
  summary: 'Show everything that one needs to decide: the exact action, where its values came from, why it is held.',
  usage: 'ID',
  options: [urlOption],
  more: `What agents and web pages wrote is quoted, and whatever a terminal would hide or obey in it is escaped.
Exit code 1: there is no such approval, or not for you.
${doorHelp}`,
  async run(args, io) {
    const id = only(args, 'ID')
    const { call } = await doorOf(args, io)
    let found: ApprovalView
    try {
      found = (await call('GET', `approvals/${encodeURIComponent(id)}`)) as ApprovalView
    } catch (error) {
      if (!(error instanceof AdminRefusal) || error.code !== 'not_found') throw error
      io.err(`sallyport: there is no approval ${printable(id)}: see sallyport approvals list --all\n`)
      return exit.negative
    }
    await io.out(flag(args, 'json') ? `${JSON.stringify(found)}\n` : pageOf(found, Date.now()))
    return exit.ok
  },
}
