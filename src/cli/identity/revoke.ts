import { exit, flag, only, type Command } from '../command.ts'
import { runningAdmin } from './running.ts'

export const identityRevoke: Command = {
  name: 'identity revoke',
  summary: 'Revoke a workload, one certificate or one task token, from this moment on.',
  usage: 'ID',
  options: [],
  more: `ID is a SPIFFE id, as sallyport identity list shows it, the serial number of one certificate, or the id of one
task token, as receipts name it. With a workload go all its certificates, the tokens made from them and those that wait
for it to enrol; what runs under them is stopped.`,
  async run(args, io) {
    const what = only(args, 'ID')
    const { workload } = (await (await runningAdmin(io))('POST', 'identity/revoke', { what })) as { readonly workload?: string }
    await io.out(flag(args, 'json') ? `${JSON.stringify({ revoked: what, workload })}\n` : workload === undefined ? `Task token ${what} is revoked, and those made from it.\n` : what === workload ? `${workload} is revoked.\n` : `Certificate ${what} of ${workload} is revoked.\n`)
    return exit.ok
  },
}
