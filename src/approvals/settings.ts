import * as z from 'zod'
import { DURATION, durationMs } from '../formats/units.ts'
import { settleWebhooks, webhooksSchema, type SettledWebhook } from './webhooks/settings.ts'

const duration = z.string().regex(DURATION, 'expected a duration such as 10s, 5m or 30d')
const group = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'letters, digits, dot, underscore and hyphen; at most 64')

/** Longer ones would outlive every credential and overflow timers. */
const LONGEST_HOLD_MS = 7 * 86_400_000

/** A duration from a second to `longest`. */
function within(longest: number) {
  // Asked of what is no duration as well, whose own message says enough.
  return duration.refine((text) => !DURATION.test(text) || (durationMs(text) >= 1000 && durationMs(text) <= longest), `from 1s to ${longest / 3_600_000}h`)
}

/** `approvals:` as people write it. */
export const approvalsSchema = z
  .strictObject({
    timeout: within(LONGEST_HOLD_MS).optional().describe('How long people have to decide before the answer is no; a policy\'s @timeout goes before it. Default: 60s.'),
    wait: within(3_600_000).optional().describe('Longest that a call itself waits. Then it is refused with the approval\'s id, and an approval that comes later lets the unchanged request pass once. Default: 2m.'),
    pending: z.int().min(1).max(256).optional().describe('Most approvals that one caller may have waiting; above it further ones are refused. Default: 8.'),
    grant: within(86_400_000).optional().describe('How long an approval that came after its call had gone lets the unchanged action pass. Default: 10m.'),
    task_max: within(LONGEST_HOLD_MS).optional().describe('Longest that an approval for a task or of a value lasts. Default: 8h.'),
    ended: within(LONGEST_HOLD_MS).optional().describe('How long a session that a reviewer ended stays ended unless somebody lifts it. Default: 1h.'),
    keep: duration.optional().describe('How long what was shown and decided is kept for comparison, sealed. Default: 30d.'),
    slow: within(60_000).optional().describe('What a reviewer who approves without looking must wait after seeing an action before deciding about it. Default: 5s.'),
    groups: z
      .record(group, z.strictObject({ reviewers: z.int().min(1).max(2).optional().describe('How many different people must agree to what this group is asked. Default: 1; a policy may ask for more.') }))
      .optional()
      .describe('Approver groups, as policies name them in @approvers.'),
    webhooks: webhooksSchema.optional(),
  })
  .describe('People\'s approvals of what policy holds.')

export type ApprovalsWritten = z.infer<typeof approvalsSchema>

export interface ApprovalsSettings {
  readonly timeoutMs: number
  readonly waitMs: number
  readonly pending: number
  readonly grantMs: number
  readonly taskMaxMs: number
  readonly endedMs: number
  readonly keepMs: number
  readonly slowMs: number
  /** How many people must agree, by group. */
  readonly reviewers: ReadonlyMap<string, number>
  readonly webhooks: readonly SettledWebhook[]
}

/** @throws {WebhookSettingsError} for webhooks that do not stand. */
export function settleApprovals(written: ApprovalsWritten | undefined): ApprovalsSettings {
  const { timeout = '60s', wait = '2m', pending = 8, grant = '10m', task_max = '8h', ended = '1h', keep = '30d', slow = '5s', groups = {}, webhooks } = written ?? {}
  return Object.freeze({
    timeoutMs: durationMs(timeout),
    waitMs: durationMs(wait),
    pending,
    grantMs: durationMs(grant),
    taskMaxMs: durationMs(task_max),
    endedMs: durationMs(ended),
    keepMs: durationMs(keep),
    slowMs: durationMs(slow),
    reviewers: new Map(Object.entries(groups).map(([name, { reviewers = 1 }]) => [name, reviewers])),
    webhooks: settleWebhooks(webhooks, ['approvals', 'webhooks']),
  })
}
