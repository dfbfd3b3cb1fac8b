import { readFile, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { Failure, type Io } from '../command.ts'

const LONGEST = 32_000

/** The text of a rule, from a file or, for `-`, from stdin. @throws {Failure} */
export async function ruleText(file: string, io: Io): Promise<string> {
  const bytes = file === '-' ? await whole(io.stdin) : await fileOf(resolve(io.cwd, file))
  const text = bytes.toString('utf8').trim()
  if (text === '') throw new Failure('the rule is empty')
  if (text.length > LONGEST) throw new Failure(`the rule is longer than ${LONGEST} characters`)
  return text
}

async function fileOf(path: string): Promise<Buffer> {
  try {
    if ((await stat(path)).size > LONGEST * 4) throw new Failure(`${path} is too large to be a rule`)
    return await readFile(path)
  } catch (error) {
    if (error instanceof Failure) throw error
    throw new Failure(`${path} cannot be read (${(error as NodeJS.ErrnoException).code ?? String(error)})`)
  }
}

async function whole(stdin: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = []
  let size = 0
  for await (const part of stdin) {
    size += part.length
    if (size > LONGEST * 4) throw new Failure('what comes in is too large to be a rule')
    parts.push(part)
  }
  return Buffer.concat(parts)
}
