import { sseParser, type SseEvent } from '../../formats/sse.ts'
import { Failure, text, UsageError, type Args, type Io, type Option } from '../command.ts'
import { adminAt, adminKeyOf, folderOf, refusedBy, runningOf, unanswered, type Admin } from '../house.ts'

/** The approvals of a running instance, as the person whose key is set. */
export interface Door {
  readonly call: Admin
  /** Live events, after `last` where it is known. Ends when the instance ends them, or `signal` aborts. @throws {Failure} */
  events(last: string | undefined, signal: AbortSignal): AsyncGenerator<SseEvent>
}

export const urlOption: Option = { name: 'url', value: 'URL', help: 'Where the admin port is. Default: $SALLYPORT_ADMIN_URL, else the instance that runs here.' }

export const doorHelp = `The key is $SALLYPORT_REVIEWER_KEY, else the admin key of the instance that runs here. Make reviewers' keys with:
sallyport reviewers create.`

/** @throws {Failure} when nothing runs here, or there is no key. */
export async function doorOf(args: Args, io: Io): Promise<Door> {
  const own = io.env['SALLYPORT_REVIEWER_KEY']?.trim()
  const key = own === undefined || own === '' ? undefined : own
  const named = text(args, 'url') ?? (io.env['SALLYPORT_ADMIN_URL'] === '' ? undefined : io.env['SALLYPORT_ADMIN_URL'])
  if (named !== undefined) {
    if (!/^https?:\/\/[^/]+\/?$/.test(named) || !URL.canParse(named)) throw new UsageError(`--url takes http(s)://host:port, not "${named}"`)
    // The admin key belongs to the state folder beside it, not to whatever a URL leads to.
    if (key === undefined) throw new Failure('set SALLYPORT_REVIEWER_KEY: the admin key is only sent to the instance that runs here')
    return doorAt(named, key)
  }
  const folder = folderOf(io)
  const running = runningOf(folder)
  if (running === undefined) throw new Failure('no instance runs here, and approvals only wait while one does. Start it with: sallyport up')
  return doorAt(running.admin, key ?? (await adminKeyOf(folder)))
}

const longestEvent = 1_048_576

function doorAt(url: string, key: string): Door {
  const name = `the instance at ${url}`
  return {
    call: adminAt(url, key, name),
    async *events(last, signal) {
      let reply: Response
      try {
        reply = await fetch(new URL('/api/approvals/events', url), {
          headers: { authorization: `Bearer ${key}`, accept: 'text/event-stream', ...(last !== undefined && { 'last-event-id': last }) },
          redirect: 'error',
          signal,
        })
      } catch (error) {
        if (signal.aborted) return
        throw unanswered(name, error)
      }
      if (!reply.ok || reply.body === null) throw refusedBy(name, reply.status, await reply.json().catch(() => undefined))
      const parser = sseParser({ line: longestEvent, event: longestEvent })
      try {
        for await (const chunk of reply.body) yield* parser.push(chunk)
      } catch (error) {
        if (!signal.aborted) throw unanswered(name, error)
      }
    },
  }
}
