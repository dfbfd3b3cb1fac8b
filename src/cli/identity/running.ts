import { Failure, type Io } from '../command.ts'
import { adminOf, folderOf, runningOf, type Admin } from '../house.ts'

/** The admin port of the instance that has the CA. @throws {Failure} where none runs: a key must have one user only. */
export async function runningAdmin(io: Io): Promise<Admin> {
  const folder = folderOf(io)
  const running = runningOf(folder)
  if (running === undefined) throw new Failure(`nothing runs on ${folder}, and the CA works in a running instance only. Start it with: sallyport up`)
  return await adminOf(folder, running)
}
