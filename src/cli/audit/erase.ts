import { StoreError } from '../../store/interfaces.ts'
import { exit, Failure, flag, only, UsageError, type Command } from '../command.ts'
import { adminOf, folderOf, operatorOf, runningOf, workshop } from '../house.ts'
import { tenantOf } from './subject.ts'

export const auditErase: Command = {
  name: 'audit erase',
  summary: 'Erase the content of one subject for good; records stay, and the log still verifies.',
  usage: 'SUBJECT --yes',
  options: [{ name: 'yes', help: 'Yes, destroy the subject\'s key and payloads. There is no way back.' }],
  more: 'SUBJECT is what `sallyport audit show ID` names as subject: tenant/caller. A legal hold forbids it (exit code 1).',
  async run(args, io) {
    const subject = only(args, 'SUBJECT')
    const tenant = tenantOf(subject)
    if (!flag(args, 'yes')) throw new UsageError(`this destroys the content of ${subject} for good. If that is meant, add --yes`)
    const folder = folderOf(io)
    const running = runningOf(folder)
    let erased: { readonly dropped: number; readonly approvals: number }
    try {
      erased =
        running === undefined
          ? await workshop(io, async ({ audit, forget }) => ({ dropped: await audit.erase({ subject, tenant, by: operatorOf(io) }), approvals: await forget(subject) }))
          : ((await (await adminOf(folder, running))('POST', 'erase', { subject, tenant })) as typeof erased)
    } catch (error) {
      const held = heldBy(error)
      if (held === undefined) throw error
      io.err(`sallyport: ${held}\n`)
      return exit.negative
    }
    await io.out(flag(args, 'json') ? `${JSON.stringify({ subject, payloads: erased.dropped, approvals: erased.approvals })}\n` : `Erased: the content of ${subject} (${erased.dropped} payloads, ${erased.approvals} approvals).\n`)
    return exit.ok
  },
}

/** The sentence about a legal hold, when that is what stood in the way. */
function heldBy(error: unknown): string | undefined {
  if (error instanceof StoreError && error.fault === 'held') return `a legal hold protects this subject: ${error.message}`
  return error instanceof Failure && /legal hold/.test(error.message) ? error.message : undefined
}
