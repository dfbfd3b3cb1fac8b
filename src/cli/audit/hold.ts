import { exit, flag, only, text, UsageError, type Args, type Command } from '../command.ts'
import { adminOf, folderOf, operatorOf, runningOf, workshop } from '../house.ts'
import { moment } from '../show.ts'
import { tenantOf } from './subject.ts'

export const auditHold: Command = {
  name: 'audit hold',
  summary: 'Put a legal hold on the content of one subject, or lift it: held content is neither erased nor expired.',
  usage: 'SUBJECT --reason TEXT [--until DATE | --lift]',
  options: [
    { name: 'reason', value: 'TEXT', help: 'Why, for the record.' },
    { name: 'until', value: 'DATE', help: 'When it ends, such as 2027-06-30. Default: when it is lifted.' },
    { name: 'lift', help: 'Lift the hold.' },
  ],
  async run(args, io) {
    const subject = only(args, 'SUBJECT')
    const tenant = tenantOf(subject)
    const reason = text(args, 'reason')
    if (reason === undefined || reason.trim() === '') throw new UsageError('--reason is missing')
    const until = untilOf(args)
    const folder = folderOf(io)
    const running = runningOf(folder)
    if (running === undefined) await workshop(io, ({ audit }) => audit.hold({ subject, tenant, by: operatorOf(io) }, until, reason))
    else await (await adminOf(folder, running))('POST', 'hold', { subject, tenant, reason, ...(until !== undefined && { until }) })
    const lifted = flag(args, 'lift')
    if (flag(args, 'json')) await io.out(`${JSON.stringify({ subject, held: !lifted, ...(!lifted && until !== undefined && { until }) })}\n`)
    else await io.out(lifted ? `The hold on ${subject} is lifted.\n` : `${subject} is held${until === undefined ? '' : ` until ${moment(until)} UTC`}.\n`)
    return exit.ok
  },
}

/** End of the hold in ms since the epoch; undefined = open; the epoch itself lifts it. */
function untilOf(args: Args): number | undefined {
  const written = text(args, 'until')
  if (flag(args, 'lift')) {
    if (written !== undefined) throw new UsageError('--until and --lift exclude each other')
    return 0
  }
  if (written === undefined) return undefined
  const until = /^\d{4}-\d\d-\d\d(T[\d:.]+Z)?$/.test(written) ? Date.parse(written) : Number.NaN
  if (!(until > Date.now())) throw new UsageError(`--until takes a date in the future such as 2027-06-30, not "${written}"`)
  return until
}
