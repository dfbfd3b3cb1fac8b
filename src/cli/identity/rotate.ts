import type { AuthorityFacts } from '../../identity/ca/ca.ts'
import { exit, flag, none, type Command } from '../command.ts'
import { moment } from '../show.ts'
import { runningAdmin } from './running.ts'

export const identityRotate: Command = {
  name: 'identity rotate',
  summary: 'Make a new CA; the old one stays trusted until its last certificate has ended.',
  usage: '[--compromised]',
  options: [{ name: 'compromised', help: 'Trust the old one no more, from this moment on: every workload must enrol again.' }],
  more: 'The new CA is in the bundle at once and signs when every workload has renewed, and so has heard of it.',
  async run(args, io) {
    none(args)
    const made = (await (await runningAdmin(io))('POST', 'identity/rotate', { compromised: flag(args, 'compromised') })) as AuthorityFacts
    await io.out(flag(args, 'json') ? `${JSON.stringify(made)}\n` : `CA ${made.id} signs ${made.state === 'signing' ? 'now' : `from ${moment(made.from)} UTC on`}.\n`)
    return exit.ok
  },
}
