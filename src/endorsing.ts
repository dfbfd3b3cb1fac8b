import * as z from 'zod'
import { AdminError, type AdminRoute } from './console/admin.ts'
import type { Principal } from './contract/principal.ts'
import { reasonOf } from './contract/reasons.ts'
import { Refused } from './contract/verdict.ts'
import type { Kind } from './gateways/mcp/servers/items.ts'
import { NEVER } from './gateways/mcp/servers/link.ts'
import type { Server } from './gateways/mcp/servers/server.ts'
import { PinError, type Pinning, type PinView } from './pinning.ts'

export interface Endorsing {
  readonly pinning: Pinning
  /** Those of this moment's settings. */
  readonly servers: () => ReadonlyMap<string, Server>
}

/** One server, as operators see it. */
export interface ServerView {
  readonly name: string
  readonly kind: 'stdio' | 'http'
  readonly pin: 'first_use' | 'quarantine'
  /** Empty where it was never met. */
  readonly items: readonly PinView[]
  /** What could be endorsed in one go, and the hash that names just that. */
  readonly waiting: { readonly count: number; readonly hash: string }
}

const kind = z.enum(['tools', 'prompts', 'resources', 'templates', 'info', 'instructions', 'package'])
const name = z.string().min(1).max(2048)
const endorsing = z.strictObject({ item: z.strictObject({ kind, name }).optional(), hash: z.string().regex(/^[0-9a-f]{64}$/, 'the whole hash, 64 hexadecimal digits') })

/** What an operator may ask about the definitions of MCP servers over the admin port. */
export function endorsingRoutes({ pinning, servers }: Endorsing): readonly AdminRoute[] {
  const serverOf = (params: Readonly<Record<string, string>>): Server => {
    const found = servers().get(params['name'] ?? '')
    if (found === undefined) throw new AdminError(404, `There is no MCP server of that name. There ${servers().size === 0 ? 'is none' : `are: ${[...servers().keys()].join(', ')}`}.`)
    return found
  }
  const viewOf = ({ settings }: Server): ServerView => {
    const { items, hash } = pinning.waiting(settings.name)
    return { name: settings.name, kind: settings.kind, pin: settings.pin, items: pinning.view(settings.name), waiting: { count: items.length, hash } }
  }
  return [
    { verb: 'GET', path: 'mcp/servers', run: () => ({ servers: [...servers().values()].map(viewOf) }) },
    { verb: 'GET', path: 'mcp/servers/:name', run: ({ params }) => viewOf(serverOf(params)) },
    {
      verb: 'GET',
      path: 'mcp/servers/:name/item',
      async run({ params, query }) {
        const { settings } = serverOf(params)
        const found = await pinning.texts(settings.name, query.get('kind') ?? '', query.get('name') ?? '')
        if (found === undefined) throw new AdminError(404, 'Nothing of that name was ever seen there.')
        return found
      },
    },
    {
      verb: 'POST',
      path: 'mcp/servers/:name/look',
      async run({ operator, params }) {
        const server = serverOf(params)
        await look(server, operator)
        return viewOf(server)
      },
    },
    {
      verb: 'POST',
      path: 'mcp/servers/:name/endorse',
      async run({ operator, params, body }) {
        const { settings } = serverOf(params)
        const asked = endorsing.safeParse(body)
        if (!asked.success) throw new AdminError(400, z.prettifyError(asked.error))
        const { item, hash } = asked.data
        try {
          return { endorsed: await pinning.endorse(settings.name, item, hash, operator.workload) }
        } catch (error) {
          if (error instanceof PinError) throw new AdminError(409, `Nothing was endorsed: ${error.message}. See: sallyport mcp diff ${settings.name}`)
          throw error
        }
      },
    },
  ]
}

/** Asks a server for all that it lists, so that what changed is known before an agent asks. @throws {AdminError} */
async function look(server: Server, operator: Principal): Promise<void> {
  const connection = server.connection(operator)
  const { timeoutMs, startMs } = server.settings
  try {
    const { capabilities } = await connection.introduction({ signal: NEVER, timeoutMs: startMs })
    for (const [kind, capability] of LISTED) if (capabilities.has(capability)) await connection.list(kind, { signal: NEVER, timeoutMs })
  } catch (error) {
    // What is quarantined as a whole is what the operator is about to read.
    if (error instanceof Refused && error.refusal.refuse === 'quarantined') return
    if (error instanceof Refused) throw new AdminError(502, `The server cannot be asked: ${error.refusal.say ?? reasonOf(error.refusal.refuse).say}${error.refusal.detail === undefined ? '' : ` (${error.refusal.detail})`}`)
    throw error
  }
}

/** What is listed, by the capability that announces it. */
const LISTED: readonly (readonly [Kind, string])[] = [['tools', 'tools'], ['prompts', 'prompts'], ['resources', 'resources'], ['templates', 'resources']]
