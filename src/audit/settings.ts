import * as z from 'zod'
import { BYTES, DURATION, durationMs, sizeBytes } from '../formats/units.ts'

const duration = z.string().regex(DURATION, 'expected a duration such as 10s, 5m or 30d')
const size = z.string().regex(BYTES, 'expected a size such as 64KB, 10MB or 1GB')

const destination = z.union([
  z.strictObject({ file: z.string().min(1).max(4096).optional().describe('Append to this file; relative to the state folder. Default: checkpoints.log.') }),
  z.strictObject({ url: z.url({ protocol: /^https?$/ }).max(2000).describe('POST each checkpoint there as text/plain; any 2xx status counts as kept.') }),
  z.literal('stdout').describe('Print each checkpoint.'),
])

/** `audit:` as people write it. */
export const auditSchema = z
  .strictObject({
    checkpoints: z
      .strictObject({
        to: destination.optional().describe('The second place that signed checkpoints go to. It should be out of this machine\'s reach: who can rewrite the log and every copy of its checkpoints can rewrite history. Default: { file: checkpoints.log }.'),
        every: duration.optional().describe('How often a checkpoint is signed while there is something new. Default: 1s.'),
        late_after: duration.optional().describe('How long the second place may lack the newest checkpoint before an alarm. Default: 30s.'),
      })
      .optional()
      .describe('Signed statements of the log\'s size and root.'),
    payload: z
      .enum(['full', 'masked', 'none'])
      .optional()
      .describe('What of the content is kept, sealed per subject. full: what was said and the masked excerpts of findings; masked: the masked excerpts only; none: nothing. Default: full.'),
    payload_bytes: size.optional().describe('Most bytes of payload kept of one exchange; the newest parts are kept and the cut is marked. Default: 64KB.'),
    payload_quota: size.optional().describe('Most bytes of payload that one tenant may hold; above it receipts go on without payload and say so. Default: 10GB.'),
    payload_retention: duration.optional().describe('Payloads older than this are dropped, except under a legal hold; receipts stay. Default: 30d.'),
    queue_bytes: size.optional().describe('Most bytes of records waiting for the disk; above it exchanges are refused. Default: 32MB.'),
  })
  .describe('The record of every decision.')

export type AuditWritten = z.infer<typeof auditSchema>

export type Destination = { readonly kind: 'file'; readonly path: string } | { readonly kind: 'url'; readonly url: string } | { readonly kind: 'stdout' }

export interface AuditSettings {
  readonly checkpoints: { readonly to: Destination; readonly everyMs: number; readonly lateAfterMs: number }
  readonly payload: 'full' | 'masked' | 'none'
  readonly payloadBytes: number
  readonly payloadQuota: number
  readonly payloadRetentionMs: number
  readonly queueBytes: number
}

export function settleAudit(written: AuditWritten | undefined): AuditSettings {
  const { checkpoints = {}, ...rest } = written ?? {}
  return Object.freeze({
    checkpoints: Object.freeze({
      to: Object.freeze(destinationOf(checkpoints.to ?? {})),
      everyMs: durationMs(checkpoints.every ?? '1s'),
      lateAfterMs: durationMs(checkpoints.late_after ?? '30s'),
    }),
    payload: rest.payload ?? 'full',
    payloadBytes: sizeBytes(rest.payload_bytes ?? '64KB'),
    payloadQuota: sizeBytes(rest.payload_quota ?? '10GB'),
    payloadRetentionMs: durationMs(rest.payload_retention ?? '30d'),
    queueBytes: sizeBytes(rest.queue_bytes ?? '32MB'),
  })
}

function destinationOf(to: z.infer<typeof destination>): Destination {
  if (to === 'stdout') return { kind: 'stdout' }
  return 'url' in to ? { kind: 'url', url: to.url } : { kind: 'file', path: to.file ?? 'checkpoints.log' }
}
