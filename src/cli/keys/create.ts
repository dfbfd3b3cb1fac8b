import * as z from 'zod'
import { DURATION, durationMs } from '../../formats/units.ts'
import type { KeyFacts } from '../../identity/keyring.ts'
import { keySpec, type KeySpec } from '../../identity/settings.ts'
import { exit, flag, list, none, text, UsageError, type Args, type Command } from '../command.ts'
import { adminOf, folderOf, actOf, runningOf, workshop } from '../house.ts'

interface Made {
  readonly key: string
  readonly facts: KeyFacts
}

export const keysCreate: Command = {
  name: 'keys create',
  summary: 'Create an API key and show it, this once.',
  usage: '--name NAME [options]',
  options: [
    { name: 'name', short: 'n', value: 'NAME', help: 'What people call the key.' },
    { name: 'tenant', value: 'TENANT', help: 'Whose key it is. Default: default.' },
    { name: 'expires', value: 'DURATION', help: 'How long it is good for, such as 12h or 30d. Default: until revoked.' },
    { name: 'route', value: 'ROUTE', many: true, help: 'Route that it may use; a trailing * matches a prefix. May be repeated. Default: every route.' },
    { name: 'model', value: 'MODEL', many: true, help: 'Model that it may use; a trailing * matches a prefix. May be repeated. Default: every model.' },
    { name: 'cohort', value: 'COHORT', help: 'Group of callers that shares budgets.' },
    { name: 'agent', value: 'AGENT', help: 'Name of the agent that uses it.' },
    { name: 'role', value: 'ROLE', many: true, help: 'Role that policies see. May be repeated.' },
    { name: 'right', value: 'RIGHT', many: true, help: 'Extra right, such as scores. May be repeated.' },
  ],
  more: `The key alone goes to stdout, so that it can be captured:  KEY=$(sallyport keys create --name me)
It is stored as a keyed hash only: a lost key cannot be shown again.`,
  async run(args, io) {
    none(args)
    const spec = specOf(args)
    const folder = folderOf(io)
    const running = runningOf(folder)
    const made =
      running === undefined
        ? await workshop(io, async ({ keyring, audit }) => {
            const one = await keyring.createKey(spec)
            await audit.act(actOf(io, 'key.create', one.facts.tenant, { key: one.facts.id, name: one.facts.name }))
            return one
          })
        : ((await (await adminOf(folder, running))('POST', 'keys', spec)) as Made)
    if (flag(args, 'json')) {
      await io.out(`${JSON.stringify({ key: made.key, ...made.facts })}\n`)
      return exit.ok
    }
    io.err(`Key ${made.facts.id} (${made.facts.name}). It is shown this once:\n`)
    await io.out(`${made.key}\n`)
    return exit.ok
  },
}

function specOf(args: Args): KeySpec {
  const name = text(args, 'name')
  if (name === undefined) throw new UsageError('--name is missing')
  const expires = text(args, 'expires')
  if (expires !== undefined && (!DURATION.test(expires) || durationMs(expires) === 0)) throw new UsageError(`--expires takes a duration such as 12h or 30d, not "${expires}"`)
  const some = (key: string, value: unknown): object => (value === undefined ? {} : { [key]: value })
  const spec = {
    name,
    ...some('tenant', text(args, 'tenant')),
    ...some('expires', expires === undefined ? undefined : Date.now() + durationMs(expires)),
    ...some('routes', list(args, 'route')),
    ...some('models', list(args, 'model')),
    ...some('cohort', text(args, 'cohort')),
    ...some('agent', text(args, 'agent')),
    ...some('roles', list(args, 'role')),
    ...some('rights', list(args, 'right')),
  }
  const parsed = keySpec.safeParse(spec)
  if (!parsed.success) throw new UsageError(z.prettifyError(parsed.error))
  return parsed.data
}
