import { readFile } from 'node:fs/promises'
import { readRunning, stateFiles, stateFolder, type Running } from '../config/state.ts'
import { Failure, type Io } from './command.ts'

/** The state folder that this command is about. @throws {Failure} when the environment names an impossible one. */
export function folderOf(io: Io): string {
  try {
    return stateFolder(io.env)
  } catch (error) {
    throw new Failure((error as Error).message)
  }
}

/** The instance that runs on the state folder, if any. */
export function runningOf(folder: string): Running | undefined {
  try {
    return readRunning(folder)
  } catch (error) {
    throw new Failure((error as Error).message)
  }
}

/** Speaks to the admin port of a running instance. */
export type Admin = (verb: 'GET' | 'POST' | 'DELETE', path: string, body?: unknown) => Promise<unknown>

const longest = 16 * 1024 * 1024

/** @throws {Failure} from every call that did not succeed, with the instance's own sentence. */
export async function adminOf(folder: string, running: Running): Promise<Admin> {
  const file = stateFiles(folder).adminKey
  let key: string
  try {
    key = (await readFile(file, 'utf8')).trim()
  } catch {
    throw new Failure(`the admin key cannot be read from ${file}: run this as the user that runs sallyport`)
  }
  return async (verb, path, body) => {
    let reply: Response
    try {
      reply = await fetch(new URL(`/api/${path}`, running.admin), {
        method: verb,
        headers: { authorization: `Bearer ${key}`, ...(body !== undefined && { 'content-type': 'application/json' }) },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        redirect: 'error',
        signal: AbortSignal.timeout(30_000),
      })
    } catch (error) {
      const { cause } = error as { cause?: { code?: string } }
      throw new Failure(`the instance at ${running.admin} (process ${running.pid}) does not answer: ${cause?.code ?? (error as Error).message}`)
    }
    const text = await reply.text()
    if (text.length > longest) throw new Failure('the instance answered with too much')
    const answer = parsed(text)
    if (reply.ok && answer !== undefined) return answer
    const said = (answer as { error?: { message?: unknown } } | undefined)?.error?.message
    throw new Failure(`the instance at ${running.admin} refused: ${typeof said === 'string' ? said : `status ${reply.status}`}`)
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
