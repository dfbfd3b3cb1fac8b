import type { Labels } from '../../contract/flow.ts'
import type { Principal } from '../../contract/principal.ts'
import type { ToolFacts } from '../../contract/tool.ts'
import { WORST, type Gone, type LabelRows } from './label_rows.ts'
import { USUAL, type FlowLimits } from './limits.ts'
import { newPast, type Past } from './past.ts'
import type { FlowSegment } from './reading.ts'
import { hashed, remembered, type Remembered } from './remembered.ts'
import { MOST_DEFERRED, openSession, type Endorsement, type FlowSession } from './session.ts'
import type { FlowSettings } from './settings.ts'
import { turns } from './turns.ts'

/** What one epoch says of tools and of trust. */
export interface FlowRules {
  readonly settings: FlowSettings
  readonly tool: (name: string, server?: string) => ToolFacts
}

/** The conversations of everybody, and what each task has seen. In memory, but for labels: what is not remembered is not trusted. */
export interface FlowMemory {
  /**
   * The session of a conversation that is sent whole: what of it was sent before is recognised and costs a hash. Only the
   * owner's own conversations are found, and a conversation that is found gives labels, never trust (DESIGN §4).
   * @param whole what is known of a segment besides; asked for what is new.
   */
  conversation(owner: string, segments: readonly FlowSegment[], rules: FlowRules, whole?: (segment: FlowSegment) => FlowSegment): FlowSession
  /**
   * What a call goes on in that sends no conversation: the one that went on last. Where that could be one of several (no
   * task is named, and more than one went on lately), or there is none, nothing speaks for the call, and all that its
   * owner has seen speaks against it.
   * @param named whether the owner is one task.
   */
  ongoing(owner: string, rules: FlowRules, named: boolean): FlowSession
  /** Takes what came beside the conversations, into the one that is ongoing. */
  hear(owner: string, segments: readonly FlowSegment[], rules: FlowRules, named: boolean): void
  /** Takes what came beside a conversation into it; what there is no room for counts as the worst. */
  tell(session: FlowSession, segments: readonly FlowSegment[]): void
  /**
   * Looks at what the owner of a session was told and nobody looked at yet, a few milliseconds at a time. Whoever decides
   * before the end looks at the rest at once.
   * @param when soon = not before others had their turn.
   * @returns undefined where nothing is left to look at.
   */
  look(session: FlowSession, when: 'now' | 'soon'): Promise<void> | undefined
  /** Remembers what was delivered to the owner of models' answers; bounded, by hashes. */
  delivered(owner: string, texts: readonly string[]): void
  wasDelivered(owner: string, text: string): boolean
  /**
   * Remembers that a turn was proven. `first`: only where it is the first of the owner, before anything untrusted was read.
   */
  attest(owner: string, turn: string, how: 'always' | 'first'): void
  isAttested(owner: string, turn: string): boolean
  /** Releases a value in every conversation of the owner, of now and later. */
  endorse(owner: string, endorsement: Endorsement): void
  /** Takes back what an approval released, everywhere. */
  withdraw(approval: string): void
  /** A proposed call may be carried out once, within a while. `call` is what makes it this one and no other. */
  allow(owner: string, call: string, proposal: string): void
  /** False where nothing that was proposed waits to be carried out. */
  proposes(owner: string): boolean
  /** What proposed this very call; used up by `exchange`, which may ask again. */
  proposed(owner: string, call: string, exchange: string): string | undefined
  /** The worst that is live of an owner. */
  labels(owner: string): Labels
  /** Every rise of labels so far is on disk. Undefined = nothing is under way to it. Never rejects. */
  kept(): Promise<void> | undefined
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
  /** What came while no conversation was ongoing. */
  beside: Kept | undefined
  readonly remembered: Remembered
  /** When its labels are written next, where they do not rise before. */
  again: number
  /** Of all its sessions. */
  letters: number
  used: number
}

interface Kept {
  readonly session: FlowSession
  readonly rules: FlowRules
  letters: number
  used: number
}

const MOST_ENDORSEMENTS = 1000
/** Conversations that went on within this time may each be the one that a call belongs to. */
const LATELY_MS = 10 * 60_000
/** How often in its life the end of a task that goes on is written anew. */
const WRITTEN = 24
const CLEAN: Labels = { untrusted: false, sensitivity: 0 }

