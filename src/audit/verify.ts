import { createReadStream } from 'node:fs'
import { canonicalJson } from '../formats/canonical.ts'
import { frontierOf, leafHash, type Frontier } from '../formats/merkle.ts'
import { StoreError, type LogEntry, type Receipts, type TreeHead } from '../store/interfaces.ts'
import { isSigned, readCheckpoint, splitNotes, type Verifier } from './note.ts'

export type ProblemKind =
  /** An entry is missing, or the log is shorter than its head or a checkpoint says. */
  | 'missing'
  /** An entry's bytes are no canonical record. */
  | 'record'
  /** An entry's columns do not say what its record says. */
  | 'column'
  /** The tree over the entries is not the one that the head or a checkpoint vouches for. */
  | 'root'
  | 'signature'
  | 'checkpoint'
  | 'payload'

export interface Problem {
  readonly kind: ProblemKind
  readonly index?: number
  readonly message: string
}

export interface Verification {
  readonly ok: boolean
  readonly size: number
  /** Base64 root over the records as they are now. */
  readonly root: string
  /** Checkpoints compared: stored ones, those of the file, and the saved one. */
  readonly checkpoints: number
  /** The first problems found, at most `MOST_PROBLEMS`. */
  readonly problems: readonly Problem[]
}

export interface VerifyOptions {
  /** Keys that may have signed this log's checkpoints: the operator's own copy, else the keyring's. */
  readonly verifiers: readonly Verifier[]
  /** A checkpoint saved elsewhere: the one proof against a log that was rewritten as a whole. */
  readonly checkpoint?: string
  /** The file of the second place. */
  readonly checkpointFile?: string
  readonly onProgress?: (done: number, of: number) => void
}

const MOST_PROBLEMS = 100
const PAGE = 500
const CHECKPOINT_PAGE = 1000

/** A root that somebody vouched for, and where that was found. */
interface Vouched {
  readonly size: number
  readonly root: Uint8Array
  readonly where: string
}

/**
 * Recomputes the whole tree from the records and compares it with everything that vouches for it: the stored head
 * and checkpoints, the second place's file and a saved checkpoint. Trusts nothing that the log says of itself.
 * Reads in pages, so that a log of any size is verified in little memory.
 */
export async function verify(receipts: Receipts, options: VerifyOptions): Promise<Verification> {
  const problems: Problem[] = []
  const report = (problem: Problem): void => {
    if (problems.length < MOST_PROBLEMS) problems.push(problem)
  }
  const head = await headOf(receipts, report)
  const end = head?.size ?? Number.MAX_SAFE_INTEGER
  const sources = [
    ...(options.checkpoint === undefined ? [] : [once(options.checkpoint, 'the saved checkpoint')]),
    notesOf(receipts),
    ...(options.checkpointFile === undefined ? [] : [notesIn(options.checkpointFile)]),
  ].map((notes) => vouchedBy(notes, options.verifiers, report))
  const waiting = await Promise.all(sources.map(async (source) => ({ source, next: await following(source) })))
  const tree = frontierOf(0, new Uint8Array())
  let compared = 0

  async function compare(): Promise<void> {
    for (const one of waiting) {
      while (one.next !== undefined && one.next.size <= tree.size()) {
        compared++
        if (one.next.size === tree.size() && !same(one.next.root, tree.root())) {
          report({ kind: 'root', message: `${one.next.where} vouches for another log of ${one.next.size} entries` })
        }
        const next = await following(one.source)
        if (next !== undefined && next.size < one.next.size) report({ kind: 'checkpoint', message: `${next.where}: the log was larger before (${one.next.size} entries)` })
        one.next = next
      }
    }
  }

  await compare()
  for (let next = 0; next < end; ) {
    const page = (await receipts.read(next, Math.min(PAGE, end - next))).filter((entry) => entry.index < end)
    if (page.length === 0) break
    for (const entry of page) {
      if (entry.index !== next) report({ kind: 'missing', index: next, message: `entries ${next} to ${entry.index - 1} are missing` })
      next = entry.index + 1
      checkEntry(entry, report)
      tree.push(leafHash(entry.record))
      await compare()
    }
    await checkPayloads(receipts, page, report)
    options.onProgress?.(next, Math.max(next, head?.size ?? next))
  }
  if (head !== undefined) checkEnd(tree, head, report)
  for (const { source, next } of waiting) {
    for (let one = next; one !== undefined; one = await following(source)) {
      compared++
      // A log in use may have grown since its head was read; what is newer is for the next verification.
      if (head !== undefined && tree.size() === head.size && (await receipts.head()).size >= one.size) continue
      report({ kind: 'missing', message: `${one.where} vouches for ${one.size} entries; the log has ${tree.size()}` })
    }
  }
  return { ok: problems.length === 0, size: tree.size(), root: Buffer.from(tree.root()).toString('base64'), checkpoints: compared, problems }
}

