import { SignJWT } from 'jose'
import type { Arrival } from '../../contract/arrival.ts'
import type { Clock } from '../../contract/clock.ts'
import type { Principal, Proof } from '../../contract/principal.ts'
import type { MintedToken, PreparedToken, TokenRequest } from '../../contract/token.ts'
import { reasonOf } from '../../contract/reasons.ts'
import { isRefusal, refuse, Refused, type Refusal } from '../../contract/verdict.ts'
import { credentialOf } from '../credential.ts'
import { actOf, DEEPEST_CHAIN, LONGEST_TOKEN, MOST_FROM, TASK_TYPE, type Binding, type Claims } from './claims.ts'
import { hasProof, type ProofDesk } from './dpop.ts'
import type { TaskKeys } from './keys.ts'
import { endOf, LONGEST_SECONDS, shareOf, type Holding, type Share } from './shrink.ts'
import { certificateHash, idsOf, isTaskToken, type Verifier } from './verify.ts'

/** A user for whom an issuer vouches. */
export interface VouchedUser {
  /** Names the user among all issuers: it becomes the first link of chains. */
  readonly subject: string
  readonly issuer: string
  /** The tenant of the issuer's users; absent = any. */
  readonly tenant?: string
  readonly proof: Proof
  /** Milliseconds since the Unix epoch. */
  readonly expires: number
}

/** Verifies a user's token; refuses those of issuers that are not for users. */
export type Users = (token: string, arrival: Arrival) => Promise<VouchedUser | Refusal>

/** What one epoch says about exchanges. */
export interface ExchangeRules {
  /** Absent = no issuer vouches for users. */
  readonly users?: Users
  /** Lets holders of an API key have tokens that are bound to no key. */
  readonly unbound?: boolean
}

export interface ExchangerParts {
  readonly keys: TaskKeys
  readonly proofs: ProofDesk
  readonly verifier: Verifier
  readonly issuer: string
  readonly clock: Clock
  readonly newId: () => string
  readonly revoked: (id: string) => boolean
}

export type Exchange = (request: TokenRequest, caller: Principal, arrival: Arrival, rules: ExchangeRules) => Promise<PreparedToken | Refusal>

/** Whom a token is for, and what its makers hold. */
interface Party {
  readonly chain: readonly string[]
  readonly vouched: readonly Proof[]
  readonly txn: string | undefined
  /** Credentials that it comes from, nearest first. */
  readonly from: readonly string[]
  readonly holdings: readonly Holding[]
  readonly kind: 'itself' | 'user' | 'task'
}

const CALLERS: ReadonlySet<Proof['kind']> = new Set<Proof['kind']>(['api_key', 'mtls', 'oidc', 'local', 'task_token'])
/** What only a workload may be called, whatever an issuer writes into `sub`. */
const WORKLOADS = /^(?:spiffe:|key:|admin:|reviewer:|anonymous$)/i

