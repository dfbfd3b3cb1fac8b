import { setTimeout as pause } from 'node:timers/promises'
import { follow, tail, type Shown } from '../../audit/read.ts'
import { count, exit, flag, none, text, type Command } from '../command.ts'
import { readingStore } from '../house.ts'
import { lineOf } from './lines.ts'

const lookEveryMs = 500

export const auditTail: Command = {
  name: 'audit tail',
  summary: 'Show the newest records of the log, and with --follow those that come.',
  usage: '[--lines N] [--follow]',
  options: [
    { name: 'lines', short: 'n', value: 'N', help: 'How many records to begin with. Default: 20.' },
    { name: 'follow', short: 'f', help: 'Go on with new records until Ctrl-C.' },
    { name: 'tenant', value: 'TENANT', help: 'Only the records of one tenant.' },
  ],
  async run(args, io) {
    none(args)
    const tenant = text(args, 'tenant')
    const limit = count(args, 'lines', 20, 10_000)
    const write = flag(args, 'json') ? json : line
    await readingStore(io, async ({ receipts }) => {
      const newest = await tail(receipts, { limit, ...(tenant !== undefined && { tenant }) })
      // Taken from the log, not from what was shown: with --tenant the two differ.
      let next = (await receipts.head()).size
      const shown = newest.filter((one) => one.index < next).reverse()
      for (const one of shown) await io.out(write(one))
      while (flag(args, 'follow') && !io.signal.aborted) {
        for await (const one of follow(receipts, next)) {
          next = one.index + 1
          if (tenant === undefined || one.record.tenant === tenant) await io.out(write(one))
        }
        await pause(lookEveryMs, undefined, { signal: io.signal }).catch(() => undefined)
      }
    })
    return exit.ok
  },
}

function line(one: Shown): string {
  return `${lineOf(one)}\n`
}

function json(one: Shown): string {
  return `${JSON.stringify(one)}\n`
}
