import * as z from 'zod'
import type { Principal } from '../contract/principal.ts'

/** Names end up in counters, caches and log lines, so their characters cannot be those that separate them there. */
export const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/
const name = z.string().regex(NAME, 'letters, digits, dot, underscore and hyphen; at most 64')
const pattern = z.string().min(1).max(256)
const names = z.array(name).max(64)
const patterns = z.array(pattern).min(1).max(256)

/** What a key is meant for; kept as JSON beside its hash. */
export const keyScope = z.strictObject({
  roles: names.optional().describe('Roles that policies see in principal.roles.'),
  cohort: name.optional().describe('Group of callers that shares budgets.'),
  agent: name.optional().describe("The agent's own name."),
  routes: patterns.optional().describe('Routes that it may use; a trailing * matches a prefix. Absent = every route that policy permits.'),
  models: patterns.optional().describe('Models that it may use; a trailing * matches a prefix. Absent = every model that policy permits.'),
  rights: names.optional().describe('Extra rights, for example "scores": see the scores of guardrails.'),
})
export type KeyScope = z.infer<typeof keyScope>

/** What `createKey` takes. */
export const keySpec = keyScope.extend({
  name: z.string().min(1).max(128).regex(/^[^\p{Cc}]+$/u, 'no control characters').describe('What people call the key.'),
  tenant: name.optional().describe('Whose key it is; "default" if none.'),
  expires: z.number().int().positive().optional().describe('Milliseconds since the Unix epoch at which the key ends.'),
})
export type KeySpec = z.infer<typeof keySpec>

/** `identity:` as people write it. */
export const identitySettings = z
  .strictObject({
    anonymous: keyScope
      .extend({ tenant: name.optional().describe('Tenant of anonymous callers; "default" if none.') })
      .optional()
      .describe('Lets callers on this machine in without a credential, as this principal. Off unless written here; never from another machine.'),
  })
  .describe('Who may call.')
export type IdentitySettings = z.infer<typeof identitySettings>

export interface SettledIdentity {
  readonly anonymous?: Principal
}

export function settleIdentity(written: IdentitySettings | undefined): SettledIdentity {
  if (written?.anonymous === undefined) return Object.freeze({})
  const { tenant, ...scope } = written.anonymous
  return Object.freeze({ anonymous: principalOf({ tenant: tenant ?? 'default', workload: 'anonymous', proof: { kind: 'none', id: 'anonymous' }, scope }) })
}

/** A frozen principal, made once per credential: identifying a call then allocates nothing. */
export function principalOf(of: Pick<Principal, 'tenant' | 'workload' | 'proof' | 'expires'> & { readonly scope: KeyScope }): Principal {
  const { roles, cohort, agent, routes, models, rights } = of.scope
  return Object.freeze({
    tenant: of.tenant,
    workload: of.workload,
    chain: Object.freeze([]),
    roles: Object.freeze([...(roles ?? [])]),
    ...(cohort !== undefined && { cohort }),
    ...(agent !== undefined && { agent }),
    proof: Object.freeze({ ...of.proof }),
    scope: Object.freeze({
      ...(routes !== undefined && { routes: Object.freeze([...routes]) }),
      ...(models !== undefined && { models: Object.freeze([...models]) }),
      rights: Object.freeze([...(rights ?? [])]),
    }),
    ...(of.expires !== undefined && { expires: of.expires }),
  })
}