/**
 * @param now milliseconds of a clock that does not go back.
 * @param rows where labels are kept over restarts; absent = nowhere.
 */
export function flowMemory(now: () => number, limits: FlowLimits = USUAL, rows?: LabelRows): FlowMemory {
  const owners = new Map<string, Owner>()
  // By the hash of whose they are.
  /** Of each session that is kept, whose it is. */
  const homes = new WeakMap<FlowSession, { readonly name: string; readonly owner: Owner; readonly kept: Kept }>()
  const gone = rows?.known ?? new Map<string, Gone>()
  const everybody = turns(() => performance.now())
  let letters = 0
  // Labels of tasks that could not be kept: from then until they would have ended, everybody new may be one of them.
  let unknownUntil = rows?.unknownUntil ?? -1
  let unknownWritten = -1
  // Rows last longer than what they stand for: in between they are not written.
  const pause = limits.ends / WRITTEN

  const forget = (name: string, owner: Owner): void => {
    owners.delete(name)
    letters -= owner.letters
    if (now() - owner.used > limits.ends || isClean(owner.past.labels)) return
    gone.set(hashed(name), { labels: owner.past.labels, used: owner.used })
    if (gone.size <= limits.labels) return
    const [oldest] = gone
    if (oldest === undefined) return
    gone.delete(oldest[0])
    unknownUntil = Math.max(unknownUntil, oldest[1].used + limits.ends)
    if (unknownUntil > unknownWritten) {
      unknownWritten = unknownUntil + pause
      rows?.unknown(unknownWritten - now())
    }
    rows?.drop(oldest[0])
  }

  const known = (name: string): Labels => {
    const before = gone.get(hashed(name))
    if (before !== undefined && now() - before.used <= limits.ends) return before.labels
    return now() < unknownUntil ? WORST : CLEAN
  }

  const write = (name: string, owner: Owner): void => {
    owner.again = now() + pause
    rows?.put(hashed(name), owner.past.labels, limits.ends + pause)
  }

  const opening = (name: string, labels: Labels): Owner => {
    const owner: Owner = { past: newPast(labels, () => write(name, owner)), again: isClean(labels) ? Number.POSITIVE_INFINITY : now(), sessions: new Map(), endorsements: [], beside: undefined, remembered: remembered(now, (more) => count(owner, more)), letters: 0, used: 0 }
    return owner
  }

  const ownerFor = (name: string): Owner => {
    let owner = owners.get(name)
    if (owner !== undefined && now() - owner.used > limits.ends) {
      forget(name, owner)
      owner = undefined
    }
    const isNew = owner === undefined
    owner ??= opening(name, known(name))
    owner.used = now()
    if (owner.used >= owner.again) write(name, owner)
    // Whoever is used last stands last, and is forgotten last.
    owners.delete(name)
    owners.set(name, owner)
    if (isNew) {
      gone.delete(hashed(name))
      trim(owner)
    }
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

  const count = (owner: Owner, more: number): void => {
    owner.letters += more
    letters += more
  }

  const keeping = (name: string, owner: Owner, rules: FlowRules): Kept => {
    const kept = { session: opened(owner, rules), rules, letters: 0, used: now() }
    homes.set(kept.session, { name, owner, kept })
    return kept
  }

  /** Of what was looked at no more than that is kept, however much it was. */
  const told = (kept: Kept, segments: readonly FlowSegment[]): number => {
    const before = kept.letters
    for (const one of segments) if (kept.session.defer(one)) kept.letters = Math.min(MOST_DEFERRED, kept.letters + one.text.length)
    // Labels are the owner's from now on, whoever asks next.
    kept.session.labels()
    return kept.letters - before
  }

  const joined = (owner: Owner, rules: FlowRules, wanted: boolean): Kept | undefined => {
    const live = [...owner.sessions.values()].filter((one) => sameRules(one.rules, rules))
    const last = live.at(-1)
    if (last === undefined || (!wanted && live.filter((one) => now() - one.used < LATELY_MS).length > 1)) return undefined
    return last
  }

  const apart = (owner: Owner, rules: FlowRules): Kept | undefined => (owner.beside !== undefined && sameRules(owner.beside.rules, rules) ? owner.beside : undefined)

  const drop = (owner: Owner, key: string, kept: Kept): void => {
    owner.sessions.delete(key)
    count(owner, -kept.letters)
  }

  return {
    conversation(name, segments, rules, whole = (segment) => segment) {
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
        kept.session.leave()
        kept = undefined
      }
      kept ??= keeping(name, owner, rules)
      kept.used = now()
      told(kept, segments.slice(taken).map(whole))
      const end = hashes.at(-1)
      if (end !== undefined) {
        owner.sessions.set(end, kept)
        count(owner, kept.letters)
      }
      for (const [key, one] of owner.sessions) {
        if (one === kept || (owner.sessions.size <= limits.sessions && letters <= limits.letters)) break
        drop(owner, key, one)
        one.session.leave()
      }
      trim(owner)
      return kept.session
    },
    ongoing(name, rules, named) {
      const owner = ownerFor(name)
      return (joined(owner, rules, named) ?? apart(owner, rules))?.session ?? opened(owner, rules)
    },
    hear(name, segments, rules, named) {
      const owner = ownerFor(name)
      let kept = joined(owner, rules, named) ?? apart(owner, rules)
      if (kept === undefined) {
        count(owner, -(owner.beside?.letters ?? 0))
        kept = owner.beside = keeping(name, owner, rules)
      }
      count(owner, told(kept, segments))
      trim(owner)
    },
    tell(session, segments) {
      const home = homes.get(session)
      if (home === undefined) {
        for (const one of segments) session.defer(one)
        return void session.labels()
      }
      const { name, owner, kept } = home
      const more = told(kept, segments)
      // Of one that was forgotten meanwhile nothing counts any more.
      if (owners.get(name) !== owner || (owner.beside !== kept && ![...owner.sessions.values()].includes(kept))) return
      count(owner, more)
      trim(owner)
    },
    look(session, when) {
      if (session.past.deferred.size === 0) return undefined
      return when === 'now' ? everybody.begin(session.looking()) : everybody.queue(session.looking())
    },
    delivered(name, texts) {
      const owner = ownerFor(name)
      owner.remembered.delivered(texts)
      trim(owner)
    },
    wasDelivered: (name, text) => owners.get(name)?.remembered.wasDelivered(text) === true,
    attest(name, turn, how) {
      const { remembered: mine, past } = ownerFor(name)
      if (how === 'always' || !past.labels.untrusted) mine.attest(turn, how)
    },
    isAttested: (name, turn) => owners.get(name)?.remembered.isAttested(turn) === true,
    endorse(name, one) {
      const owner = ownerFor(name)
      if (owner.endorsements.length >= MOST_ENDORSEMENTS) owner.endorsements.shift()
      owner.endorsements.push(one)
      for (const { session } of owner.sessions.values()) session.endorse(one)
      owner.beside?.session.endorse(one)
    },
    withdraw(approval) {
      for (const { endorsements, sessions, beside } of owners.values()) {
        for (let at = endorsements.length - 1; at >= 0; at--) if (endorsements[at]?.by === approval) endorsements.splice(at, 1)
        for (const { session } of sessions.values()) session.withdraw(approval)
        beside?.session.withdraw(approval)
      }
    },
    allow: (name, call, proposal) => ownerFor(name).remembered.allow(call, proposal),
    proposes: (name) => owners.get(name)?.remembered.proposes() === true,
    proposed: (name, call, exchange) => owners.get(name)?.remembered.proposed(call, exchange),
    kept: () => rows?.written(),
    labels(name) {
      const owner = owners.get(name)
      return owner !== undefined && now() - owner.used <= limits.ends ? owner.past.labels : known(name)
    },
  }
}

function isClean({ untrusted, sensitivity }: Labels): boolean {
  return !untrusted && sensitivity === 0
}

function sameRules(a: FlowRules, b: FlowRules): boolean {
  return a.settings === b.settings && a.tool === b.tool
}

/** One hash for each beginning of a conversation. */
function chained(segments: readonly FlowSegment[]): readonly string[] {
  let last = ''
  return segments.map(({ origin, text, tool, server, group, untrusted, attested, known, sensitivity }) => {
    const names = tool === undefined && group === undefined ? '' : JSON.stringify([tool ?? null, server ?? null, group ?? null])
    const flags = `${untrusted === true ? 'u' : ''}${attested === true ? 'a' : ''}${known === true ? 'k' : ''}${sensitivity ?? ''}`
    last = hashed(`${last}${origin}|${flags}|${names}|${text}`)
    return last
  })
}
