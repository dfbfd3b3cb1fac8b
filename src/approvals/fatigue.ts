import type { Clock } from '../contract/clock.ts'
import { DeskError, type Habit, type Reviewer } from './desk.ts'
import { personOf } from './people.ts'
import type { Open } from './waiting.ts'

/** Decisions that count, the latest ones; fewer than `ENOUGH` say nothing. */
const WINDOW = 40
const ENOUGH = 20
/** Nobody reads an action in less. */
const FAST_MS = 2000
/** Over this share of fast approvals raises the alarm; at most that one ends what it caused. */
const ALARMING = 0.95
const HEALTHY = 0.8
/** What a reviewer who approves without looking sees at once. */
export const SHOWN_AT_ONCE = 3
const MOST_REVIEWERS = 1024
/** Everybody together. */
const ALL = '*'

/** One decision, as far as habits go. */
export interface Done {
  readonly approval: string
  readonly tenant: string
  readonly alike: string
  readonly approved: boolean
  readonly tookMs: number
  readonly at: number
}

interface Record {
  readonly name: string | undefined
  readonly tenant: string | undefined
  done: readonly Done[]
  tight: boolean
}

/** How people decide, and who does so without looking. In memory: rebuilt at start from what was decided. */
export interface Fatigue {
  /** Counts a decision; gives whose habit became alarming by it, and what it was about. */
  note(reviewer: Pick<Reviewer, 'name' | 'tenant'>, done: Done): readonly { readonly habit: Habit; readonly tenant?: string; readonly done: readonly Done[] }[]
  tight(reviewer: Reviewer): boolean
  /** @throws {DeskError} `slow` for a decision that comes sooner than somebody could have read it. */
  check(reviewer: Reviewer, open: Open): void
  /** Everybody first. */
  habits(tenant: string | undefined): readonly Habit[]
}

export function makeFatigue(clock: Clock, slowMs: () => number): Fatigue {
  const records = new Map<string, Record>()

  function recordOf(key: string, name: string | undefined, tenant: string | undefined): Record {
    let record = records.get(key)
    if (record === undefined) {
      if (records.size >= MOST_REVIEWERS) records.delete([...records.keys()].find((one) => one !== ALL) as string)
      records.set(key, (record = { name, tenant, done: [], tight: false }))
    }
    return record
  }

  /** True when it becomes alarming just now. */
  function add(record: Record, done: Done): boolean {
    record.done = [...record.done.slice(1 - WINDOW), done]
    const share = record.done.filter(isFast).length / record.done.length
    const alarming = record.done.length >= ENOUGH && share > ALARMING
    const was = record.tight
    record.tight = was ? share > HEALTHY : alarming
    return record.tight && !was
  }

  const habitOf = ({ name, done, tight }: Record): Habit => ({
    ...(name !== undefined && { reviewer: name }),
    decisions: done.length,
    approved: done.filter((one) => one.approved).length,
    fast: done.filter(isFast).length,
    medianMs: median(done),
    lastHour: done.filter((one) => one.at > clock.wall() - 3_600_000).length,
    tight,
  })

  return {
    note(reviewer, done) {
      const both = [recordOf(personOf(reviewer), reviewer.name, reviewer.tenant), recordOf(ALL, undefined, undefined)]
      return both.filter((record) => add(record, done)).map((record) => ({ habit: habitOf(record), ...(record.tenant !== undefined && { tenant: record.tenant }), done: record.done }))
    },
    tight: (reviewer) => records.get(personOf(reviewer))?.tight === true,
    check(reviewer, open) {
      if (records.get(personOf(reviewer))?.tight !== true) return
      const seen = open.seen.get(reviewer.id)
      if (seen === undefined) throw new DeskError('slow', 'Look at the action first: you approved nearly everything in under two seconds lately.')
      const left = seen.at + slowMs() - clock.wall()
      if (left > 0) throw new DeskError('slow', `Take ${Math.ceil(left / 1000)} more seconds to look: you approved nearly everything in under two seconds lately.`)
    },
    habits: (tenant) => [...records].sort(([a], [b]) => Number(b === ALL) - Number(a === ALL)).map(([, record]) => record)
      .filter((record) => tenant === undefined || record.tenant === tenant).map(habitOf),
  }
}

function isFast({ approved, tookMs }: Done): boolean {
  return approved && tookMs < FAST_MS
}

export function median(done: readonly Done[]): number {
  const took = done.map((one) => one.tookMs).sort((a, b) => a - b)
  return took[Math.floor(took.length / 2)] ?? 0
}