type Report = (problem: Problem) => void

/** Undefined, and reported, when the log's own row about its tree makes no sense: the entries are still looked at. */
async function headOf(receipts: Receipts, report: Report): Promise<TreeHead | undefined> {
  try {
    return await receipts.head()
  } catch (error) {
    if (!(error instanceof StoreError) || error.fault !== 'corrupt') throw error
    report({ kind: 'root', message: error.message })
    return undefined
  }
}

function same(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0
}

function checkEnd(tree: Frontier, head: TreeHead, report: Report): void {
  if (tree.size() !== head.size) report({ kind: 'missing', message: `the log says it has ${head.size} entries; there are ${tree.size()}` })
  else if (!same(tree.root(), head.root)) report({ kind: 'root', message: 'the entries do not give the root that the log goes on from' })
}

function checkEntry(entry: LogEntry, report: Report): void {
  const record = recordOf(entry)
  if (record === undefined) return report({ kind: 'record', index: entry.index, message: `entry ${entry.index} is no canonical record` })
  const columns = { kind: entry.kind, exchange: entry.id, tenant: entry.tenant, parent: entry.parent }
  for (const [name, value] of Object.entries(columns)) {
    if (record[name] !== value) report({ kind: 'column', index: entry.index, message: `entry ${entry.index} is filed under another ${name} than its record names` })
  }
}

function recordOf(entry: LogEntry): Readonly<Record<string, unknown>> | undefined {
  const bytes = Buffer.from(entry.record)
  try {
    const record: unknown = JSON.parse(bytes.toString('utf8'))
    if (typeof record !== 'object' || record === null) return undefined
    return Buffer.from(canonicalJson(record)).equals(bytes) ? (record as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

/** A payload may be gone (erased, expired); one that is there must be the one that its receipt commits to. */
async function checkPayloads(receipts: Receipts, page: readonly LogEntry[], report: Report): Promise<void> {
  const first = page[0]?.index ?? 0
  const facts = new Map(page.map((entry) => [entry.index, entry.kind === 'receipt' ? recordOf(entry)?.['payload'] : undefined]))
  for (const { index, hash } of await receipts.payloadHashes(first, (page.at(-1)?.index ?? first) + 1)) {
    const fact = facts.get(index)
    const named = typeof fact === 'object' && fact !== null ? (fact as { hash?: unknown }).hash : undefined
    if (named !== Buffer.from(hash).toString('base64')) report({ kind: 'payload', index, message: `the payload of entry ${index} is not one that its receipt names` })
  }
}

interface Note {
  readonly text: string
  readonly where: string
}

async function following(source: AsyncGenerator<Vouched>): Promise<Vouched | undefined> {
  const result: IteratorResult<Vouched, unknown> = await source.next()
  return result.done === true ? undefined : result.value
}

async function* vouchedBy(notes: AsyncGenerator<Note>, verifiers: readonly Verifier[], report: Report): AsyncGenerator<Vouched> {
  for await (const { text, where } of notes) {
    const note = readCheckpoint(text)
    if (note === undefined) {
      report({ kind: 'checkpoint', message: `${where} is no checkpoint` })
      continue
    }
    if (!isSigned(note, verifiers)) report({ kind: 'signature', message: `${where} (${note.head.size} entries) is not signed by this log's key` })
    yield { size: note.head.size, root: note.head.root, where }
  }
}

async function* once(text: string, where: string): AsyncGenerator<Note> {
  yield { text, where }
}

async function* notesOf(receipts: Receipts): AsyncGenerator<Note> {
  for (let after = -1; ; ) {
    const page = await receipts.checkpoints(after, CHECKPOINT_PAGE)
    for (const one of page) {
      after = one.head.size
      yield { text: one.note, where: `the stored checkpoint of size ${after}` }
    }
    if (page.length === 0) return
  }
}

async function* notesIn(path: string): AsyncGenerator<Note> {
  let rest = ''
  let count = 0
  const noteOf = (text: string): Note => ({ text, where: `checkpoint ${++count} of ${path}` })
  for await (const chunk of createReadStream(path, { encoding: 'utf8' })) {
    rest += chunk as string
    const notes = splitNotes(rest)
    // The last one may go on in the next chunk, with another signature.
    const whole = notes.slice(0, -1)
    rest = rest.slice(whole.reduce((sum, note) => sum + note.length, 0))
    yield* whole.map(noteOf)
  }
  // What follows the last whole note is one that is being written, or was when the machine stopped.
  yield* splitNotes(rest).map(noteOf)
}
