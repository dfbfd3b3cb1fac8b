import type { ApprovalView, Choice, Decided } from '../../approvals/desk.ts'
import { DURATION, durationMs } from '../../formats/units.ts'
import { text, UsageError, type Args } from '../command.ts'
import { moment, visible } from '../show.ts'
import type { Door } from './door.ts'

/** Reads the approval, which counts as having been shown, and decides about exactly what was read. */
export async function decide({ call }: Door, id: string, choice: (view: ApprovalView) => Choice, note?: string): Promise<{ readonly view: ApprovalView; readonly decided: Decided }> {
  const view = (await call('GET', `approvals/${encodeURIComponent(id)}`)) as ApprovalView
  return { view, decided: await decideOn({ call }, view, choice(view), note) }
}

export async function decideOn({ call }: Pick<Door, 'call'>, { id, hash }: ApprovalView, { kind, ...more }: Choice, note?: string): Promise<Decided> {
  return (await call('POST', `approvals/${encodeURIComponent(id)}/decide`, { decision: kind, hash, ...more, ...(note !== undefined && { note }) })) as Decided
}

const went: Readonly<Record<Decided['result'], string>> = {
  released: 'is approved',
  granted: 'is approved, and passes once when it is asked again unchanged',
  agreed: 'has your consent',
  denied: 'is denied',
  ended: 'is denied, and its session is ended',
}

/** What came of a decision, as a sentence or two. */
export function decidedText({ view, decided }: { readonly view: ApprovalView; readonly decided: Decided }): string {
  const { result, released, missing, stands } = decided
  return [
    `${visible(view.resource)} for ${visible(view.chain[0] ?? view.agent ?? view.workload)} ${went[result]}.`,
    ...(missing > 0 ? [missing === 1 ? 'One more person must agree.' : `${missing} more people must agree.`] : []),
    ...(released > 0 ? [`${released === 1 ? 'One call goes' : `${released} calls go`} on.`] : []),
    ...(stands === undefined ? [] : [`What stands of it is ${stands.id}, until ${moment(stands.until)} UTC.`]),
  ].join(' ') + '\n'
}

/** @throws {UsageError} for what is no duration. */
export function durationOf(args: Args, name: string): number | undefined {
  const written = text(args, name)
  if (written === undefined) return undefined
  if (!DURATION.test(written) || durationMs(written) < 1_000) throw new UsageError(`--${name} takes a duration such as 30m, 1h or 7d, not "${written}"`)
  return durationMs(written)
}
