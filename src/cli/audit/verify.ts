import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { existsSync } from 'node:fs'
import { readKeyring } from '../../audit/keyring.ts'
import { readVerifier, verifierOf, type Verifier } from '../../audit/note.ts'
import { checkpointFile } from '../../audit/second-place.ts'
import { verify, type Verification } from '../../audit/verify.ts'
import { exit, Failure, flag, none, text, UsageError, type Args, type Command, type Io } from '../command.ts'
import { readingStore, settingsOf } from '../house.ts'
import { printable, progressOn } from '../show.ts'

export const auditVerify: Command = {
  name: 'audit verify',
  summary: 'Recompute the whole log and compare it with everything that vouches for it.',
  usage: '[--checkpoint FILE] [--verifier KEY]',
  options: [
    { name: 'checkpoint', value: 'FILE', help: 'A checkpoint that was saved elsewhere: the one proof against a log that was rewritten as a whole.' },
    { name: 'verifier', value: 'KEY', help: 'The public key of the log as saved elsewhere (or a file with it). Default: the one in the state folder.' },
  ],
  more: 'Works beside a running instance. Exit code 0: the log is intact; 1: it is not, and what is wrong is listed.',
  async run(args, io) {
    none(args)
    const result = await readingStore(io, async ({ receipts }, folder) => {
      const saved = text(args, 'checkpoint')
      const file = checkpointFile(folder, settingsOf(io).audit.checkpoints.to)
      const progress = progressOn(io, 'Verifying')
      try {
        return await verify(receipts, {
          verifiers: await verifiersOf(args, io, folder),
          ...(saved !== undefined && { checkpoint: await contentOf(io, saved) }),
          ...(file !== undefined && existsSync(file) && { checkpointFile: file }),
          onProgress: progress.at,
        })
      } finally {
        progress.done()
      }
    })
    await io.out(flag(args, 'json') ? `${JSON.stringify(result)}\n` : report(result))
    return result.ok ? exit.ok : exit.negative
  },
}

/** The keys that may have signed the log's checkpoints: one given on the command line, else the state folder's own. */
export async function verifiersOf(args: Args, io: Io, folder: string): Promise<readonly Verifier[]> {
  const given = text(args, 'verifier')
  if (given === undefined) {
    const { origin, sign } = readKeyring(folder)
    return sign.map((one) => verifierOf(origin, one.publicKey))
  }
  const verifier = readVerifier(given) ?? readVerifier(await contentOf(io, given))
  if (verifier === undefined) throw new UsageError(`--verifier takes a key such as sallyport/1a2b+3c4d5e6f+AQ…, or a file with one`)
  return [verifier]
}

export async function contentOf(io: Io, file: string): Promise<string> {
  try {
    return await readFile(resolve(io.cwd, file), 'utf8')
  } catch (error) {
    throw new Failure(`${file} cannot be read: ${(error as NodeJS.ErrnoException).code ?? String(error)}`)
  }
}

function report({ ok, size, root, checkpoints, problems }: Verification): string {
  const facts = `${size} records, root ${root}, ${checkpoints} checkpoints compared.\n`
  if (ok) return `The log is intact: ${facts}`
  return `The log is NOT intact: ${facts}${problems.map((one) => `  ${one.kind}: ${printable(one.message)}\n`).join('')}`
}
