import { exit, Failure, flag, only, type Command } from '../command.ts'
import { adminOf, folderOf, actOf, runningOf, workshop } from '../house.ts'

export const keysRevoke: Command = {
  name: 'keys revoke',
  summary: 'Revoke an API key, from this moment on and for good.',
  usage: 'ID',
  options: [],
  more: 'ID is the one that `sallyport keys list` shows. A key itself is refused here, so that it does not end up in a shell history.',
  async run(args, io) {
    const id = only(args, 'ID')
    if (id.includes('_')) throw new Failure('that looks like a key, not like the ID of one: see sallyport keys list')
    const folder = folderOf(io)
    const running = runningOf(folder)
    if (running === undefined) {
      await workshop(io, async ({ keyring, audit }) => {
        const tenant = keyring.listKeys().find((one) => one.id === id)?.tenant ?? 'default'
        if (!(await keyring.revokeKey(id))) throw new Failure(`there is no key ${id}, or it was revoked before: see sallyport keys list`)
        await audit.act(actOf(io, 'key.revoke', tenant, { key: id }))
      })
    } else {
      await (await adminOf(folder, running))('DELETE', `keys/${encodeURIComponent(id)}`)
    }
    await io.out(flag(args, 'json') ? `${JSON.stringify({ revoked: id })}\n` : `Key ${id} is revoked.\n`)
    return exit.ok
  },
}
