import { consistencySpans, inclusionSpans, leafHash, rootOver, TILE, verifyInclusion, type Span } from '../formats/merkle.ts'
import type { LogEntry, Receipts, TreeHead } from '../store/interfaces.ts'

/** Everything that shows, with the checkpoint alone, that an entry is in the log. */
export interface InclusionProof {
  readonly index: number
  readonly size: number
  /** Base64, 32 bytes: the tree's root, the entry's leaf, and the audit path from leaf to root. */
  readonly root: string
  readonly leaf: string
  readonly path: readonly string[]
  /** The record's text: hashing it must give `leaf`. */
  readonly record: string
  /** The signed checkpoint of exactly this size; absent when the entry is newer than the last one. */
  readonly checkpoint?: string
}

type Log = Pick<Receipts, 'head' | 'read' | 'tiles' | 'find' | 'lastCheckpoint'>

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')

/**
 * RFC 6962 inclusion proofs: of one entry by its index, or of every entry of an exchange (not of its children).
 * Empty when there is no such entry, or it belongs to another tenant than the one given.
 * @throws {Error} when the log's own tree does not bear the proof out: then it must be verified as a whole.
 */
export async function prove(receipts: Log, what: number | string, tenant?: string): Promise<readonly InclusionProof[]> {
  const entries = (typeof what === 'number' ? await receipts.read(what, 1) : await receipts.find(what, tenant)).filter(
    (entry) => (typeof what === 'number' ? entry.index === what : entry.id === what) && (tenant === undefined || entry.tenant === tenant),
  )
  const checkpoint = await receipts.lastCheckpoint()
  const head = await receipts.head()
  const proofs: InclusionProof[] = []
  for (const entry of entries) {
    const covered = checkpoint !== undefined && checkpoint.head.size > entry.index
    proofs.push(await proofOf(receipts, entry, covered ? checkpoint.head : head, covered ? checkpoint.note : undefined))
  }
  return proofs
}

async function proofOf(receipts: Log, entry: LogEntry, head: TreeHead, checkpoint: string | undefined): Promise<InclusionProof> {
  const leaf = leafHash(entry.record)
  const path = await hashesOf(receipts, inclusionSpans(entry.index, head.size))
  if (!verifyInclusion(leaf, entry.index, head.size, path, head.root)) {
    throw new Error(`entry ${entry.index} does not fit the log's own tree: the log was changed; run a full verification`)
  }
  return {
    index: entry.index,
    size: head.size,
    root: base64(head.root),
    leaf: base64(leaf),
    path: path.map(base64),
    record: Buffer.from(entry.record).toString('utf8'),
    ...(checkpoint !== undefined && { checkpoint }),
  }
}

/** Whether a proof holds by itself: its record is its leaf, and its path leads from there to its root. */
export function checkProof(proof: InclusionProof): boolean {
  const leaf = leafHash(Buffer.from(proof.record))
  const bytes = (text: string): Uint8Array => Buffer.from(text, 'base64')
  return base64(leaf) === proof.leaf && verifyInclusion(leaf, proof.index, proof.size, proof.path.map(bytes), bytes(proof.root))
}

/**
 * RFC 6962 consistency proof: the tree of `older` leaves is the start of the tree of `newer`.
 * @throws {RangeError} when the log is smaller than `newer`, or `older` is larger.
 */
export async function proveConsistency(receipts: Log, older: number, newer: number): Promise<readonly Uint8Array[]> {
  const { size } = await receipts.head()
  if (!Number.isSafeInteger(older) || !Number.isSafeInteger(newer) || older < 0 || older > newer || newer > size) {
    throw new RangeError(`no consistency between sizes ${older} and ${newer} in a log of ${size}`)
  }
  return hashesOf(receipts, consistencySpans(older, newer))
}

async function hashesOf(receipts: Log, spans: readonly Span[]): Promise<Uint8Array[]> {
  const hashes: Uint8Array[] = []
  for (const span of spans) hashes.push(await hashOf(receipts, span))
  return hashes
}

/** Subtrees wider than a tile start on one, so stored tiles and the leaves after them give their hash. */
async function hashOf(receipts: Log, { from, to }: Span): Promise<Uint8Array> {
  const count = to - from >= TILE ? Math.floor((to - from) / TILE) : 0
  const tiles = count === 0 ? [] : await receipts.tiles(from / TILE, count)
  const rest = to - from - count * TILE
  const entries = rest === 0 ? [] : await receipts.read(from + count * TILE, rest)
  if (tiles.length !== count || entries.length !== rest) throw new Error(`the log lacks entries between ${from} and ${to}`)
  return rootOver(tiles, entries.map((entry) => leafHash(entry.record)))
}

