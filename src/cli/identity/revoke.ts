import { DURATION, durationMs } from '../../formats/units.ts'
import { exit, flag, only, text, UsageError, type Command } from '../command.ts'
import { moment } from '../show.ts'
import { runningAdmin } from './running.ts'

export const identityRevoke: Command = {
  name: 'identity revoke',
  summary: 'Revoke a workload, a certificate, a user or a token, from this moment on.',
  usage: 'ID [--for DURATION | --lift]',
  options: [
    { name: 'for', value: 'DURATION', help: 'Refuse the id wherever it appears for so long, and leave an enrolled workload enrolled. Default for ids that are not enrolled here: 24h.' },
    { name: 'lift', help: 'End what --for began.' },
  ],
  more: `ID is a SPIFFE id, as sallyport identity list shows it, or the serial number of one certificate, with which go those
that were renewed with it. With a workload go all its certificates, the tokens made from them and those that wait for it to enrol; what runs under them is stopped.
Any other ID is refused for a time: a workload or user of an issuer, a program on this machine, a token or a task by the
id that receipts name. It must be written exactly as there. What such a credential was made into goes with it.`,
  async run(args, io) {
    const what = only(args, 'ID')
    const written = text(args, 'for')
    const lift = flag(args, 'lift')
    if (written !== undefined && (lift || !DURATION.test(written) || durationMs(written) < 1000)) throw new UsageError(lift ? '--for and --lift exclude each other' : `--for takes a duration such as 10m or 7d, not "${written}"`)
    const said = (await (await runningAdmin(io))('POST', lift ? 'identity/lift' : 'identity/revoke', { what, ...(written !== undefined && { for: durationMs(written) }) })) as { readonly workload?: string; readonly until?: number }
    const sentence = lift
      ? `${what} is accepted again.`
      : said.until !== undefined
        ? `${what} is refused until ${moment(said.until)} UTC, wherever it appears.`
        : what === said.workload
          ? `${what} is revoked.`
          : `Certificate ${what} of ${said.workload} is revoked.`
    await io.out(`${flag(args, 'json') ? JSON.stringify(said) : sentence}\n`)
    return exit.ok
  },
}
