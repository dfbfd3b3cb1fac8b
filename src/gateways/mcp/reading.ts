import { createHash } from 'node:crypto'
import type { Action, Reading } from '../../contract/exchange.ts'
import { routeOf } from './desk.ts'
import type { Server } from './server.ts'

export interface Plain {
  readonly server: Server
  readonly action: Action
  readonly method: string
  readonly effect: 'dial' | 'none'
}

/** A request that carries no content and changes nothing: connecting, listing, asking whether somebody is there. */
export function plainReading({ server, action, method, effect }: Plain): Reading {
  const route = routeOf(server)
  const reading: Reading = {
    action,
    resource: { type: 'Endpoint', id: route, attributes: { path: `/mcp/${server.settings.name}`, method } },
    route,
    direction: 'outbound',
    effect,
    overlapsIntent: true,
    stream: false,
    segments: [],
    effects: ['read'],
    parameters: {},
    subordinates: [],
    estimate: { input: 0, output: 0, choices: 1 },
    apply: () => reading,
    fingerprint: () => createHash('sha256').update(`${action}\n${route}\n${method}`).digest('base64'),
    show: () => ({ body: JSON.stringify({ server: server.settings.name, method }), values: [], undo: 'nothing to undo' }),
  }
  return reading
}
