import * as z from 'zod'
import type { Principal, Proof } from '../../contract/principal.ts'
import { LONGEST_SECONDS } from './shrink.ts'

/** Media type of a task token, in its header: no other token of this or any other house has it. */
export const TASK_TYPE = 'sp-task+jwt'
/** A longer one could not be presented: it is what a credential may have in a header field. */
export const LONGEST_TOKEN = 8192
/** Links of a chain, the user or first workload included. */
export const DEEPEST_CHAIN = 8
export const MOST_NAMES = 64
/** Ids of credentials that one was made from. */
export const MOST_FROM = 32

const text = z.string().min(1).max(512)
const seconds = z.number().int().nonnegative()
const patterns = z.array(z.string().min(1).max(256)).max(256)
const names = z.array(z.string().min(1).max(64)).max(64)

const claimsSchema = z.strictObject({
  iss: text,
  /** The user, else the workload for which everything behind it acts. */
  sub: text,
  aud: z.string().min(1).max(256),
  exp: seconds,
  iat: seconds,
  jti: z.string().min(1).max(128),
  /** The task: one and the same for every token that descends from the first. */
  txn: z.string().min(1).max(128),
  /** RFC 8693 section 4.1: the workload that acts now, and inside it those that acted before. Absent = `sub` itself. */
  act: z.unknown().optional(),
  /** RFC 8693 section 4.4: who may exchange this token to act next. */
  may_act: z.strictObject({ sub: text }).optional(),
  tenant: text,
  roles: names,
  cohort: text.optional(),
  agent: text.optional(),
  routes: patterns.optional(),
  models: patterns.optional(),
  tools: patterns,
  rights: names,
  from: z.array(text).min(1).max(MOST_FROM),
  /** How each link of the chain was proven, outermost first. */
  vouched: z.array(z.strictObject({ kind: z.enum(['api_key', 'mtls', 'oidc', 'task_token', 'local'] as const satisfies readonly Proof['kind'][]), id: text })).max(DEEPEST_CHAIN),
  /** RFC 7800: the key that must be shown with it. */
  cnf: z.union([z.strictObject({ jkt: text }), z.strictObject({ 'x5t#S256': text })]).optional(),
})

export type Claims = Readonly<z.infer<typeof claimsSchema>>
export type Binding = NonNullable<Claims['cnf']>

export interface Act {
  readonly sub: string
  readonly act?: Act
}

/** What a task token says, whole; undefined for anything that is not exactly of its shape. */
export function readClaims(payload: unknown): { readonly claims: Claims; readonly principal: Principal } | undefined {
  const read = claimsSchema.safeParse(payload)
  if (!read.success) return undefined
  const claims = read.data
  const links = linksOf(claims.sub, claims.act)
  if (links === undefined || links.length - 1 > DEEPEST_CHAIN || claims.vouched.length !== links.length - 1) return undefined
  if (claims.exp - claims.iat > LONGEST_SECONDS || claims.exp <= claims.iat) return undefined
  return { claims, principal: principalOf(claims, links) }
}

/** `sub` and the actors after it, outermost first: the last one acts now. Undefined where `act` is malformed or too deep. */
function linksOf(sub: string, act: unknown): readonly string[] | undefined {
  const actors: string[] = []
  for (let here = act; here !== undefined; ) {
    const read = actSchema.safeParse(here)
    if (!read.success || actors.length >= DEEPEST_CHAIN) return undefined
    actors.push(read.data.sub)
    here = read.data.act
  }
  return [sub, ...actors.reverse()]
}

const actSchema = z.strictObject({ sub: text, act: z.unknown().optional() })

/** The nested `act` of a chain and who acts behind it; undefined where somebody acts for itself. */
export function actOf(chain: readonly string[], workload: string): Act | undefined {
  if (chain.length === 0) return undefined
  return [...chain.slice(1), workload].reduce<Act | undefined>((act, sub) => ({ sub, ...(act && { act }) }), undefined)
}

function principalOf(claims: Claims, links: readonly string[]): Principal {
  const { tenant, roles, cohort, agent, routes, models, tools, rights, aud, vouched, jti, from, txn, exp } = claims
  return Object.freeze({
    tenant,
    workload: links[links.length - 1] as string,
    chain: Object.freeze(links.slice(0, -1)),
    ...(vouched.length > 0 && { vouched: Object.freeze(vouched) }),
    roles: Object.freeze(roles),
    ...(cohort !== undefined && { cohort }),
    ...(agent !== undefined && { agent }),
    task: txn,
    proof: Object.freeze({ kind: 'task_token' as const, id: jti, from: Object.freeze(from) }),
    scope: Object.freeze({
      ...(routes !== undefined && { routes: Object.freeze(routes) }),
      ...(models !== undefined && { models: Object.freeze(models) }),
      tools: Object.freeze(tools),
      audience: aud,
      rights: Object.freeze(rights),
    }),
    expires: exp * 1000,
  })
}
