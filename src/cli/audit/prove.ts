import * as z from 'zod'
import { isSigned, readCheckpoint } from '../../audit/note.ts'
import { checkProof, prove, type InclusionProof } from '../../audit/prove.ts'
import { exit, flag, only, text, UsageError, type Args, type Command, type Io } from '../command.ts'
import { folderOf, readingStore } from '../house.ts'
import { printable } from '../show.ts'
import { contentOf, verifiersOf } from './verify.ts'

export const auditProve: Command = {
  name: 'audit prove',
  summary: 'Prove that the records of an exchange are in the log, or check such a proof.',
  usage: 'ID | INDEX | --check FILE',
  options: [
    { name: 'check', value: 'FILE', help: 'Check the proofs in a file instead of making them; needs nothing but the log\'s public key.' },
    { name: 'verifier', value: 'KEY', help: 'With --check: the public key of the log (or a file with it). Default: the one in the state folder.' },
    { name: 'tenant', value: 'TENANT', help: 'Only if the exchange belongs to this tenant.' },
  ],
  more: `Writes JSON: for each record its text, its leaf, the path from there to the root (RFC 6962), and the signed checkpoint
of that root. Exit code 1: there is no such record, or a proof that was checked does not hold.`,
  async run(args, io) {
    const file = text(args, 'check')
    if (file !== undefined) return check(args, io, file)
    const what = only(args, 'ID or INDEX')
    const tenant = text(args, 'tenant')
    const proofs = await readingStore(io, ({ receipts }) => prove(receipts, /^\d{1,15}$/.test(what) ? Number(what) : what, tenant))
    if (proofs.length === 0) io.err(`sallyport: the log has no record of ${printable(what)}\n`)
    else await io.out(`${JSON.stringify(proofs, undefined, flag(args, 'json') ? 0 : 2)}\n`)
    return proofs.length === 0 ? exit.negative : exit.ok
  },
}

const proofSchema = z.array(
  z.strictObject({
    index: z.int().min(0),
    size: z.int().min(1),
    root: z.string(),
    leaf: z.string(),
    path: z.array(z.string()).max(64),
    record: z.string(),
    checkpoint: z.string().optional(),
  }),
)

async function check(args: Args, io: Io, file: string): Promise<number> {
  let proofs: readonly InclusionProof[]
  try {
    proofs = proofSchema.parse(JSON.parse(await contentOf(io, file))) as readonly InclusionProof[]
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof z.ZodError) throw new UsageError(`${file} holds no proof as \`sallyport audit prove\` writes it`)
    throw error
  }
  const verifiers = await verifiersOf(args, io, folderOf(io))
  const results = proofs.map((proof) => {
    const note = proof.checkpoint === undefined ? undefined : readCheckpoint(proof.checkpoint)
    const signed = note !== undefined && isSigned(note, verifiers) && note.head.size === proof.size && Buffer.from(note.head.root).toString('base64') === proof.root
    return { index: proof.index, holds: checkProof(proof), signed }
  })
  const ok = results.length > 0 && results.every((one) => one.holds && one.signed)
  if (flag(args, 'json')) await io.out(`${JSON.stringify({ ok, proofs: results })}\n`)
  else await io.out(results.map((one) => `record ${one.index}: ${one.holds ? 'is in the tree' : 'is NOT in the tree'}, root ${one.signed ? 'signed by the log' : 'NOT signed by the log'}\n`).join(''))
  return ok ? exit.ok : exit.negative
}
