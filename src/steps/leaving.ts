import type { Facts } from '../contract/facts.ts'
import type { Delivered, Heard } from '../contract/flow.ts'
import type { Finding } from '../contract/finding.ts'
import type { Restorer } from '../contract/guard.ts'
import type { Leaf, ReplyEvent } from '../contract/reply.ts'
import { unloading } from './unload.ts'

/** The way from the guards to the caller, behind everything that is recorded; and what flow learns of what went that way. */
export interface Leaving {
  push(event: ReplyEvent): readonly ReplyEvent[]
  end(): readonly ReplyEvent[]
  /** Nothing more leaves: what left is remembered. Again changes nothing. */
  close(): void
}

/** Longest text of one answer that is recognised when it comes back. */
const MOST_DELIVERED = 1024 * 1024
/** How much of a server's answer is followed; the rest counts as said, but not by whom. */
const MOST_HEARD = 8 * 1024 * 1024
/** Of a credential that guards found in an answer. */
const CONFIDENTIAL = 2

/** @param restorer puts back what redaction took out; asked for each time, because another target's answer has another. */
export function leavingOf(facts: Facts, restorer: () => Restorer | undefined, findings: () => readonly Finding[]): Leaving {
  const told = tellingOf(facts, findings)
  const { reading, session, epoch } = facts
  // In a session that has read untrusted content: what a picture's address carries out, nobody has to click.
  const strips = reading?.action === 'llm.generate' && epoch.flow.mode === 'enforce' && session?.labels().untrusted === true
  const unload = strips && session !== undefined ? unloading((url) => session.trusts(url)) : undefined
  const through = (events: readonly ReplyEvent[]): readonly ReplyEvent[] => {
    const made = unload === undefined ? events : events.flatMap((one) => unload.push(one))
    for (const one of made) told.take(one)
    return made
  }
  return {
    push(event) {
      if (event.restarts === true) unload?.restart()
      const putting = restorer()
      return through(putting === undefined ? [event] : putting.push(event))
    },
    end() {
      const made = through(restorer()?.end() ?? [])
      const last = unload?.end() ?? []
      for (const one of last) told.take(one)
      return [...made, ...last]
    },
    close: () => told.close(),
  }
}

interface Telling {
  take(event: ReplyEvent): void
  close(): void
}

function tellingOf(facts: Facts, findings: () => readonly Finding[]): Telling {
  const { reading } = facts
  if (reading?.action === 'llm.generate') return deliveredTo(facts)
  return reading?.action.startsWith('mcp.') === true && reading.effect === 'dial' ? heardBy(facts, findings) : NOTHING
}

const NOTHING: Telling = { take: () => undefined, close: () => undefined }

function isForeign(origin: Leaf['origin']): boolean {
  return origin === 'tool_result' || origin === 'document'
}

/** What a provider looked up while it answered was read before the calls that the answer proposes. */
export function lookedUp({ reading, session }: Facts, { leaves }: ReplyEvent): void {
  if (reading?.action !== 'llm.generate' || session === undefined || !leaves.some(({ origin }) => isForeign(origin))) return
  session.hear(leaves.filter(({ origin }) => isForeign(origin)).map(({ text }) => ({ origin: 'document', text })))
}

/** What a server says or asks of its own accord reaches whoever its request was for, not the server that is the principal here. */
export function overheard({ reading, epoch, exchange }: Facts): void {
  if (reading?.listener === undefined) return
  epoch.flow.hear(reading.listener, reading.segments.map(({ text }) => ({ origin: 'document', text: `${text}\n`, group: exchange.id })))
}

/** A model's answer: known again when the caller sends it as history. */
function deliveredTo({ principal, epoch }: Facts): Telling {
  const runs = new Map<string, { readonly origin: Leaf['origin']; text: string }>()
  const names: Delivered[] = []
  let kept = 0
  let done = false
  const close = (): void => {
    if (done || principal === undefined) return
    done = true
    if (runs.size > 0 || names.length > 0) epoch.flow.delivered(principal, [...runs.values(), ...names])
  }
  return {
    take(event) {
      if (event.restarts === true) runs.clear()
      for (const { channel, origin, text, whole } of event.leaves) {
        if (isForeign(origin)) continue
        const run = runs.get(channel)
        // A recap says again what was said.
        if ((whole && run !== undefined) || kept + text.length > MOST_DELIVERED) continue
        kept += text.length
        if (run === undefined) runs.set(channel, { origin, text })
        else run.text += text
      }
      for (const { id, name } of event.proposals) names.push({ origin: 'assistant', text: id }, { origin: 'assistant', text: name })
      // Whoever has the end may ask again at once.
      if (event.kind === 'end') close()
    },
    close,
  }
}

/** What a server said: untrusted, unless configuration says otherwise, before the caller can act on it. */
function heardBy({ principal, epoch, reading, exchange }: Facts, findings: () => readonly Finding[]): Telling {
  return {
    take({ leaves }) {
      if (principal === undefined) return
      const call = reading?.call
      const found = findings().some(({ guardrail, mode }) => mode === 'enforce' && (guardrail === 'secrets' || guardrail === 'canary'))
      const heard: Heard[] = []
      let kept = 0
      for (const { channel, origin, text } of leaves) {
        if (!isForeign(origin) || channel.startsWith('seam/') || kept > MOST_HEARD) continue
        kept += text.length
        heard.push({
          origin,
          text: heard.length === 0 || /\/text$/.test(channel) ? text : `\n${text}`,
          ...(call && { tool: call.tool }),
          ...(call?.server !== undefined && { server: call.server }),
          // Parts of one answer are read as one text; fields beside them stand apart.
          group: `${exchange.id}/${/\/text$/.test(channel) ? 'text' : 'rest'}`,
          ...(found && { sensitivity: CONFIDENTIAL }),
        })
      }
      if (heard.length > 0) epoch.flow.hear(principal, heard)
    },
    close: () => undefined,
  }
}
