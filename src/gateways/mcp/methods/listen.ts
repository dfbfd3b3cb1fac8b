import { object, isObject, type Tree, type TreeObject } from '../../../formats/tree.ts'
import type { Doing, Request } from '../callers/desk.ts'
import { treeEvent } from './leaves.ts'
import { holdersOf, readReading } from './read.ts'
import { subscribeReading } from './reading.ts'
import { SUBSCRIPTION } from '../revisions.ts'
import { INVALID_PARAMS, notificationText, RpcMistake } from '../rpc.ts'
import type { Server } from '../servers/server.ts'
import { severalDoing } from './several.ts'
import { ambiguity, misspelling } from './uris.ts'
import { leaveResource, MOST_SUBSCRIBED } from './subscribe.ts'
import { watch } from '../callers/watch.ts'

const LISTS = ['tools', 'prompts', 'resources'] as const
const RESOURCES = 'resourceSubscriptions'

interface Filter {
  readonly lists: ReadonlySet<string>
  readonly uris: readonly string[]
}

/**
 * `subscriptions/listen` of revision 2026-07-28: a stream that tells of the changes that were asked for, as far as the
 * servers tell of them and the caller may read what changes.
 */
export function listenDoing(request: Request): Doing {
  const { desk, principal, exchange, signal, id } = request
  const filter = filterOf(request)
  const meta = object({ [SUBSCRIPTION]: id })
  const lists = new Set<string>()
  const resources = new Map<string, Server>()
  const doing = severalDoing(request, {
    action: 'mcp.subscribe',
    async ask(server, options) {
      const { link } = server.connection(principal)
      const { capabilities } = await link.introduction(options)
      for (const one of LISTS) if (filter.lists.has(one) && says(capabilities, one, 'listChanged')) lists.add(one)
      if (!says(capabilities, 'resources', 'subscribe')) return
      for (const uri of filter.uris) {
        const [holder, other] = await holdersOf({ ...request, signal: options.signal }, uri)
        if (holder?.server !== server || other !== undefined || (!holder.exact && misspelling(uri, holder.listed) !== undefined)) continue
        if ([subscribeReading, readReading].every((reading) => desk.visible(principal, exchange, reading(server, uri, holder.listed)))) resources.set(uri, server)
      }
    },
    merge: () => treeEvent(object({ result: new Map() }), 'tool_result'),
  })
  return {
    ...doing,
    reading: { ...doing.reading, stream: true },
    async stay(stream) {
      const held = new Map<string, Server>()
      const leaves: (() => void)[] = []
      try {
        for (const [uri, server] of resources) {
          const { link } = server.connection(principal)
          const answer = await link.request('resources/subscribe', object({ uri }), { signal, timeoutMs: server.settings.timeoutMs })
          if ('error' in answer) continue
          held.set(uri, server)
          leaves.push(() => leaveResource(link, uri))
        }
        const agreed: [string, Tree][] = [...lists].map((one) => [`${one}ListChanged`, true])
        if (held.size > 0) agreed.push([RESOURCES, [...held.keys()]])
        stream.send(notificationText('notifications/subscriptions/acknowledged', object({ notifications: new Map(agreed), _meta: meta })))
        await watch(request, { lists: (kind) => lists.has(kind), resource: (server, uri) => held.get(uri) === server, meta }, stream)
      } finally {
        for (const leave of leaves) leave()
      }
      return { result: object({ _meta: meta }) }
    },
  }
}

/** @throws {RpcMistake} for anything but what the revision names. */
function filterOf({ params, id }: Request): Filter {
  const wrong = (problem: string): RpcMistake => new RpcMistake(INVALID_PARAMS, problem, id)
  const asked = params.get('notifications')
  if (!isObject(asked)) throw wrong('"notifications" must say what is to be told')
  const lists = new Set<string>()
  for (const one of LISTS) {
    const flag = asked.get(`${one}ListChanged`)
    if (flag !== undefined && typeof flag !== 'boolean') throw wrong(`"${one}ListChanged" must be true or false`)
    if (flag === true) lists.add(one)
  }
  const uris = asked.get(RESOURCES) ?? []
  if (!Array.isArray(uris) || uris.length > MOST_SUBSCRIBED || !uris.every((one) => typeof one === 'string' && /^[\x21-\x7e]{1,2048}$/.test(one) && ambiguity(one) === undefined)) throw wrong(`"${RESOURCES}" must be at most ${MOST_SUBSCRIBED} URIs`)
  return { lists, uris: [...new Set(uris as string[])] }
}

export function says(capabilities: TreeObject, kind: string, what: string): boolean {
  const said = capabilities.get(kind)
  return isObject(said) && said.get(what) === true
}
