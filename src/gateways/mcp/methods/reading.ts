import { createHash } from 'node:crypto'
import type { Action, Reading, Resource } from '../../../contract/exchange.ts'
import type { ToolCall } from '../../../contract/flow.ts'
import type { Edit, Segment } from '../../../contract/segment.ts'
import { refuse, Refused } from '../../../contract/verdict.ts'
import { argumentTree } from '../../../formats/arguments.ts'
import { writeJson } from '../../../formats/json.ts'
import type { TreeObject } from '../../../formats/tree.ts'
import { routeOf } from '../callers/desk.ts'
import type { Endpoint } from '../callers/endpoint.ts'
import type { Server } from '../servers/server.ts'
import { schemeOf } from './uris.ts'

export interface Plain {
  readonly endpoint: Pick<Endpoint, 'route' | 'path'>
  readonly action: Action
  readonly method: string
  readonly effect: 'dial' | 'none'
}

/** A request that carries no content and changes nothing: connecting, listing, asking whether somebody is there. */
export function plainReading({ endpoint, action, method, effect }: Plain): Reading {
  const { route, path } = endpoint
  const reading: Reading = {
    ...COMMON,
    action,
    resource: { type: 'Endpoint', id: route, attributes: { path, method } },
    route,
    gateway: route,
    effect,
    segments: [],
    apply: () => reading,
    fingerprint: () => createHash('sha256').update(`${action}\n${route}\n${method}`).digest('base64'),
    show: () => ({ body: JSON.stringify({ server: route, method }), values: [], undo: 'nothing to undo' }),
  }
  return reading
}

const COMMON = {
  direction: 'outbound',
  overlapsIntent: true,
  stream: false,
  effects: ['read'],
  parameters: {},
  subordinates: [],
  estimate: { input: 0, output: 0, choices: 1 },
} as const satisfies Partial<Reading>

/** Listing at one server, whatever the place. */
export function listReading(server: Server, method: string): Reading {
  const { name } = server.settings
  return plainReading({ endpoint: { route: routeOf(server), path: `/mcp/${name}` }, action: 'mcp.list', method, effect: 'dial' })
}

export interface Asking {
  readonly server: Server
  readonly action: Action
  readonly resource: Resource
  /** What goes to the server besides the name of the resource. */
  readonly args: TreeObject
  /** What it is for flow, where an address is followed. */
  readonly call?: ToolCall
  /** Absent = it reads. */
  readonly effects?: Reading['effects']
}

export interface AskingReading extends Reading {
  readonly args: TreeObject
}

/** A request that reads something, with what the caller says to it. */
export function askingReading(asking: Asking): AskingReading {
  const { server, action, resource, args, call, effects = COMMON.effects } = asking
  const route = routeOf(server)
  const text = args.size === 0 ? '' : writeJson(args)
  const reading: AskingReading = {
    ...COMMON,
    action,
    resource,
    route,
    gateway: route,
    effect: 'dial',
    effects,
    overlapsIntent: effects.length > 0 && effects.every((one) => one === 'read'),
    segments: [
      // The name is the caller's own text too: a secret can leave in a URI.
      { origin: 'tool_call', text: resource.id, path: ['name'], group: 'name' },
      ...(text === '' ? [] : [{ origin: 'tool_call', text, path: ['arguments'], group: 'call' } as const]),
    ],
    args,
    ...(call && { call }),
    apply(edits) {
      if (edits.length === 0) return reading
      // With another name it would be another thing, that nobody decided about.
      if (edits.some(({ segment }) => segment === 0)) throw new Refused(refuse('content_refused', { param: 'name', detail: 'something to take out of the name of what is asked for' }))
      return askingReading({ ...asking, args: edited(text, edits) })
    },
    fingerprint: () => createHash('sha256').update(`${action}\n${route}\n${resource.id}\n`).update(text).digest('base64'),
    show: () => ({ body: JSON.stringify({ server: server.settings.name, name: resource.id, arguments: text }), values: [], undo: 'nothing to undo' }),
  }
  return reading
}

/** Arguments with what guards changed. @throws {Refused} where that broke them: what was to be hidden must not travel half changed. */
export function edited(text: Segment['text'], edits: readonly Edit[]): TreeObject {
  let made = ''
  let from = 0
  for (const edit of edits) {
    made += text.slice(from, edit.start) + edit.text
    from = edit.end
  }
  const tree = argumentTree(made + text.slice(from))
  if (tree === undefined) throw new Refused(refuse('content_refused', { param: 'arguments', detail: 'an edit broke the arguments' }))
  return tree
}

/** Being told of a resource's changes, as policy decides about it. */
export function subscribeReading(server: Server, uri: string, listed: boolean): AskingReading {
  return askingReading({ server, action: 'mcp.subscribe', resource: { type: 'Resource', id: uri, attributes: { server: server.settings.name, scheme: schemeOf(uri), listed } }, args: new Map() })
}
