import type { SettledIdentity, SettledOidc } from './settings.ts'

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

const PROFILE: ReadonlySet<string> = new Set(['name', 'family_name', 'given_name', 'middle_name', 'nickname', 'preferred_username', 'profile', 'picture', 'website', 'gender', 'birthdate', 'zoneinfo', 'locale', 'updated_at', 'oid', 'upn'])

/** What is asked of an issuer at which somebody signs in: the claims that make the name, and no more (OpenID Connect Core, 5.4). */
export function signInScopes({ user, match }: Pick<SettledOidc, 'user' | 'match'>): readonly string[] {
  const claims = [...user.flatMap((piece) => ('claim' in piece ? [piece.claim] : [])), ...match.map(([claim]) => claim)]
  return ['openid', ...(claims.some((one) => one === 'email' || one === 'email_verified') ? ['email'] : []), ...(claims.some((one) => PROFILE.has(one)) ? ['profile'] : [])]
}
