import { resolve } from 'node:path'
import { IdentityError, openIdentity, type Identity } from '../client/identity.ts'
import { exit, flag, none, text, UsageError, type Command, type Io } from './command.ts'
import { failureOf, tokenFrom } from './identity/enrolling.ts'
import { moment } from './show.ts'

export const agent: Command = {
  name: 'agent',
  summary: "Keep a workload's certificate fresh in a folder, until SIGTERM or Ctrl-C.",
  usage: '--folder DIR [--token FILE] [--url URL]',
  options: [
    { name: 'folder', value: 'DIR', help: 'Folder for svid.pem, key.pem (0600), bundle.pem and identity.json; each is replaced in one step.' },
    { name: 'token', value: 'FILE', help: 'File with an enrolment token, or - for stdin; read only where the folder holds no certificate that is still good.' },
    { name: 'url', value: 'URL', help: 'Where the house is. Default: as the token said.' },
  ],
  more: `Renews at half of the certificate's life, and again and again, ever more slowly, while the house cannot be reached.
Ends with exit code 3 when the identity was revoked or has expired: only a new token helps then. With --json it writes
one line of JSON for each thing that happens.`,
  async run(args, io) {
    none(args)
    const written = text(args, 'folder')
    if (written === undefined) throw new UsageError('--folder is missing')
    const folder = resolve(io.cwd, written)
    const tell = async (event: string, said: string, more: object): Promise<void> => {
      if (flag(args, 'json')) await io.out(`${JSON.stringify({ event, ...more })}\n`)
      else io.err(`${said}\n`)
    }
    try {
      const identity = await opened(folder, text(args, 'token'), text(args, 'url'), io)
      const ready = (event: string): Promise<void> =>
        tell(event, `${identity.id} until ${moment(identity.expires)} UTC, in ${folder}; renewal at ${moment(identity.renews)}`, { id: identity.id, expires: identity.expires, renews: identity.renews, folder })
      await ready('ready')
      // Whoever read along may have gone; the certificate is renewed all the same.
      identity.on('rotated', () => void ready('renewed').catch(() => undefined))
      identity.on('failed', (error) => void tell('failed', `not renewed: ${error.message} (${error.code})`, { code: error.code, message: error.message }).catch(() => undefined))
      await ended(identity, io.signal)
      return exit.ok
    } catch (error) {
      throw failureOf(error)
    }
  },
}

async function opened(folder: string, from: string | undefined, url: string | undefined, io: Io): Promise<Identity> {
  const options = { folder, renew: true, signal: io.signal, ...(url !== undefined && { url }) }
  try {
    return await openIdentity(options)
  } catch (error) {
    if (from === undefined || !(error instanceof IdentityError) || (error.code !== 'no_identity' && error.code !== 'expired')) throw error
    return await openIdentity({ ...options, token: await tokenFrom(from, io) })
  }
}

/** Resolves when the process is asked to end. @throws {IdentityError} when the identity has. */
async function ended(identity: Identity, signal: AbortSignal): Promise<void> {
  // Nothing else keeps the process alive between renewals.
  const alive = setInterval(() => undefined, 3_600_000)
  try {
    await new Promise<void>((resolve, reject) => {
      if (signal.aborted) resolve()
      signal.addEventListener('abort', () => resolve(), { once: true })
      identity.once('ended', reject)
    })
  } finally {
    clearInterval(alive)
    identity.close()
  }
}
