import type { SettledIdentity } from './settings.ts'

/** Where people log in with applications that call here, and what scopes their tokens can have. */
export interface LoginPlaces {
  readonly publicUrl?: string
  readonly issuers: readonly string[]
  readonly scopes: ReadonlyMap<string, readonly string[]>
}

export function loginPlaces({ publicUrl, oidc }: SettledIdentity): LoginPlaces {
  const clients = oidc.filter((one) => one.clients === true)
  const scopes = new Map<string, readonly string[]>()
  for (const one of clients) for (const [scope, tools] of one.scopes ?? []) scopes.set(scope, [...(scopes.get(scope) ?? []), ...tools])
  return Object.freeze({ ...(publicUrl !== undefined && { publicUrl }), issuers: Object.freeze(clients.map(({ issuer }) => issuer)), scopes })
}
