import type { Clock } from '../../../contract/clock.ts'
import type { Dial } from '../../../contract/dial.ts'
import { clientFor, type Client, type Ourselves } from './client.ts'
import type { Discovered, Target } from './discovery.ts'

/** What authorization servers know us as. */
export interface Clients {
  /** A client that was registered belongs to its issuer, and serves every consent there. @throws {OAuthProblem} */
  at(target: Target, found: Discovered, ourselves: Ourselves): Promise<Client>
  /** The authorization server does not know it any more: the next one to agree is registered anew. */
  gone(client: Client): void
}

interface Registered {
  readonly made: Promise<Client>
  /** Of the monotonic clock. */
  readonly until: number
}

const MOST = 1_000
const ASKING_MS = 25_000
/** An authorization server that has forgotten us says so to browsers alone: in the end we register anew. */
const LASTS_MS = 24 * 3_600_000

export function makeClients({ dial, clock }: { readonly dial: (target: Target) => Dial; readonly clock: Clock }): Clients {
  const registered = new Map<string, Registered>()
  return {
    async at(target, found, ourselves) {
      const ask = (): Promise<Client> => clientFor(dial(target), target, found, ourselves, AbortSignal.timeout(ASKING_MS))
      if (!target.oauth.register) return await ask()
      const key = JSON.stringify([target.server, found.issuer, ourselves.redirect])
      const known = registered.get(key)
      if (known !== undefined && known.until > clock.monotonic()) {
        const client = await known.made
        if (client.ends === undefined || client.ends > clock.wall()) return client
      }
      if (registered.size >= MOST) registered.clear()
      const made = ask()
      made.catch(() => registered.delete(key))
      registered.set(key, { made, until: clock.monotonic() + LASTS_MS })
      return await made
    },
    gone({ id }) {
      for (const [key, { made }] of registered) void made.then((client) => client.id === id && registered.delete(key), () => undefined)
    },
  }
}
