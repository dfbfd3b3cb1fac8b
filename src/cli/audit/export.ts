import { exportLines } from '../../audit/read.ts'
import { exit, none, text, UsageError, type Command } from '../command.ts'
import { readingStore } from '../house.ts'

export const auditExport: Command = {
  name: 'audit export',
  summary: 'Write the log as JSON lines, each record exactly as it was hashed.',
  usage: '[--from INDEX] [--tenant TENANT] > FILE',
  options: [
    { name: 'from', value: 'INDEX', help: 'First record. Default: 0, the oldest.' },
    { name: 'tenant', value: 'TENANT', help: 'Only the records of one tenant.' },
  ],
  async run(args, io) {
    none(args)
    const tenant = text(args, 'tenant')
    const from = Number(text(args, 'from') ?? 0)
    if (!Number.isSafeInteger(from) || from < 0) throw new UsageError('--from takes the index of a record, 0 or more')
    await readingStore(io, async ({ receipts }) => {
      for await (const line of exportLines(receipts, { from, ...(tenant !== undefined && { tenant }) })) {
        if (io.signal.aborted) break
        await io.out(line)
      }
    })
    return io.signal.aborted ? exit.failure : exit.ok
  },
}