/** Task tokens from what a workload and its user present (RFC 8693). */
export function makeExchange(parts: ExchangerParts): Exchange {
  const { keys, verifier, issuer, clock, newId, revoked } = parts
  return async (request, caller, arrival, rules) => {
    if (!CALLERS.has(caller.proof.kind)) return refuse('unauthenticated', { say: 'A token is only exchanged for a workload that proved who it is.', detail: `exchange by ${caller.proof.kind}` })
    if (request.actor !== undefined && request.actor !== presented(arrival)) return refused('actor_token', 'The actor is the authenticated caller: leave actor_token away, or send the very credential that you authenticate with.', 'actor token is another credential')
    const own = caller.proof.kind === 'task_token' ? await ownToken(verifier, caller, arrival) : undefined
    if (isRefusal(own)) return own
    const party = await partyOf(verifier, request, caller, arrival, rules)
    if (isRefusal(party)) return party
    if (request.mayAct !== undefined && [...party.chain, caller.workload].includes(request.mayAct)) return refused('may_act', 'A token cannot be handed back to somebody who already acts in it.', 'may_act loop')
    if (party.chain.length > DEEPEST_CHAIN) return refused('subject_token', `At most ${DEEPEST_CHAIN} can act one for another.`, 'chain too deep')
    if (party.from.length > MOST_FROM) return refused('subject_token', 'The token comes from too many credentials.', 'too many origins')
    const share = shareOf(request, party.holdings)
    if ('excess' in share) return excess(share)
    if (endOf(clock.wall(), request.lifetime, party.holdings) < clock.wall() + 1000) return refused('subject_token', 'A credential that the token would be made from is about to expire.', 'nothing left of its lifetime')
    // Last, because a proof is used up by being looked at.
    const binding = own === undefined ? await bindingOf(parts, rules, caller, arrival) : (own.cnf ?? rules.unbound === true)
    if (isRefusal(binding)) return binding
    if (binding === false) return refused('DPoP', 'Tokens that are bound to no key are switched off.', 'unbound task token')
    const cnf = binding === true ? undefined : binding

    const claims: Omit<Claims, 'exp' | 'iat'> = {
      iss: issuer,
      sub: party.chain[0] ?? caller.workload,
      aud: share.audience,
      jti: newId(),
      txn: party.txn ?? newId(),
      ...(party.chain.length > 0 && { act: actOf(party.chain, caller.workload) }),
      ...(request.mayAct !== undefined && { may_act: { sub: request.mayAct } }),
      tenant: caller.tenant,
      roles: [...share.roles],
      ...(caller.cohort !== undefined && { cohort: caller.cohort }),
      ...(caller.agent !== undefined && { agent: caller.agent }),
      ...(share.routes && { routes: [...share.routes] }),
      ...(share.models && { models: [...share.models] }),
      tools: [...share.tools],
      rights: [...share.rights],
      from: [...party.from],
      vouched: party.vouched.map(({ kind, id }) => ({ kind, id })) as Claims['vouched'],
      ...(cnf && { cnf }),
    }
    const mint = async (): Promise<MintedToken> => {
      // It may have waited for a reviewer since.
      const now = clock.wall()
      const exp = Math.floor(endOf(now, request.lifetime, party.holdings) / 1000)
      const iat = Math.floor(now / 1000)
      if (exp <= iat) throw new Refused(refused('subject_token', 'A credential that the token would be made from has expired.', 'expired before it was signed'))
      const ended = [...idsOf(caller), ...party.from, ...party.chain, ...(party.txn === undefined ? [] : [party.txn])].find(revoked)
      if (ended !== undefined) throw new Refused(refuse('revoked', { detail: `exchange: ${ended}` }))
      const { kid, key } = keys.signing
      const token = await new SignJWT({ ...claims, iat, exp }).setProtectedHeader({ alg: 'ES256', kid, typ: TASK_TYPE }).sign(key)
      if (token.length > LONGEST_TOKEN - 16) throw new Refused(refused('scope', 'The token would be longer than a credential may be: ask for less.', 'token too long'))
      return { token, type: cnf !== undefined && 'jkt' in cnf ? 'DPoP' : 'Bearer', expiresIn: exp - iat, scope: scopeText(share) }
    }
    const key = cnf && ('jkt' in cnf ? cnf.jkt : cnf['x5t#S256'])
    return { facts: factsOf(request, party, share, claims, cnf), ...(key !== undefined && { key }), mint }
  }
}

/** What the caller's own task token says: a narrower one is bound to the same key. */
async function ownToken(verifier: Verifier, caller: Principal, arrival: Arrival): Promise<Claims | Refusal> {
  const token = presented(arrival)
  const read = token === undefined ? undefined : await verifier.sound(token)
  if (isRefusal(read)) return read
  return read?.claims.jti === caller.proof.id ? read.claims : refuse('unauthenticated', { detail: 'exchange: the task token is not the one presented' })
}

async function partyOf(verifier: Verifier, { subject }: TokenRequest, caller: Principal, arrival: Arrival, { users }: ExchangeRules): Promise<Party | Refusal> {
  const mine: Holding = holdingOf(caller)
  const from = [caller.proof.id, ...(caller.proof.from ?? [])]
  const known = { chain: caller.chain, vouched: caller.vouched ?? [], txn: caller.task, from, holdings: [mine] }
  if (subject === undefined) return { ...known, kind: caller.proof.kind === 'task_token' ? 'task' : 'itself' }
  if (caller.proof.kind === 'task_token' || caller.chain.length > 0) return refused('subject_token', 'Your own credential says already whom you act for: send the one of the workload, or no subject_token.', 'subject beside a task token')
  if (isTaskToken(subject.token)) return await delegated(verifier, subject, caller, from, mine)
  if (users === undefined) return refused('subject_token', 'No issuer of user tokens is configured.', 'no users')
  const user = await users(subject.token, arrival)
  if (isRefusal(user)) return unvouched(user)
  if (WORKLOADS.test(user.subject) || user.subject.length > 512) return refused('subject_token', 'The subject token names no user.', `user called ${user.subject.slice(0, 64)}`)
  if (user.tenant !== undefined && user.tenant !== caller.tenant) return refused('subject_token', 'The user belongs to another tenant.', `tenant ${user.tenant}`)
  return {
    chain: [user.subject],
    vouched: [user.proof],
    txn: undefined,
    from: unique([...from, user.proof.id, ...(user.proof.from ?? [])]),
    holdings: [mine, { expires: user.expires }],
    kind: 'user',
  }
}

