import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { PolicyFile } from './read.ts'

/** Policies that come with Sallyport and count where settings name no folder. */
export const shippedPolicy = join(import.meta.dirname, '../../policy')

const MAX_FILES = 1000

/**
 * The `*.cedar` files of each folder, folder after folder, by name. Sub-folders are not read. What is named `….cedar`
 * itself is one file, so that one of a folder's can be taken alone.
 * @throws {Error} when a folder or file cannot be read, holds too many files, or a file is not UTF-8.
 */
export async function readPolicyFolders(folders: readonly string[]): Promise<readonly PolicyFile[]> {
  const files: PolicyFile[] = []
  for (const folder of folders) {
    const paths = folder.endsWith('.cedar') ? [folder] : (await readdir(folder)).filter((name) => name.endsWith('.cedar')).sort().map((name) => join(folder, name))
    if (files.length + paths.length > MAX_FILES) throw new Error(`more than ${MAX_FILES} policy files`)
    for (const path of paths) files.push({ name: path, text: decode(path, await readFile(path)) })
  }
  return files
}

function decode(path: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new Error(`${path} is not UTF-8`)
  }
}
