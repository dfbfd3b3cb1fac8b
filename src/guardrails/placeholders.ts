import { createHash, randomBytes } from 'node:crypto'
import type { Clock } from '../contract/clock.ts'
import type { Asked, Exchange } from '../contract/exchange.ts'
import type { Inspection } from '../contract/guard.ts'
import type { Edit, Segment } from '../contract/segment.ts'
import type { Phase } from './guardrail.ts'
import type { Labelled } from './verdict.ts'

type Inspect = (asked: Asked, segments: readonly Segment[], phase: Phase, signal: AbortSignal) => Inspection | Promise<Inspection>

// A session that nobody used for so long is forgotten: what was replaced stays replaced.
const EXPIRES_MS = 60 * 60_000
const MOST_SESSIONS = 64
const MOST_VALUES = 1000
const LONGEST_VALUE = 512
const MOST_TURNS = 64
const ENTRY = 160
// Without vowels, so that no tag is a word. Six of them are 30 bits.
const LETTERS = 'bcdfghjkmnpqrstvwxz0123456789'
const TAG = 6
/** No placeholder is longer. */
export const LONGEST_PLACEHOLDER = 64

function makeTag(): string {
  let tag = ''
  // Bytes beyond the last whole run of letters would make the first ones likelier.
  while (tag.length < TAG) for (const byte of randomBytes(TAG)) if (tag.length < TAG && byte < 232) tag += LETTERS.charAt(byte % LETTERS.length)
  return tag
}

/**
 * What stands for what in one conversation of one principal. The same value has the same placeholder throughout; the
 * tag in it cannot be guessed, so that nobody else can write one.
 */
export class Session {
  readonly tag = makeTag()
  readonly #placeholders = new Map<string, string>()
  readonly #values = new Map<string, string>()
  readonly #counts = new Map<string, number>()
  bytes = ENTRY
  used = 0
  /** Digests of the conversation as it was sent, the newest last. */
  readonly turns: string[] = []

