import { stateFiles } from '../../config/state.ts'
import { systemClock } from '../../edge/clock.ts'
import { openReviewers, type ReviewerFacts } from '../../identity/reviewers.ts'
import { openSecret } from '../../identity/secret.ts'
import { exit, flag, none, text, type Command } from '../command.ts'
import { adminOf, folderOf, readingStore, runningOf } from '../house.ts'
import { day, table } from '../show.ts'

export const reviewersList: Command = {
  name: 'reviewers list',
  summary: 'List reviewers: everything about them but their keys.',
  usage: '[--tenant TENANT]',
  options: [{ name: 'tenant', value: 'TENANT', help: 'Only the reviewers of one tenant.' }],
  async run(args, io) {
    none(args)
    const folder = folderOf(io)
    const running = runningOf(folder)
    const all =
      running === undefined
        ? await readingStore(io, async ({ keys }) => (await openReviewers({ keys, secret: await openSecret(stateFiles(folder).keySecret), clock: systemClock })).listReviewers())
        : ((await (await adminOf(folder, running))('GET', 'reviewers')) as { readonly reviewers: readonly ReviewerFacts[] }).reviewers
    const tenant = text(args, 'tenant')
    const reviewers = all.filter((one) => tenant === undefined || one.tenant === tenant)
    if (flag(args, 'json')) {
      await io.out(`${JSON.stringify(reviewers)}\n`)
    } else if (reviewers.length === 0) {
      await io.out('There are no reviewers: only the admin key decides. Create one with: sallyport reviewers create --name NAME\n')
    } else {
      const rows = reviewers.map((one) => [one.id, one.name, one.identity ?? '', one.tenant, one.state, one.groups.join(' '), one.rights.join(' '), one.expires === undefined ? 'never' : day(one.expires)])
      await io.out(table(['ID', 'NAME', 'IDENTITY', 'TENANT', 'STATE', 'GROUPS', 'RIGHTS', 'EXPIRES'], rows))
    }
    return exit.ok
  },
}
