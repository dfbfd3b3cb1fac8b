import type { Reading } from '../../../contract/exchange.ts'
import { withinScope } from '../../../contract/principal.ts'
import { object, type Tree } from '../../../formats/tree.ts'
import { callReading } from './call.ts'
import type { Doing, Request } from '../callers/desk.ts'
import { shownAs } from '../callers/endpoint.ts'
import { memberOf, type Item, type Kind } from '../servers/items.ts'
import { MOST_LEAVES, treeEvent, type TreeEvent } from './leaves.ts'
import { mirroredOf } from './mirrored.ts'
import { promptReading } from './prompt.ts'
import { readReading } from './read.ts'
import { INVALID_PARAMS, METHOD_NOT_FOUND, RpcMistake } from '../rpc.ts'
import type { Server } from '../servers/server.ts'
import { errorEvent } from './results.ts'
import { severalDoing } from './several.ts'
import { ambiguity } from './uris.ts'

/** The capability without which a server lists nothing of a kind. */
const CAPABILITIES: Readonly<Record<Kind, string>> = { tools: 'tools', prompts: 'prompts', resources: 'resources', templates: 'resources' }

/** A list, cut to what the caller may use: one question to policy for each item. All of it is one page. */
export function listDoing(kind: Kind): (request: Request) => Doing {
  return (request) => {
    const { endpoint, principal, params, id } = request
    for (const key of params.keys()) if (key !== 'cursor' && key !== '_meta') throw new RpcMistake(INVALID_PARAMS, `the parameter ${JSON.stringify(key.slice(0, 64))} is not known`, id)
    if (params.has('cursor')) throw new RpcMistake(INVALID_PARAMS, 'there is one page only, so no cursor leads to another', id)
    return severalDoing(request, {
      action: 'mcp.list',
      async ask(server, options) {
        const connection = server.connection(principal)
        const { capabilities } = await connection.introduction(options)
        if (!capabilities.has(CAPABILITIES[kind])) return undefined
        const items = (await connection.list(kind, options)).flatMap((one) => shown(request, server, one))
        // Here, so that one that lists too much is left out by itself.
        if (endpoint.prefixed) listEvent(kind, items)
        return items
      },
      merge(said) {
        if (!endpoint.prefixed && said[0]?.said === undefined) return errorEvent({ code: METHOD_NOT_FOUND, message: 'The server has no such method.' }, 'tool_definition')
        return listEvent(kind, said.flatMap((one) => one.said ?? []), said.length)
      },
    })
  }
}

function listEvent(kind: Kind, items: readonly Tree[], servers = 1): TreeEvent {
  return treeEvent(object({ result: object({ [memberOf(kind)]: [...items] }) }), 'tool_definition', servers * MOST_LEAVES)
}

/** An item as the caller may see it, if it may. */
function shown(request: Request, server: Server, item: Item): readonly Tree[] {
  const { desk, endpoint, principal, exchange } = request
  const { kind, name, definition } = item
  if (kind === 'tools' && (!withinScope(principal.scope.tools, name) || typeof mirroredOf(item) === 'string')) return []
  // Nobody could decide about it by its name.
  if (kind === 'resources' && ambiguity(name) !== undefined) return []
  if (!desk.visible(principal, exchange, usingReading(request, server, item))) return []
  if (!endpoint.prefixed || kind === 'resources' || kind === 'templates') return [definition]
  const known = shownAs(endpoint, { server, name })
  return known === undefined ? [] : [new Map([...definition, ['name', known]])]
}

/** Using it, without anything that could be said to it. */
function usingReading({ desk }: Request, server: Server, { kind, name, definition }: Item): Reading {
  switch (kind) {
    case 'tools':
      return callReading(server, name, new Map(), desk.tool(name, server.settings.name), definition)
    case 'prompts':
      return promptReading(server, name, new Map())
    case 'resources':
    case 'templates':
      return readReading(server, name, true)
  }
}
