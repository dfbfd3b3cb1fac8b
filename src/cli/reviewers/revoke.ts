import { exit, Failure, flag, only, type Command } from '../command.ts'
import { actOf, adminOf, folderOf, runningOf, workshop } from '../house.ts'

export const reviewersRevoke: Command = {
  name: 'reviewers revoke',
  summary: "Revoke a reviewer's key, from this moment on and for good: what the person watches ends at once.",
  usage: 'ID',
  options: [],
  more: 'ID is the one that `sallyport reviewers list` shows. Decisions that the person made before stand; `sallyport approvals rules` and `grants` list them.',
  async run(args, io) {
    const id = only(args, 'ID')
    if (id.includes('_')) throw new Failure('that looks like a key, not like the ID of one: see sallyport reviewers list')
    const folder = folderOf(io)
    const running = runningOf(folder)
    if (running === undefined) {
      await workshop(io, async ({ reviewers, audit }) => {
        const tenant = reviewers.listReviewers().find((one) => one.id === id)?.tenant ?? 'default'
        if (!(await reviewers.revokeReviewer(id))) throw new Failure(`there is no reviewer ${id}, or it was revoked before: see sallyport reviewers list`)
        await audit.act(actOf(io, 'reviewer.revoke', tenant, { reviewer: id }))
      })
    } else {
      await (await adminOf(folder, running))('DELETE', `reviewers/${encodeURIComponent(id)}`)
    }
    await io.out(flag(args, 'json') ? `${JSON.stringify({ revoked: id })}\n` : `Reviewer ${id} is revoked.\n`)
    return exit.ok
  },
}
