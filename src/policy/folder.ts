import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { PolicyFile } from './read.ts'

const MAX_FILES = 1000

/**
 * The `*.cedar` files of each folder, folder after folder, by name. Sub-folders are not read.
 * @throws {Error} when a folder or file cannot be read, holds too many files, or a file is not UTF-8.
 */
export async function readPolicyFolders(folders: readonly string[]): Promise<readonly PolicyFile[]> {
  const files: PolicyFile[] = []
  for (const folder of folders) {
    const names = (await readdir(folder)).filter((name) => name.endsWith('.cedar')).sort()
    if (files.length + names.length > MAX_FILES) throw new Error(`more than ${MAX_FILES} policy files`)
    for (const name of names) {
      const path = join(folder, name)
      files.push({ name: path, text: decode(path, await readFile(path)) })
    }
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
