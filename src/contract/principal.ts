/** How one link of the chain was proven. */
export interface Proof {
  /** `configuration`: nobody called; a server of the settings asks or tells something on account of a call of somebody else's. */
  readonly kind: 'configuration' | 'api_key' | 'mtls' | 'oidc' | 'task_token' | 'local' | 'enrolment' | 'reviewer' | 'admin' | 'none'
  /** Public identifier of the credential (a key's id, a certificate's serial, a token's `jti`), never the credential. */
  readonly id: string
  /** Credentials that this one was made from, nearest first: revoking any of them ends this one too. */
  readonly from?: readonly string[]
}

/**
 * Who calls. Everything stored, cached, counted or sealed is keyed by `tenant`.
 * `scope` is what the credential itself allows; policy may narrow it further and never widens it.
 */
export interface Principal {
  readonly tenant: string
  /** SPIFFE id, `key:<id>` behind the API-key door, or `mcp:<server>` for what a server of the settings initiates. */
  readonly workload: string
  /** Whom the workload acts for, outermost first; empty when it acts for itself. */
  readonly chain: readonly string[]
  /** How each link of `chain` was proven, in its order; absent where the chain is empty. */
  readonly vouched?: readonly Proof[]
  readonly roles: readonly string[]
  readonly cohort?: string
  readonly task?: string
  /** The agent's own name, when the credential carries one. */
  readonly agent?: string
  readonly proof: Proof
  readonly scope: {
    /** Absent = every route (model) that policy permits. A trailing `*` matches a prefix. */
    readonly routes?: readonly string[]
    readonly models?: readonly string[]
    /** The same for tools: what a model may propose for it, and what it may call. Of MCP servers also `resource:<uri>` and `prompt:<name>`. */
    readonly tools?: readonly string[]
    /** The one gateway that it is for: `llm`, `guard`, `mcp:<server>`, `mcp` for all servers at one place …; absent = every one. */
    readonly audience?: string
    /** Extra rights of the credential, e.g. `scores` (law 11). */
    readonly rights: readonly string[]
  }
  /** Milliseconds since the Unix epoch at which the credential ends. */
  readonly expires?: number
}

/** The subject whose key seals payloads: tenant + on-behalf-of, else tenant + workload (DESIGN §3). */
export function subjectOf(principal: Principal): string {
  return `${principal.tenant}/${principal.chain[0] ?? principal.workload}`
}

/** True when one of the patterns names it (a trailing `*` matches a prefix). Absent patterns allow everything. */
export function withinScope(patterns: readonly string[] | undefined, name: string): boolean {
  if (patterns === undefined) return true
  for (const pattern of patterns) {
    if (pattern === name || (pattern.endsWith('*') && name.startsWith(pattern.slice(0, -1)))) return true
  }
  return false
}

/** What a call is about, as far as a credential's scope speaks of it. */
export interface Aim {
  readonly route: string
  /** What the call goes through, by the name that an audience has: `llm`, `guard`, `mcp:<server>` … */
  readonly gateway: string
  readonly resourceType: string
  readonly resourceId: string
  /** Of a `Model`, its name at the provider, which a scope may use as well. */
  readonly model?: string
}

/** What the house itself asks on the way of a call: its caller's audience was judged with that call. */
const OWN_WAYS: ReadonlySet<string> = new Set(['judge', 'classifier'])

/**
 * Whether the credential itself is meant for this: its audience, its routes, and what of models and tools is the target.
 * An empty list allows nothing. `token` is within every scope: an exchange keeps to the scope itself, and gives less.
 * Nor do routes say anything about `identity`, where workloads renew what they have.
 */
export function inScope({ scope }: Principal, { route, gateway, resourceType, resourceId, model }: Aim): boolean {
  if (gateway === 'token') return true
  const { audience, routes, models, tools } = scope
  // What is for all servers at one place is for each of them there; that it is used there is the place's to see.
  if (audience !== undefined && audience !== gateway && !(audience === 'mcp' && gateway.startsWith('mcp:')) && !OWN_WAYS.has(gateway)) return false
  if (gateway !== 'identity' && !withinScope(routes, route)) return false
  if (resourceType === 'Tool') return withinScope(tools, resourceId)
  // Whoever was given certain tools was not given everything else that servers have.
  if (resourceType === 'Resource' || resourceType === 'Prompt') return withinScope(tools, `${resourceType.toLowerCase()}:${resourceId}`)
  if (resourceType !== 'Model') return true
  return withinScope(models, resourceId) || (model !== undefined && withinScope(models, model))
}
