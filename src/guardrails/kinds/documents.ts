import { lstatSync, readFileSync, readdirSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { shinglesOf, winnowed, wordsIn } from './shingles.ts'

const MOST_FILES = 10_000
const LARGEST_FILE = 32 * 1024 * 1024
const MOST_FINGERPRINTS = 2_000_000
const DEEPEST = 16
const MOST_WORDS = 8_000_000

/** Fingerprints of documents, sorted, each with the number of its document. */
export interface Library {
  readonly names: readonly string[]
  /** The number of the document that holds a shingle, or -1. */
  find(shingle: number): number
}

function filesBelow(path: string, depth: number, into: string[]): void {
  if (depth > DEEPEST) throw new Error(`${path} lies too deep`)
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
    into.push(path)
    if (into.length > MOST_FILES) throw new Error(`more than ${MOST_FILES} files`)
    return
  }
  for (const name of readdirSync(path).sort()) {
    if (name.startsWith('.')) continue
    const below = join(path, name)
    // A link could lead anywhere, and back here.
    if (!lstatSync(below).isSymbolicLink()) filesBelow(below, depth + 1, into)
  }
}

function textOf(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false })
  if (stat === undefined) throw new Error(`there is no ${path}`)
  if (!stat.isFile()) throw new Error(`${path} is no file`)
  if (stat.size > LARGEST_FILE) throw new Error(`${path} is larger than ${LARGEST_FILE >> 20} MB`)
  const bytes = readFileSync(path)
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    if (!text.includes('\0')) return text
  } catch {
    throw new Error(`${path} is not text in UTF-8: convert it, or leave it out`)
  }
  throw new Error(`${path} is not text: convert it, or leave it out`)
}

/** Reads files, and folders with all that is below them. Throws with a sentence where one cannot be read or is too much. */
export function openLibrary(paths: readonly string[]): Library {
  const files: string[] = []
  for (const path of paths) filesBelow(path, 0, files)
  const hashes: number[] = []
  const owners: number[] = []
  for (const [n, file] of files.entries()) {
    for (const hash of winnowed(shinglesOf(wordsIn(textOf(file), MOST_WORDS)))) {
      hashes.push(hash)
      owners.push(n)
    }
    if (hashes.length > MOST_FINGERPRINTS) throw new Error(`the documents have more than ${MOST_FINGERPRINTS} fingerprints: register fewer`)
  }
  if (hashes.length === 0) throw new Error('the documents hold no text that could be recognised')
  const order = Uint32Array.from(hashes.keys()).sort((a, b) => (hashes[a] as number) - (hashes[b] as number) || a - b)
  const sorted = Float64Array.from(order, (i) => hashes[i] as number)
  const owner = Uint16Array.from(order, (i) => owners[i] as number)
  return {
    names: files.map((file) => basename(file)),
    find(shingle) {
      let low = 0
      let high = sorted.length
      while (low < high) {
        const middle = (low + high) >> 1
        if ((sorted[middle] as number) < shingle) low = middle + 1
        else high = middle
      }
      return sorted[low] === shingle ? (owner[low] as number) : -1
    },
  }
}
