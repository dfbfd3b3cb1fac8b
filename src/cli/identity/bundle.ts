import type { AuthorityFacts } from '../../identity/ca/ca.ts'
import { exit, flag, none, type Command } from '../command.ts'
import { moment, table } from '../show.ts'
import { runningAdmin } from './running.ts'

interface Shown {
  readonly bundle: { readonly spiffe_sequence: number }
  readonly trustDomain: string
  readonly pem: string
  readonly authorities: readonly AuthorityFacts[]
}

export const identityBundle: Command = {
  name: 'identity bundle',
  summary: 'Show the roots of the trust domain.',
  usage: '[--pem]',
  options: [{ name: 'pem', help: 'Write the roots as PEM, for TLS libraries.' }],
  more: 'With --json: the SPIFFE bundle, as GET /identity/bundle on a data port gives it to everybody.',
  async run(args, io) {
    none(args)
    const { trustDomain, bundle, pem, authorities } = (await (await runningAdmin(io))('GET', 'identity/bundle')) as Shown
    if (flag(args, 'json')) await io.out(`${JSON.stringify(bundle)}\n`)
    else if (flag(args, 'pem')) await io.out(pem)
    else await io.out(`Trust domain ${trustDomain}, bundle ${bundle.spiffe_sequence}\n\n${table(['CA', 'STATE', 'SIGNS FROM', 'TRUSTED UNTIL', 'SHA-256'], authorities.map((one) => [one.id, one.state, moment(one.from), one.until === undefined ? '' : moment(one.until), one.fingerprint]))}`)
    return exit.ok
  },
}
