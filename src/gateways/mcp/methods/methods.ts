import { callDoing } from './call.ts'
import { completeDoing } from './complete.ts'
import { discoverDoing, initializeDoing, ownDoing } from './connect.ts'
import type { Doing, Request } from '../callers/desk.ts'
import { levelDoing } from './level.ts'
import { listDoing } from './list.ts'
import { listenDoing } from './listen.ts'
import { promptDoing } from './prompt.ts'
import { readDoing } from './read.ts'
import { subscribeDoing } from './subscribe.ts'
import { taskDoing } from './tasks.ts'

type Methods = ReadonlyMap<string, (request: Request) => Doing | Promise<Doing>>

const COMMON: Methods = new Map<string, (request: Request) => Doing | Promise<Doing>>([
  ['tools/list', listDoing('tools')],
  ['tools/call', callDoing],
  ['resources/list', listDoing('resources')],
  ['resources/templates/list', listDoing('templates')],
  ['resources/read', readDoing],
  ['prompts/list', listDoing('prompts')],
  ['prompts/get', promptDoing],
  ['completion/complete', completeDoing],
])

/** The methods of requests with sessions, and who answers them. */
export const METHODS: Methods = new Map([
  ...COMMON,
  ['initialize', initializeDoing],
  ['ping', ownDoing],
  ['logging/setLevel', levelDoing],
  ['resources/subscribe', subscribeDoing],
  ['resources/unsubscribe', subscribeDoing],
])

/** The same without sessions. */
export const MODERN_METHODS: Methods = new Map([...COMMON, ['server/discover', discoverDoing], ['subscriptions/listen', listenDoing], ['tasks/get', taskDoing], ['tasks/update', taskDoing], ['tasks/cancel', taskDoing]])

/** What callers may tell; nothing of it goes on. */
export const NOTIFICATIONS: ReadonlySet<string> = new Set(['notifications/initialized', 'notifications/cancelled', 'notifications/progress', 'notifications/roots/list_changed'])
