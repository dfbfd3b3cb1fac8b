import { openIdentity } from '../../client/identity.ts'
import { exit, flag, none, text, UsageError, type Command } from '../command.ts'
import { moment } from '../show.ts'
import { failureOf, tokenFrom } from './enrolling.ts'

export const identityEnrol: Command = {
  name: 'identity enrol',
  summary: 'Enrol this machine or program with a token, and leave its certificate in a folder.',
  usage: '--token FILE --out DIR [--url URL]',
  options: [
    { name: 'token', value: 'FILE', help: 'File with the enrolment token, or - for stdin.' },
    { name: 'out', value: 'DIR', help: 'Folder for svid.pem, key.pem and bundle.pem.' },
    { name: 'url', value: 'URL', help: 'Where the house is. Default: as the token says.' },
  ],
  more: 'The certificate lasts for an hour or so and is not renewed by this: sallyport agent does both.',
  async run(args, io) {
    none(args)
    const [from, folder, url] = [text(args, 'token'), text(args, 'out'), text(args, 'url')]
    if (from === undefined) throw new UsageError('--token is missing')
    if (folder === undefined) throw new UsageError('--out is missing')
    const token = await tokenFrom(from, io)
    try {
      const identity = await openIdentity({ folder, token, signal: io.signal, ...(url !== undefined && { url }) })
      identity.close()
      await io.out(flag(args, 'json') ? `${JSON.stringify({ id: identity.id, expires: identity.expires, folder })}\n` : `${identity.id}, until ${moment(identity.expires)} UTC, in ${folder}\n`)
      return exit.ok
    } catch (error) {
      throw failureOf(error)
    }
  },
}
