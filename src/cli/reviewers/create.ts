import * as z from 'zod'
import { DURATION, durationMs } from '../../formats/units.ts'
import { reviewerSpec, type ReviewerFacts, type ReviewerSpec } from '../../identity/reviewers.ts'
import { exit, flag, list, none, text, UsageError, type Args, type Command } from '../command.ts'
import { actOf, adminOf, folderOf, runningOf, workshop } from '../house.ts'

interface Made {
  readonly key: string
  readonly facts: ReviewerFacts
}

export const reviewersCreate: Command = {
  name: 'reviewers create',
  summary: "Create a reviewer's key and show it, this once.",
  usage: '--name NAME [options]',
  options: [
    { name: 'name', short: 'n', value: 'NAME', help: "The person's name." },
    { name: 'identity', value: 'IDENTITY', help: 'Who the person is as a user of agents, as receipts show it in chain: never decides about its own calls.' },
    { name: 'group', value: 'GROUP', many: true, help: 'Approver group, as policies name it. May be repeated.' },
    { name: 'tenant', value: 'TENANT', help: 'Whose holds the person decides about. Default: default.' },
    { name: 'right', value: 'RIGHT', many: true, help: 'author: may make rules of decisions. Default: none.' },
    { name: 'expires', value: 'DURATION', help: 'How long it is good for, such as 12h or 30d. Default: until revoked.' },
  ],
  more: `The key alone goes to stdout, so that it can be captured:  KEY=$(sallyport reviewers create --name Alice)
It opens the approvals of the admin port and nothing else; agents' keys do not. Give it to the person, and keep it away
from agents: in their shell, SALLYPORT_REVIEWER_KEY=KEY sallyport approvals watch.`,
  async run(args, io) {
    none(args)
    const spec = specOf(args)
    const folder = folderOf(io)
    const running = runningOf(folder)
    const made =
      running === undefined
        ? await workshop(io, async ({ reviewers, audit }) => {
            const one = await reviewers.createReviewer(spec)
            await audit.act(actOf(io, 'reviewer.create', one.facts.tenant, { reviewer: one.facts.id, name: one.facts.name }))
            return one
          })
        : ((await (await adminOf(folder, running))('POST', 'reviewers', spec)) as Made)
    if (flag(args, 'json')) {
      await io.out(`${JSON.stringify({ key: made.key, ...made.facts })}\n`)
      return exit.ok
    }
    io.err(`Reviewer ${made.facts.id} (${made.facts.name}). The key is shown this once:\n`)
    await io.out(`${made.key}\n`)
    return exit.ok
  },
}

function specOf(args: Args): ReviewerSpec {
  const name = text(args, 'name')
  if (name === undefined) throw new UsageError('--name is missing')
  const expires = text(args, 'expires')
  if (expires !== undefined && (!DURATION.test(expires) || durationMs(expires) === 0)) throw new UsageError(`--expires takes a duration such as 12h or 30d, not "${expires}"`)
  const some = (key: string, value: unknown): object => (value === undefined ? {} : { [key]: value })
  const parsed = reviewerSpec.safeParse({
    name,
    ...some('identity', text(args, 'identity')),
    ...some('groups', list(args, 'group')),
    ...some('tenant', text(args, 'tenant')),
    ...some('rights', list(args, 'right')),
    ...some('expires', expires === undefined ? undefined : Date.now() + durationMs(expires)),
  })
  if (!parsed.success) throw new UsageError(z.prettifyError(parsed.error))
  return parsed.data
}
