import { createHash } from 'node:crypto'
import type { Labels } from '../../contract/exchange.ts'
import type { Principal } from '../../contract/principal.ts'
import type { ToolFacts } from '../../contract/tool.ts'
import { newPast, openSession, type Endorsement, type FlowSegment, type FlowSession, type Past } from './session.ts'
import type { FlowSettings } from './settings.ts'

/** What one epoch says of tools and of trust. */
export interface FlowRules {
  readonly settings: FlowSettings
  readonly tool: (name: string) => ToolFacts
}

/** The conversations of everybody, and what each task has seen. In memory: what is not remembered is not trusted. */
export interface FlowMemory {
  /**
   * The session of a conversation that is sent whole: what of it was sent before is recognised and costs a hash. Only the
   * owner's own conversations are found, and a conversation that is found gives labels, never trust (DESIGN §4).
   */
  conversation(owner: string, segments: readonly FlowSegment[], rules: FlowRules): FlowSession
  /** The conversation of this task that went on last: what a call is part of that names its task and sends no conversation. */
  latest(owner: string, rules: FlowRules): FlowSession | undefined
  /** For a call that belongs to no conversation that is known: nothing speaks for it, and all that its owner has seen against it. */
  unjoined(owner: string, rules: FlowRules): FlowSession
  /** Releases a value in every conversation of the owner, of now and later. */
  endorse(owner: string, endorsement: Endorsement): void
  /** The worst that is live of an owner. */
  labels(owner: string): Labels
}

/** Whose labels they are: a tenant's principal with whom it acts for, and its task. */
export function ownerOf({ tenant, workload, chain, task }: Principal): string {
  return JSON.stringify([tenant, workload, chain, task ?? null])
}

interface Owner {
  readonly past: Past
  /** By the hash of all that each has taken; the one that was used last stands last. */
  readonly sessions: Map<string, Kept>
  readonly endorsements: Endorsement[]
  /** Of all its sessions. */
  letters: number
  used: number
}

interface Kept {
  readonly session: FlowSession
  readonly rules: FlowRules
  letters: number
}

export interface FlowLimits {
  /** Tasks whose conversations are kept, and letters that they have together. */
  readonly owners: number
  readonly letters: number
  /** Conversations of one task. */
  readonly sessions: number
  /** Labels of tasks whose conversations are not kept any more. */
  readonly labels: number
  /** Milliseconds after which a task that does nothing is over. */
  readonly ends: number
}

const USUAL: FlowLimits = { owners: 10_000, letters: 256 * 1024 * 1024, sessions: 32, labels: 200_000, ends: 24 * 3_600_000 }
const MOST_ENDORSEMENTS = 1000
const UNKNOWN: Labels = { untrusted: true, sensitivity: 3 }
const CLEAN: Labels = { untrusted: false, sensitivity: 0 }

/** @param now milliseconds of a clock that does not go back. */
export function flowMemory(now: () => number, limits: FlowLimits = USUAL): FlowMemory {
  const owners = new Map<string, Owner>()
  const gone = new Map<string, { readonly labels: Labels; readonly used: number }>()
  let letters = 0
  // Labels of tasks that could not be kept: from then until they would have ended, everybody new may be one of them.
  let unknownUntil = -1

  const forget = (name: string, owner: Owner): void => {
    owners.delete(name)
    letters -= owner.letters
    if (now() - owner.used > limits.ends || (!owner.past.labels.untrusted && owner.past.labels.sensitivity === 0)) return
    gone.set(name, { labels: owner.past.labels, used: owner.used })
    if (gone.size <= limits.labels) return
    const [oldest] = gone
    if (oldest === undefined) return
    gone.delete(oldest[0])
    unknownUntil = Math.max(unknownUntil, oldest[1].used + limits.ends)
  }

  const known = (name: string): Labels => {
    const before = gone.get(name)
    if (before !== undefined && now() - before.used <= limits.ends) return before.labels
    return now() < unknownUntil ? UNKNOWN : CLEAN
  }

  const ownerFor = (name: string): Owner => {
    let owner = owners.get(name)
    if (owner !== undefined && now() - owner.used > limits.ends) {
      forget(name, owner)
      owner = undefined
    }
    owner ??= { past: newPast(known(name)), sessions: new Map(), endorsements: [], letters: 0, used: 0 }
    owner.used = now()
    gone.delete(name)
    // Whoever is used last stands last, and is forgotten last.
    owners.delete(name)
    owners.set(name, owner)
    return owner
  }

  const trim = (mine: Owner): void => {
    for (const [name, owner] of owners) {
      if (owners.size <= limits.owners && letters <= limits.letters) return
      if (owner !== mine) forget(name, owner)
    }
  }

  const opened = (owner: Owner, rules: FlowRules): FlowSession => {
    const session = openSession(rules.settings, rules.tool, owner.past)
    for (const one of owner.endorsements) session.endorse(one)
    return session
  }

  const drop = (owner: Owner, key: string, kept: Kept): void => {
    owner.sessions.delete(key)
    owner.letters -= kept.letters
    letters -= kept.letters
  }

  return {
    conversation(name, segments, rules) {
      const owner = ownerFor(name)
      const hashes = chained(segments)
      let taken = segments.length
      let kept: Kept | undefined
      for (; taken > 0; taken--) {
        const key = hashes[taken - 1] as string
        kept = owner.sessions.get(key)
        if (kept === undefined) continue
        // It goes on from here under the hash of its new end.
        drop(owner, key, kept)
        // Other rules may have trusted what these do not.
        if (sameRules(kept.rules, rules)) break
        kept = undefined
      }
      kept ??= { session: opened(owner, rules), rules, letters: 0 }
      for (const segment of segments.slice(taken)) {
        kept.session.take(segment)
        kept.letters += segment.text.length
      }
      const end = hashes.at(-1)
      if (end !== undefined) {
        owner.sessions.set(end, kept)
        owner.letters += kept.letters
        letters += kept.letters
      }
      for (const [key, one] of owner.sessions) {
        if (one === kept || (owner.sessions.size <= limits.sessions && letters <= limits.letters)) break
        drop(owner, key, one)
      }
      trim(owner)
      return kept.session
    },
    latest(name, rules) {
      const kept = [...ownerFor(name).sessions.values()].at(-1)
      return kept !== undefined && sameRules(kept.rules, rules) ? kept.session : undefined
    },
    unjoined: (name, rules) => opened(ownerFor(name), rules),
    endorse(name, one) {
      const owner = ownerFor(name)
      if (owner.endorsements.length >= MOST_ENDORSEMENTS) owner.endorsements.shift()
      owner.endorsements.push(one)
      for (const { session } of owner.sessions.values()) session.endorse(one)
    },
    labels(name) {
      const owner = owners.get(name)
      return owner !== undefined && now() - owner.used <= limits.ends ? owner.past.labels : known(name)
    },
  }
}

function sameRules(a: FlowRules, b: FlowRules): boolean {
  return a.settings === b.settings && a.tool === b.tool
}

/** One hash for each beginning of a conversation. */
function chained(segments: readonly FlowSegment[]): readonly string[] {
  let last = ''
  return segments.map(({ origin, text, tool, group, untrusted, attested, known, sensitivity }) => {
    last = createHash('sha256').update(JSON.stringify([last, origin, tool ?? null, group ?? null, untrusted ?? null, attested ?? null, known ?? null, sensitivity ?? null])).update(text).digest('base64')
    return last
  })
}
