import type { ServerView } from '../../endorsing.ts'
import type { PinView } from '../../pinning.ts'
import { Failure, type Io, type Option } from '../command.ts'
import { adminOf, folderOf, runningOf, type Admin } from '../house.ts'
import { visible } from '../show.ts'

/** The instance gives a server its `start_timeout`, then its `timeout` for each list: whoever waited less would not hear why. */
const PATIENCE = 5 * 60_000

/** The admin port of the instance that runs here. @throws {Failure} where none does. */
export async function pinsAdmin(io: Io): Promise<Admin> {
  const folder = folderOf(io)
  const running = runningOf(folder)
  if (running === undefined) throw new Failure('no instance runs here, and it is the one that meets servers. Start it with: sallyport up, or look without it: sallyport mcp scan')
  return await adminOf(folder, running, PATIENCE)
}

export const lookOption: Option = { name: 'look', help: 'Ask the server now, rather than show what was seen when an agent last did.' }

/** One server, asked anew where that is wanted. @throws {Failure} where there is none of that name. */
export async function serverAt(admin: Admin, name: string, look: boolean): Promise<ServerView> {
  const path = `mcp/servers/${encodeURIComponent(name)}`
  return (await (look ? admin('POST', `${path}/look`, {}) : admin('GET', path))) as ServerView
}

const single: ReadonlySet<string> = new Set(['info', 'instructions', 'package'])

/** `tools/add`, `instructions`: what an item is called on the command line. */
export function labelOf({ kind, name }: Pick<PinView, 'kind' | 'name'>): string {
  return single.has(kind) ? kind : `${kind}/${name}`
}

/** What a person means by an item: its label, or its name alone where that is enough. @throws {Failure} */
export function itemOf({ name: server, items }: ServerView, written: string): PinView {
  const exact = items.find((one) => labelOf(one) === written)
  const named = exact === undefined ? items.filter(({ name }) => name === written) : [exact]
  const [found, ...more] = named
  if (found === undefined) throw new Failure(`${server} has nothing called ${visible(JSON.stringify(written))}. What it has: sallyport mcp list ${server}`)
  if (more.length > 0) throw new Failure(`${server} has several of that name; say which: ${named.map(labelOf).map(visible).join(', ')}`)
  return found
}

/** As much of a hash as people compare. */
export function short(hash: string): string {
  return hash.slice(0, 12)
}

const reasons: Readonly<Record<string, string>> = {
  new: 'it is new',
  changed: 'it changed',
  look_alike: 'its name is that of another tool, or looks like it',
  shadowing: 'it says how a tool of another server is to be used',
  poisoned: 'the guardrails refused it',
}

/** Why it is not passed on, as part of a sentence. */
export function whyText({ why, found }: Pick<PinView, 'why' | 'found'>): string {
  const reason = why === undefined ? undefined : (reasons[why] ?? why)
  return [reason, ...(found === undefined ? [] : [`found: ${found}`])].filter((one) => one !== undefined).join('; ')
}
