import type { Asked } from '../contract/exchange.ts'
import type { Finding } from '../contract/finding.ts'
import type { Payload, Receipt } from '../contract/receipt.ts'
import { NO_USAGE } from '../contract/exchange.ts'
import { subjectOf } from '../contract/principal.ts'
import { clear } from './close.ts'
import type { House } from './house.ts'

/**
 * Records what guardrails that are only watched saw after the verdict, when the receipt of their exchange may be
 * written already: a receipt of its own below it, with what a review needs. Masked excerpts are sealed like all content.
 */
export function recordShadow(house: Pick<House, 'audit' | 'clock' | 'keepPayload'>, id: string, { exchange, principal, reading }: Asked, findings: readonly Finding[]): Promise<void> {
  const subject = subjectOf(principal)
  const receipt: Receipt = {
    kind: 'receipt',
    exchange: id,
    parent: exchange.id,
    gateway: exchange.gateway,
    tenant: principal.tenant,
    workload: principal.workload,
    chain: principal.chain,
    subject,
    action: 'guard.shadow',
    resource: `${reading.resource.type}::${reading.resource.id}`,
    route: reading.route,
    epoch: exchange.epoch,
    at: house.clock.wall(),
    verdict: 'allow',
    outcome: 'answered',
    proof: `${principal.proof.kind}:${principal.proof.id}`,
    policies: [],
    shadow: [],
    context: {},
    findings: findings.map(clear),
    edits: 0,
    attempts: [],
    usage: NO_USAGE,
    took: 0,
    guardMicros: 0,
    reused: 0,
  }
  const payload: Payload = { subject, tenant: principal.tenant, findings: findings.map(({ rule, excerpt }) => ({ rule, excerpt })) }
  return house.audit.receipt(receipt, house.keepPayload === 'none' ? undefined : payload)
}
