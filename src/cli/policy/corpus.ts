import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import * as z from 'zod'
import type { AuditRecord, Receipt } from '../../contract/receipt.ts'
import { DURATION, durationMs } from '../../formats/units.ts'
import { recordedOf, type Recorded, type Rulebook, type Unreplayable, type Verdict } from '../../policing.ts'
import type { SettledTools } from '../../policy/tools/settings.ts'
import { count, Failure, list, text, UsageError, type Args, type Io } from '../command.ts'
import { readingStore } from '../house.ts'
import { linesOf } from '../lines.ts'
import { progressOn } from '../show.ts'
import { readTranscript } from './cases.ts'

/** What was read, for the summary. */
export interface Corpus {
  /** Receipts that were looked at; 0 for transcripts. */
  readonly receipts: number
  readonly unreplayable: Readonly<Partial<Record<Unreplayable, number>>>
  /** Lines of a file that are no records. */
  readonly malformed: number
}

/** Of a question that nobody has answered yet, `then` is absent. */
export type Take = (recorded: Omit<Recorded, 'then'> & { readonly then?: Verdict }) => void

const longestLine = 4 * 1024 * 1024
const PAGE = 500
/** Receipts are written when exchanges end, not quite in the order of their times. */
const OUT_OF_ORDER_MS = 600_000

/** Gives every recorded decision that the options name to `take`. @throws {UsageError} {Failure} {BadFile} */
export async function readCorpus(args: Args, io: Io, book: Rulebook, tools: SettledTools, take: Take): Promise<Corpus> {
  const limit = count(args, 'limit', Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)
  const now = Date.now()
  const [since, until] = [when(args, 'since', now), when(args, 'until', now)]
  const tenant = text(args, 'tenant')
  const transcripts = list(args, 'transcript')
  const file = text(args, 'receipts')
  if (transcripts !== undefined) {
    if (file !== undefined) throw new UsageError('give --receipts or --transcript, not both')
    for (const one of transcripts) for (const asked of await readTranscript(resolve(io.cwd, one), book, tools)) take(asked)
    return { receipts: 0, unreplayable: {}, malformed: 0 }
  }
  const unreplayable: Partial<Record<Unreplayable, number>> = {}
  let receipts = 0
  const wanted = (record: AuditRecord): record is Receipt =>
    record.kind === 'receipt' && (tenant === undefined || record.tenant === tenant) && (since === undefined || record.at >= since) && (until === undefined || record.at < until)
  /** False when there are enough. */
  const see = (record: AuditRecord): boolean => {
    if (!wanted(record)) return true
    receipts++
    const found = recordedOf(record)
    if (typeof found === 'string') unreplayable[found] = (unreplayable[found] ?? 0) + 1
    else for (const one of found) take(one)
    return receipts < limit
  }
  const malformed = file === undefined ? await fromState(io, see, since, tenant) : await fromFile(io, resolve(io.cwd, file), see)
  if (io.signal.aborted) throw new Failure('stopped before the end')
  return { receipts, unreplayable, malformed }
}

async function fromState(io: Io, see: (record: AuditRecord) => boolean, since: number | undefined, tenant: string | undefined): Promise<number> {
  await readingStore(io, async ({ receipts }) => {
    const { size } = await receipts.head()
    const progress = progressOn(io, 'reading receipts')
    try {
      for (let before = size; before > 0 && !io.signal.aborted; ) {
        const page = await receipts.tail({ before, limit: PAGE, ...(tenant !== undefined && { tenant }) })
        for (const entry of page) {
          if (entry.kind !== 'receipt') continue
          const record = JSON.parse(Buffer.from(entry.record).toString('utf8')) as AuditRecord
          if (since !== undefined && record.at < since - OUT_OF_ORDER_MS) return
          if (!see(record)) return
        }
        const oldest = page.at(-1)
        if (oldest === undefined) return
        before = oldest.index
        progress.at(size - before, size)
      }
    } finally {
      progress.done()
    }
  })
  return 0
}

async function fromFile(io: Io, file: string, see: (record: AuditRecord) => boolean): Promise<number> {
  let malformed = 0
  let read = 0
  const progress = progressOn(io, 'reading receipts')
  try {
    const { size } = await stat(file)
    const stream = createReadStream(file)
    try {
      for await (const lines of linesOf(counted(stream, (bytes) => (read += bytes)), longestLine)) {
        for (const line of lines) {
          if ('text' in line && line.text.trim() === '') continue
          const record = 'text' in line ? recordIn(line.text) : undefined
          if (record === undefined) malformed++
          else if (!see(record)) return malformed
        }
        progress.at(read, size)
        if (io.signal.aborted) break
      }
    } finally {
      stream.destroy()
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === undefined) throw error
    throw new Failure(`${file}: ${code === 'ENOENT' ? 'there is no such file' : `cannot be read (${code})`}`)
  } finally {
    progress.done()
  }
  return malformed
}

async function* counted(chunks: AsyncIterable<Uint8Array>, take: (bytes: number) => void): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    take(chunk.length)
    yield chunk
  }
}

const receiptShape = z.looseObject({
  exchange: z.string(),
  tenant: z.string(),
  workload: z.string(),
  chain: z.array(z.string()),
  action: z.string(),
  proof: z.string(),
  at: z.number(),
  context: z.looseObject({}),
  asked: z
    .looseObject({
      principal: z.looseObject({ roles: z.array(z.string()), scope: z.looseObject({ rights: z.array(z.string()) }) }),
      targets: z.array(z.looseObject({ resource: z.looseObject({ type: z.string(), id: z.string(), attributes: z.looseObject({}) }), role: z.string(), verdict: z.enum(['allow', 'hold', 'deny']) })),
    })
    .optional(),
})
const lineShape = z.looseObject({ record: z.looseObject({ kind: z.enum(['intent', 'receipt', 'act']) }) })

/** A line of an exported log: `{"index":…,"record":…}`. Undefined for anything else, and for what has not a receipt's shape. */
function recordIn(line: string): AuditRecord | undefined {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return undefined
  }
  const read = lineShape.safeParse(value)
  if (!read.success) return undefined
  const { record } = read.data
  return record.kind !== 'receipt' || receiptShape.safeParse(record).success ? (record as unknown as AuditRecord) : undefined
}

function when(args: Args, name: string, now: number): number | undefined {
  const written = text(args, name)
  if (written === undefined) return undefined
  if (DURATION.test(written)) return now - durationMs(written)
  const at = /^\d{4}-\d{2}-\d{2}(?:T[\d:.]+(?:Z|[+-]\d{2}:\d{2})?)?$/.test(written) ? Date.parse(written) : Number.NaN
  if (!Number.isFinite(at)) throw new UsageError(`--${name} takes a date such as 2026-11-20 or 2026-11-20T08:00:00Z, or a time ago such as 7d, not "${written}"`)
  return at
}
