import * as z from 'zod'
import { DURATION, durationMs } from '../../formats/units.ts'
import { enrolmentSpec, type EnrolmentSpec } from '../../identity/workloads/enrolment.ts'
import type { Minted } from '../../identity/workloads/roster.ts'
import { exit, flag, list, none, text, UsageError, type Args, type Command } from '../command.ts'
import { moment } from '../show.ts'
import { runningAdmin } from './running.ts'

export const identityToken: Command = {
  name: 'identity token',
  summary: 'Make a token with which one workload enrols, once.',
  usage: '--id PATH [options]',
  options: [
    { name: 'id', value: 'PATH', help: 'Path of its SPIFFE id, such as /agents/researcher.' },
    { name: 'tenant', value: 'TENANT', help: 'Whose workload it is. Default: default.' },
    { name: 'ttl', value: 'DURATION', help: 'How long the token is good for, at most 1h. Default: 10m.' },
    { name: 'url', value: 'URL', help: 'Where the workload reaches this house. Default: listen.secure.' },
    { name: 'route', value: 'ROUTE', many: true, help: 'Route that it may use; a trailing * matches a prefix. May be repeated. Default: every route.' },
    { name: 'model', value: 'MODEL', many: true, help: 'Model that it may use; a trailing * matches a prefix. May be repeated. Default: every model.' },
    { name: 'tool', value: 'TOOL', many: true, help: 'Tool that it may use; a trailing * matches a prefix. May be repeated. Default: every tool.' },
    { name: 'cohort', value: 'COHORT', help: 'Group of callers that shares budgets.' },
    { name: 'agent', value: 'AGENT', help: 'Name of the agent.' },
    { name: 'role', value: 'ROLE', many: true, help: 'Role that policies see. May be repeated.' },
    { name: 'right', value: 'RIGHT', many: true, help: 'Extra right, such as scores. May be repeated.' },
  ],
  more: `The token alone goes to stdout:  sallyport identity token --id /agents/me | sallyport agent --folder id --token -
It works once, here and nowhere else, and names the CA that the workload is to trust. What the workload may do is kept
here, not in the token. A workload that exists gets the new scope when the token is used; one that was revoked is back.`,
  async run(args, io) {
    none(args)
    const spec = specOf(args)
    const made = (await (await runningAdmin(io))('POST', 'identity/tokens', spec)) as Minted
    if (flag(args, 'json')) {
      await io.out(`${JSON.stringify(made)}\n`)
      return exit.ok
    }
    io.err(`Token for ${made.id} (tenant ${made.tenant}), good once, until ${moment(made.expires)} UTC:\n`)
    await io.out(`${made.token}\n`)
    return exit.ok
  },
}

function specOf(args: Args): EnrolmentSpec {
  const id = text(args, 'id')
  if (id === undefined) throw new UsageError('--id is missing')
  const ttl = text(args, 'ttl')
  if (ttl !== undefined && (!DURATION.test(ttl) || durationMs(ttl) === 0)) throw new UsageError(`--ttl takes a duration such as 10m or 1h, not "${ttl}"`)
  const some = (key: string, value: unknown): object => (value === undefined ? {} : { [key]: value })
  const parsed = enrolmentSpec.safeParse({
    id,
    ...some('tenant', text(args, 'tenant')),
    ...some('ttl', ttl === undefined ? undefined : durationMs(ttl)),
    ...some('url', text(args, 'url')),
    ...some('routes', list(args, 'route')),
    ...some('models', list(args, 'model')),
    ...some('tools', list(args, 'tool')),
    ...some('cohort', text(args, 'cohort')),
    ...some('agent', text(args, 'agent')),
    ...some('roles', list(args, 'role')),
    ...some('rights', list(args, 'right')),
  })
  if (!parsed.success) throw new UsageError(z.prettifyError(parsed.error))
  return parsed.data
}
