import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { IdentityError } from '../../client/identity.ts'
import { Failure, type Io } from '../command.ts'

const LONGEST = 16 * 1024

/** An enrolment token from a file, or from stdin: on the command line every other process could read it. @throws {Failure} */
export async function tokenFrom(where: string, io: Io): Promise<string> {
  let found = ''
  if (where === '-') {
    for await (const part of io.stdin) {
      found += Buffer.from(part).toString('utf8')
      if (found.length > LONGEST) throw new Failure('what came on stdin is too long for an enrolment token')
    }
  } else {
    try {
      found = await readFile(resolve(io.cwd, where), 'utf8')
    } catch (error) {
      throw new Failure(`the token cannot be read: ${(error as Error).message}`)
    }
  }
  if (found.trim() === '') throw new Failure('there is no token. Make one with: sallyport identity token --id /agents/NAME')
  return found.trim()
}

/** What a person is told of an identity that cannot be had. */
export function failureOf(error: unknown): unknown {
  return error instanceof IdentityError ? new Failure(`${error.message} (${error.code}${error.id === undefined ? '' : `, receipt ${error.id}`})`) : error
}