/** The token of an agent that named the caller in `may_act`: without that, whoever found a token could make it his own. */
async function delegated(verifier: Verifier, { token, type }: NonNullable<TokenRequest['subject']>, caller: Principal, from: readonly string[], mine: Holding): Promise<Party | Refusal> {
  if (type === 'id_token') return refused('subject_token', 'A task token is an access_token or jwt.', 'task token as id_token')
  const read = await verifier.sound(token)
  if (isRefusal(read)) return unvouched(read)
  const { claims, principal } = read
  const chain = [...principal.chain, principal.workload]
  if (principal.tenant !== caller.tenant) return refused('subject_token', 'The token belongs to another tenant.', `tenant ${principal.tenant}`)
  if (chain.includes(caller.workload)) return refused('subject_token', 'You act in this token already; to narrow it, authenticate with it.', 'delegation loop')
  if (claims.may_act?.sub !== caller.workload) return refused('subject_token', 'The token does not name you as the one who may act next.', `may_act ${claims.may_act?.sub ?? 'absent'}`)
  return {
    chain,
    vouched: [...(principal.vouched ?? []), { kind: 'task_token', id: claims.jti }],
    txn: claims.txn,
    from: unique([...from, claims.jti, ...claims.from]),
    holdings: [mine, holdingOf(principal)],
    kind: 'task',
  }
}

/** The key that a new token is bound to, as this very request shows it; true = none, and that is allowed. */
async function bindingOf({ proofs }: ExchangerParts, { unbound }: ExchangeRules, caller: Principal, arrival: Arrival): Promise<Binding | true | Refusal> {
  if (hasProof(arrival)) {
    const jkt = await proofs.check(arrival, { owner: `${caller.tenant}\n${caller.workload}` })
    if (!isRefusal(jkt)) return { jkt }
    return jkt.refuse === 'unauthenticated' ? { ...jkt, refuse: 'exchange_refused' } : jkt
  }
  const certificate = certificateHash(arrival.peer)
  if (certificate !== undefined) return { 'x5t#S256': certificate }
  if (unbound === true && caller.proof.kind === 'api_key') return true
  return refused('DPoP', 'A task token is bound to a key: send a DPoP proof, or use a connection with a client certificate.', 'no key to bind to')
}

/** The credential in the header, if any, that the door let the caller in with. */
function presented({ fields, target }: Arrival): string | undefined {
  const credential = credentialOf(fields, target, true)
  return isRefusal(credential) ? undefined : credential
}

function holdingOf({ scope, roles, expires }: Principal): Holding {
  return { ...scope, roles, ...(expires !== undefined && { expires }) }
}

/** A subject token that does not hold is the request's fault; keys that cannot be fetched are not. */
function unvouched(refusal: Refusal): Refusal {
  if ('retry' in reasonOf(refusal.refuse)) return refusal
  return refused('subject_token', 'The subject token is not valid here.', refusal.detail ?? refusal.refuse)
}

function excess({ excess: what, name }: { readonly excess: 'audience' | 'scope'; readonly name: string }): Refusal {
  return what === 'audience'
    ? refused('audience', 'The credential is meant for another audience.', `audience ${name}`)
    : refused('scope', 'The scope asks for more than the credentials allow.', `scope ${name}`)
}

function refused(param: string, say: string, detail: string): Refusal {
  return refuse('exchange_refused', { param, say, detail: `exchange: ${detail}` })
}

function unique(ids: readonly string[]): readonly string[] {
  return [...new Set(ids)]
}

function scopeText({ routes = [], models = [], tools }: Share): string {
  return [...tools.map((one) => `tool:${one}`), ...models.map((one) => `model:${one}`), ...routes.map((one) => `route:${one}`)].join(' ')
}

function factsOf({ mayAct, lifetime = LONGEST_SECONDS }: TokenRequest, { kind, chain }: Party, share: Share, { jti, txn }: Pick<Claims, 'jti' | 'txn'>, cnf: Binding | undefined): PreparedToken['facts'] {
  return {
    audience: share.audience,
    scope: scopeText(share).slice(0, 2048),
    subject_kind: kind,
    ...(chain[0] !== undefined && { subject: chain[0] }),
    depth: chain.length,
    lifetime,
    token: jti,
    task: txn,
    bound: cnf === undefined ? 'none' : 'jkt' in cnf ? 'dpop' : 'certificate',
    ...(mayAct !== undefined && { may_act: mayAct }),
  }
}
