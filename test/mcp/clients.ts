import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { CreateMessageRequestSchema, ElicitRequestSchema, ListRootsRequestSchema, LoggingMessageNotificationSchema, ResourceUpdatedNotificationSchema, ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js'
import { Client as ModernClient, StreamableHTTPClientTransport as ModernTransport } from '@modelcontextprotocol/client'

export interface Result {
  readonly content: readonly { readonly type: string; readonly text?: string; readonly [more: string]: unknown }[]
  readonly isError?: boolean
  readonly structuredContent?: unknown
  readonly _meta?: Readonly<Record<string, unknown>>
}

/** What the official clients of both generations do alike, under one name. */
export interface OfficialClient {
  readonly client: Pick<ModernClient, 'listTools' | 'listPrompts' | 'getPrompt' | 'listResources' | 'listResourceTemplates' | 'readResource' | 'complete' | 'close' | 'getServerVersion' | 'getInstructions' | 'getServerCapabilities'>
  call(name: string, args?: Readonly<Record<string, unknown>>, onProgress?: (progress: number) => void): Promise<Result>
  /** Hears of changes of a resource from now on; the returned function ends that. */
  watch(uri: string): Promise<() => Promise<unknown>>
  /** Methods and parameters of what it was told, in order. */
  readonly told: { readonly method: string; readonly params: unknown }[]
  /** Methods of what it was asked, in order. */
  readonly asked: { readonly method: string; readonly params: unknown }[]
}

/** What the clients' users and models answer. */
const ANSWERS = {
  'sampling/createMessage': { role: 'assistant', content: { type: 'text', text: 'a line from the model of the caller' }, model: 'none', stopReason: 'endTurn' },
  'elicitation/create': { action: 'accept', content: { name: 'Ada', check: true, email: 'ada@example.com' } },
  'roots/list': { roots: [{ uri: 'file:///home/ada', name: 'home' }] },
} as const
const CAPABILITIES = { sampling: {}, elicitation: {}, roots: { listChanged: true } }

/** The three ways in which official clients speak today: `@modelcontextprotocol/sdk` 1, and `client` 2 with sessions and without. */
export const CLIENTS = ['sdk 1', 'client 2, sessions', 'client 2, 2026-07-28'] as const

export async function officialClient(which: (typeof CLIENTS)[number], url: string, key: string): Promise<OfficialClient> {
  const told: OfficialClient['told'] = []
  const asked: OfficialClient['asked'] = []
  const init = { requestInit: { headers: { authorization: `Bearer ${key}` } } }
  const hear = (message: { readonly method: string; readonly params?: unknown }): void => void told.push({ method: message.method, params: message.params })
  const answer = (message: { readonly method: string; readonly params?: unknown }): never => {
    asked.push({ method: message.method, params: message.params })
    return ANSWERS[message.method as keyof typeof ANSWERS] as never
  }
  if (which === 'sdk 1') {
    const client = new Client({ name: 'test', version: '1' }, { capabilities: CAPABILITIES })
    for (const schema of [CreateMessageRequestSchema, ElicitRequestSchema, ListRootsRequestSchema]) client.setRequestHandler(schema as typeof ElicitRequestSchema, answer)
    for (const schema of [LoggingMessageNotificationSchema, ResourceUpdatedNotificationSchema, ToolListChangedNotificationSchema]) client.setNotificationHandler(schema as typeof ToolListChangedNotificationSchema, hear)
    await client.connect(new StreamableHTTPClientTransport(new URL(url), init) as never)
    return {
      client: client as never,
      call: (name, args = {}, onProgress) => client.callTool({ name, arguments: args }, undefined, onProgress && { onprogress: ({ progress }) => onProgress(progress) }) as never,
      watch: async (uri) => (await client.subscribeResource({ uri }), () => client.unsubscribeResource({ uri })),
      told,
      asked,
    }
  }
  const modern = which === 'client 2, 2026-07-28'
  const client = new ModernClient({ name: 'test', version: '2' }, { capabilities: CAPABILITIES, versionNegotiation: { mode: modern ? { pin: '2026-07-28' } : 'legacy' } })
  for (const method of ['sampling/createMessage', 'elicitation/create', 'roots/list'] as const) client.setRequestHandler(method as 'roots/list', answer)
  for (const method of ['notifications/message', 'notifications/resources/updated', 'notifications/tools/list_changed'] as const) client.setNotificationHandler(method, hear)
  await client.connect(new ModernTransport(new URL(url), init))
  return {
    client,
    call: (name, args = {}, onProgress) => client.callTool({ name, arguments: args, ...(modern && { _meta: { 'io.modelcontextprotocol/logLevel': 'debug' } }) }, onProgress && { onprogress: ({ progress }) => onProgress(progress) }) as never,
    async watch(uri) {
      if (!modern) return (await client.subscribeResource({ uri }), () => client.unsubscribeResource({ uri }))
      const listening = await client.listen({ resourceSubscriptions: [uri] })
      return () => listening.close()
    },
    told,
    asked,
  }
}
