import type { Facts, Step, Stepped } from '../contract/facts.ts'
import type { Inspection } from '../contract/guard.ts'
import type { Asked, Reading } from '../contract/exchange.ts'
import { isRefusal, refuse } from '../contract/verdict.ts'
import { then } from './ask.ts'

/** Looks at everything that would be sent, and applies what the guardrails change before anybody else sees it. */
export const inspect: Step = (facts, signal) => {
  const reading = facts.reading as NonNullable<Facts['reading']>
  const asks = reading.action === 'guard.evaluate'
  const phase = asks && reading.direction === 'inbound' ? 'reply' : 'request'
  // Whoever asks about a text gets the verdict as the answer: it refuses nothing.
  return then(facts.epoch.guard.inspect(askedOf(facts), reading.segments, phase, signal), (inspection) => (asks ? { inspection } : followed(facts, outcome(inspection, reading), inspection)))
}

/** What was said, as the caller sent it, goes into its session once it may go on. */
function followed(facts: Facts, made: Stepped, { findings }: Inspection): Stepped {
  const { principal, reading, epoch } = facts
  if (isRefusal(made) || reading?.action !== 'llm.generate' || principal === undefined) return made
  const session = epoch.flow.conversation(principal, reading.segments, findings)
  if (hasUnseen(reading)) session.hear(UNSEEN)
  return { ...made, session }
}

/** Pictures, sounds and files may say anything, and so may what a provider holds or fetches: a document that nobody read. */
const UNSEEN = [{ origin: 'document', text: 'What nobody here could read.' }] as const

function hasUnseen({ effects, parameters }: Reading): boolean {
  return effects.includes('provider_state') || effects.includes('url_fetch') || Number(parameters['media_parts'] ?? 0) > 0
}

function outcome(inspection: Inspection, reading: Reading): Stepped {
  switch (inspection.verdict) {
    case 'allow':
      if (inspection.instruct === undefined && inspection.edits.length === 0) return { inspection }
      return told(inspection, reading.apply(inspection.edits), inspection.instruct ?? [])
    case 'redact':
    case 'rewrite':
      return told(inspection, reading.apply(inspection.edits), inspection.instruct ?? [])
    case 'hold':
      return { ...refuse('approval_unavailable'), known: { inspection } }
    case 'deny':
      return { ...(inspection.refusal ?? refuse('content_refused')), known: { inspection } }
  }
}

/** Where instructions cannot be given, what asked for them does not pass without. */
function told(inspection: Inspection, reading: Reading, instructions: readonly string[]): Stepped {
  let instructed = reading
  for (const text of instructions) {
    if (instructed.instruct === undefined) return { ...refuse('content_refused', { detail: 'the request takes no instructions' }), known: { inspection } }
    instructed = instructed.instruct(text)
  }
  return { inspection, reading: instructed }
}

export function askedOf(facts: Facts): Asked {
  return { exchange: facts.exchange, principal: facts.principal as NonNullable<Facts['principal']>, reading: facts.reading as NonNullable<Facts['reading']> }
}
