import type { HoldRequest } from '../contract/approval.ts'
import type { Shown } from '../contract/shown.ts'
import type { Effect, Resource } from '../contract/exchange.ts'
import type { Finding } from '../contract/finding.ts'
import type { Question } from '../contract/policy.ts'
import type { Principal } from '../contract/principal.ts'
import { canonicalJson } from '../formats/canonical.ts'
import type { Choice } from './desk.ts'
import type { Sealer } from './sealer.ts'

/** More than this is not shown to anybody: who cannot see the whole cannot consent to it. */
export const SHOWN_BYTES = 64 * 1024

/** What is kept in memory of an open question. */
export interface Facts {
  readonly question: Question
  readonly exchange: string
  readonly route: string
  readonly effects: readonly Effect[]
  readonly policies: readonly string[]
  readonly message?: string
  readonly group?: string
  readonly reviewers: number
  readonly holdMs: number
}

/** What is sealed of it. */
export interface Content {
  readonly facts: Facts
  readonly shown: Shown
  readonly findings: readonly Finding[]
  /** What the first of two persons agreed to. */
  readonly choice?: Choice
  /** What a denial told the caller. */
  readonly said?: string
}

/** What is kept in the clear: people and kinds, no content. */
export interface Notes {
  readonly agreed: readonly Person[]
  readonly decision?: { readonly kind: Choice['kind']; readonly tookMs: number; readonly at: number }
}

/** A reviewer who agreed or denied. */
export interface Person {
  readonly id: string
  readonly name: string
  readonly identity?: string
  readonly tenant?: string
  readonly kind: Choice['kind']
  readonly at: number
}

/** Sealed content of what stands from a decision. */
export interface Consent {
  readonly approval: string
  readonly by: readonly string[]
  readonly policies: readonly string[]
  readonly group?: string
  readonly principal: Principal
  readonly task?: string
  readonly action?: string
  readonly resource?: string
  readonly class?: string
  /** The highest sensitivity that it was given for. */
  readonly sensitivity?: number
  readonly values?: readonly { readonly path: string; readonly value: string | number | boolean | null }[]
  readonly text?: string
  readonly message?: string
}

export function factsOf(request: HoldRequest, reviewers: number, holdMs: number): Facts {
  const { decision, resource, context } = request.held
  return {
    question: { principal: request.principal, action: request.action, resource, context },
    exchange: request.exchange.id,
    route: request.route,
    effects: request.effects,
    policies: decision.policies,
    ...(decision.message !== undefined && { message: decision.message }),
    ...(decision.approvers !== undefined && { group: decision.approvers }),
    reviewers,
    holdMs,
  }
}

/** Who asks: tenant, workload, everybody it acts for, and the agent that it says it is. */
export function whoOf({ tenant, workload, chain, agent }: Principal): readonly unknown[] {
  return [tenant, workload, chain, agent ?? null]
}

export function resourceOf({ type, id }: Resource): string {
  return `${type}::${id}`
}

/** How sensitive what the session read and what the action touches is. */
export function sensitivityOf({ resource, context }: Pick<Question, 'resource' | 'context'>): number {
  const labels = context['labels']
  const read = typeof labels === 'object' && !Array.isArray(labels) ? (labels as Readonly<Record<string, unknown>>)['sensitivity'] : undefined
  return Math.max(typeof read === 'number' ? read : 0, Number(resource.attributes['sensitivity'] ?? 0) || 0)
}

/**
 * Keyed hashes by which things find each other. `bound` is what a decision is about, to the byte; the others are what a
 * standing consent covers. Attributes are in them: a tool that configuration calls riskier since is another one.
 */
export function makeMarks(sealer: Pick<Sealer, 'mark'>) {
  const mark = (...parts: readonly unknown[]): string => sealer.mark(canonicalJson(parts))
  const sorted = (policies: readonly string[]): readonly string[] => [...policies].sort()
  return {
    bound: (request: HoldRequest): string =>
      mark('action', whoOf(request.principal), request.principal.task ?? null, request.action, request.held.resource, request.fingerprint, sorted(request.held.decision.policies)),
    alike: ({ question, policies }: Facts): string => mark('alike', question.principal.tenant, question.action, resourceOf(question.resource), sorted(policies)),
    task: ({ principal, action, resource }: Question, task: string | undefined): string => mark('task', whoOf(principal), task ?? null, action, resource),
    value: (principal: Principal, task: string | undefined, sink: string): string => mark('value', whoOf(principal), task ?? null, sink),
    rule: (tenant: string): string => mark('rule', tenant),
    caller: (principal: Principal): string => mark('caller', whoOf(principal)),
  }
}

export type Marks = ReturnType<typeof makeMarks>

/** Opens and closes sealed JSON of one row. */
export function makeSealed(sealer: Sealer) {
  return {
    seal: (tenant: string, id: string, value: unknown): Uint8Array => sealer.seal(tenant, id, Buffer.from(JSON.stringify(value))),
    /** @throws {Error} as `Sealer.open` */
    open: <T>(tenant: string, id: string, bytes: Uint8Array): T => JSON.parse(Buffer.from(sealer.open(tenant, id, bytes)).toString('utf8')) as T,
  }
}

export type Sealed = ReturnType<typeof makeSealed>