  /** The placeholder of a value, made where there is none yet; undefined where the session is full. */
  placeholder(label: string, value: string): string | undefined {
    const key = `${label}|${value}`
    const known = this.#placeholders.get(key)
    if (known !== undefined) return known
    if (value.length > LONGEST_VALUE || this.#values.size >= MOST_VALUES) return undefined
    const count = (this.#counts.get(label) ?? 0) + 1
    const made = `[${label.toUpperCase()}_${count}_${this.tag}]`
    if (made.length > LONGEST_PLACEHOLDER) return undefined
    this.#counts.set(label, count)
    this.#placeholders.set(key, made)
    this.#values.set(made, value)
    this.bytes += ENTRY + 4 * value.length
    return made
  }

  get any(): boolean {
    return this.#values.size > 0
  }

  /** The value of a placeholder of this session. */
  value(placeholder: string): string | undefined {
    return this.#values.get(placeholder)
  }

  /** True where the caller has sent this value. */
  knows(label: string, value: string): boolean {
    return this.#placeholders.has(`${label}|${value}`)
  }

  /** What looks like a placeholder of this session, by offset. */
  alike(text: string): readonly { readonly start: number; readonly end: number }[] {
    const found: { start: number; end: number }[] = []
    const close = `_${this.tag}]`
    for (let at = text.indexOf(close); at >= 0; at = text.indexOf(close, at + close.length)) {
      const start = text.lastIndexOf('[', at)
      const before = found.at(-1)?.end ?? 0
      if (start >= before && at - start < LONGEST_PLACEHOLDER) found.push({ start, end: at + close.length })
    }
    return found
  }
}

/**
 * The sessions of every principal (law 6: the tenant is part of every key). A conversation that resends its history
 * is recognised by the part of it that this principal sent before; anything else is a new session.
 */
export class Sessions {
  readonly #clock: Clock
  readonly #limit: number
  readonly #principals = new Map<string, Session[]>()
  readonly #byExchange = new WeakMap<Exchange, Session>()
  #bytes = 0

  constructor(clock: Clock, limit: number) {
    this.#clock = clock
    this.#limit = limit
  }

  /** The session that an exchange's request was given. */
  of({ exchange }: Asked): Session | undefined {
    return this.#byExchange.get(exchange)
  }

  get bytes(): number {
    return this.#bytes
  }

  /** The session of an earlier part of this conversation. */
  recall(asked: Asked, turns: readonly string[]): Session | undefined {
    const now = this.#clock.monotonic()
    const key = keyOf(asked)
    const theirs = this.#principals.get(key)
    if (theirs === undefined) return undefined
    const alive = theirs.filter(({ used }) => now - used <= EXPIRES_MS)
    for (const one of theirs) if (!alive.includes(one)) this.#bytes -= one.bytes
    if (alive.length === 0) {
      this.#principals.delete(key)
      return undefined
    }
    if (alive.length < theirs.length) this.#principals.set(key, alive)
    for (let i = turns.length - 1; i >= 0; i--) {
      const found = alive.find((one) => one.turns.includes(turns[i] as string))
      if (found !== undefined) return found
    }
    return undefined
  }

  /** Keeps a session and where the conversation stands now; `before` is what it weighed when it was recalled. */
  keep(asked: Asked, session: Session, turns: readonly string[], before: number): void {
    this.#byExchange.set(asked.exchange, session)
    const last = turns.at(-1)
    if (last !== undefined && !session.turns.includes(last)) {
      session.turns.push(last)
      session.bytes += ENTRY
      if (session.turns.length > MOST_TURNS) {
        session.turns.shift()
        session.bytes -= ENTRY
      }
    }
    session.used = this.#clock.monotonic()
    const key = keyOf(asked)
    const theirs = this.#principals.get(key) ?? []
    this.#principals.delete(key)
    this.#principals.set(key, theirs)
    const at = theirs.indexOf(session)
    if (at >= 0) theirs.splice(at, 1)
    theirs.unshift(session)
    this.#bytes += session.bytes - (at >= 0 ? before : 0)
    if (theirs.length > MOST_SESSIONS) this.#bytes -= theirs.pop()?.bytes ?? 0
    for (const [eldest, sessions] of this.#principals) {
      if (this.#bytes <= this.#limit || eldest === key) break
      this.#principals.delete(eldest)
      for (const one of sessions) this.#bytes -= one.bytes
    }
    while (this.#bytes > this.#limit && theirs.length > 1) this.#bytes -= theirs.pop()?.bytes ?? 0
  }
}

function keyOf({ principal: { tenant, workload, chain } }: Asked): string {
  return `${tenant.length}:${tenant}|${workload}|${chain.join('|')}`
}

// One digest for each beginning of the conversation. What stands beside it (tools, other fields) may change on the way.
function turnsOf(segments: readonly Segment[]): readonly string[] {
  const turns: string[] = []
  let before = ''
  for (const { origin, text } of segments) {
    if (origin === 'tool_definition' || origin === 'body') continue
    before = createHash('sha256').update(`${before}|${origin}|`).update(text).digest('base64')
    turns.push(before)
  }
  return turns
}

// A string in JSON arguments is the same value as outside of them.
function valueOf(origin: Segment['origin'], raw: string): string {
  if (origin !== 'tool_call' || !raw.includes('\\')) return raw
  try {
    return JSON.parse(`"${raw}"`) as string
  } catch {
    return raw
  }
}

function byPlace(a: Edit, b: Edit): number {
  return a.segment - b.segment || a.start - b.start
}

/**
 * Makes redaction consistent and reversible where entries ask for it: what they take out of a request gets a
 * placeholder of its own, and what the caller sent itself is no leak in the answer. Without memory of a value, its
 * ordinary marker stands there for good.
 */
export function reversing(inspect: Inspect, sessions: Sessions): Inspect {
  const request = (asked: Asked, segments: readonly Segment[], inspection: Inspection): Inspection => {
    if (inspection.verdict === 'deny' || inspection.verdict === 'hold' || asked.reading.action === 'guard.evaluate') return inspection
    const turns = turnsOf(segments)
    const known = sessions.recall(asked, turns)
    const labelled = (inspection.edits as readonly Labelled[]).some(({ label }) => label !== undefined)
    if (known === undefined && !labelled) return inspection
    const session = known ?? new Session()
    const before = session.bytes
    const edits = (inspection.edits as readonly Labelled[]).map(({ label, ...edit }): Edit => {
      if (label === undefined) return edit
      const { origin, text } = segments[edit.segment] as Segment
      const put = session.placeholder(label, valueOf(origin, text.slice(edit.start, edit.end)))
      return put === undefined ? edit : { ...edit, text: edit.text.startsWith('"') ? `"${put}"` : put }
    })
    const escaped = known === undefined ? [] : escapes(segments, session, edits)
    sessions.keep(asked, session, turns, before)
    if (escaped.length === 0) return { ...inspection, edits }
    return { ...inspection, verdict: inspection.verdict === 'allow' ? 'redact' : inspection.verdict, edits: [...edits, ...escaped].sort(byPlace) }
  }
  const reply = (asked: Asked, segments: readonly Segment[], inspection: Inspection): Inspection => {
    const session = sessions.of(asked)
    if (session === undefined || inspection.edits.length === 0) return inspection
    const edits = (inspection.edits as readonly Labelled[]).filter(({ label, segment, start, end }) => label === undefined || !session.knows(label, (segments[segment] as Segment).text.slice(start, end)))
    return { ...inspection, edits }
  }
  return (asked, segments, phase, signal) => {
    const settle = phase === 'request' ? request : reply
    const looked = inspect(asked, segments, phase, signal)
    return looked instanceof Promise ? looked.then((inspection) => settle(asked, segments, inspection)) : settle(asked, segments, looked)
  }
}

// What somebody wrote so that it looks like one of ours is a value itself: it comes back as it was written. What the
// model said before (arguments with our placeholders in them) is ours and stays.
function escapes(segments: readonly Segment[], session: Session, edits: readonly Edit[]): readonly Edit[] {
  const made: Edit[] = []
  for (const [segment, { origin, text }] of segments.entries()) {
    if (origin === 'assistant' || origin === 'reasoning' || origin === 'tool_call' || !text.includes(session.tag)) continue
    for (const { start, end } of session.alike(text)) {
      if (edits.some((edit) => edit.segment === segment && edit.start < end && edit.end > start)) continue
      made.push({ segment, start, end, text: session.placeholder('text', text.slice(start, end)) ?? '[REMOVED_TEXT]' })
    }
  }
  return made
}
