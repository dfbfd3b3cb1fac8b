import type { WorkloadFacts } from '../../identity/workloads/roster.ts'
import type { RevocationRow } from '../../store/interfaces.ts'
import { exit, flag, none, text, type Command } from '../command.ts'
import { day, moment, table } from '../show.ts'
import { runningAdmin } from './running.ts'

export const identityList: Command = {
  name: 'identity list',
  summary: 'List workloads: what they are for, and how long their certificates last.',
  usage: '[--tenant TENANT]',
  options: [{ name: 'tenant', value: 'TENANT', help: 'Only the workloads of one tenant. Ids that are refused for a time have none and are always shown.' }],
  async run(args, io) {
    none(args)
    const { workloads: all, revoked } = (await (await runningAdmin(io))('GET', 'identity/workloads')) as { readonly workloads: readonly WorkloadFacts[]; readonly revoked: readonly RevocationRow[] }
    const tenant = text(args, 'tenant')
    const workloads = all.filter((one) => tenant === undefined || one.tenant === tenant)
    if (flag(args, 'json')) await io.out(`${JSON.stringify([...workloads, ...revoked.map((one) => ({ ...one, state: 'refused' }))])}\n`)
    else if (workloads.length + revoked.length === 0) await io.out('There are no workloads. Enrol one with: sallyport identity token --id /agents/NAME\n')
    else await io.out(table(['WORKLOAD', 'TENANT', 'STATE', 'SINCE', 'CERTIFICATES', 'UNTIL', 'ROLES'], [...workloads.map(rowOf), ...revoked.map(({ id, at, until }) => [id, '', 'refused', day(at), '', moment(until), ''])]))
    return exit.ok
  },
}

function rowOf(one: WorkloadFacts): string[] {
  const last = Math.max(0, ...one.certificates.map(({ expires }) => expires), one.state === 'offered' ? (one.offered ?? 0) : 0)
  return [one.id, one.tenant, one.state, one.created === undefined ? '' : day(one.created), String(one.certificates.length), last === 0 ? '' : moment(last), (one.roles ?? []).join(' ')]
}
