import { object } from '../../../formats/tree.ts'
import type { AskOptions, Link } from '../servers/link.ts'

/** Of log messages, the least severe first (RFC 5424). */
export const LEVELS = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency']

export function isLevel(value: unknown): value is string {
  return typeof value === 'string' && LEVELS.includes(value)
}

/** Whether a message of this level is wanted by who asked for that one; what has no known level is not. */
export function reaches(level: unknown, asked: string): boolean {
  return isLevel(level) && LEVELS.indexOf(level) >= LEVELS.indexOf(asked)
}

/** The least severe level that each connection was asked for: its callers share it, and are each told what they asked for. */
const told = new WeakMap<Link, { readonly level: string; readonly asOf: number }>()

/** Asks a server of a revision with sessions for messages of this level, unless it sends them already. */
export async function askLevel(link: Link, level: string, options: AskOptions): Promise<void> {
  const before = told.get(link)
  // A server that was started anew knows nothing of it.
  if (before !== undefined && before.asOf === link.changes() && reaches(level, before.level)) return
  const { capabilities } = await link.introduction(options)
  if (!capabilities.has('logging')) return
  const least = before !== undefined && reaches(level, before.level) ? before.level : level
  const asOf = link.changes()
  const answer = await link.request('logging/setLevel', object({ level: least }), options)
  if (!('error' in answer)) told.set(link, { level: least, asOf })
}
