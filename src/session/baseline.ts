import type { Clock } from '../contract/clock.ts'
import type { Resource } from '../contract/exchange.ts'
import type { Principal } from '../contract/principal.ts'

/**
 * How unusual what a principal does is for that principal, from 0 (usual, or not enough is known) to 100. Three
 * signals, of which the strongest counts: far more calls in this minute than in its minutes before; something that it
 * never used; an hour of the day in which it never worked. A signal for policies, which alone may refuse because of it.
 */
export interface Baseline {
  /** The score of a call that is about to be decided; counts it as well, so that a burst is seen while it happens. */
  score(principal: Principal, action: string, resource: Resource): number
}

const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000
/** Principals that are remembered; the one that was silent longest goes first, and is then learnt anew. */
const MOST_PRINCIPALS = 10_000
/** Things that one principal is known to use. Whoever uses more has no usual ones. */
const MOST_THINGS = 1_024
/** How much a signal needs to have seen before it says anything. */
const LEARN_MINUTES = 30
const LEARN_CALLS = 100
const LEARN_HOURS = 72
/** Weight of the newest minute: about the last hour of activity counts. */
const WEIGHT = 0.03
/** Minutes without a call that lower what is usual; a longer silence tells nothing more. */
const MOST_IDLE = 60
/** Deviations from the mean at which volume begins to count, and how fast it rises. */
const FIRST_DEVIATION = 4
const PER_DEVIATION = 10
const NEW_THING = 50
const NEW_HOUR = 30

interface Habit {
  minute: number
  count: number
  minutes: number
  mean: number
  variance: number
  calls: number
  /** Bit n: worked in hour n of the day (UTC). */
  hours: number
  hour: number
  hoursSeen: number
  unusual: boolean
  readonly things: Set<string>
}

export function makeBaseline(clock: Pick<Clock, 'wall'>): Baseline {
  const habits = new Map<string, Habit>()
  return {
    score(principal, action, resource) {
      const now = clock.wall()
      const key = `${principal.tenant}\n${principal.workload}`
      const habit = habits.get(key) ?? newHabit(now)
      // Put last: the first is the one that was silent longest.
      habits.delete(key)
      if (habits.size >= MOST_PRINCIPALS) habits.delete(habits.keys().next().value as string)
      habits.set(key, habit)
      const strongest = Math.max(volume(habit, now), novelty(habit, `${action} ${resource.type} ${resource.id}`), timing(habit, now))
      habit.calls++
      return strongest
    },
  }
}

function newHabit(now: number): Habit {
  return { minute: Math.floor(now / MINUTE_MS), count: 0, minutes: 0, mean: 0, variance: 0, calls: 0, hours: 0, hour: -1, hoursSeen: 0, unusual: false, things: new Set() }
}

function volume(habit: Habit, now: number): number {
  const minute = Math.floor(now / MINUTE_MS)
  // A clock that was set back belongs to the minute that it left.
  const passed = Math.max(0, minute - habit.minute)
  if (passed > 0) {
    learn(habit, habit.count)
    for (let idle = Math.min(passed - 1, MOST_IDLE); idle > 0; idle--) learn(habit, 0)
    habit.minute = minute
    habit.count = 0
  }
  habit.count++
  if (habit.minutes < LEARN_MINUTES) return 0
  // Counts of independent calls vary by their root: without it a principal that is always at zero would never be usual.
  const deviations = (habit.count - habit.mean) / Math.sqrt(habit.variance + habit.mean + 1)
  return Math.round(Math.min(100, Math.max(0, (deviations - FIRST_DEVIATION) * PER_DEVIATION)))
}

/** Exponentially weighted mean and variance (West, 1979). */
function learn(habit: Habit, count: number): void {
  const weight = habit.minutes < 1 / WEIGHT ? 1 / (habit.minutes + 1) : WEIGHT
  const off = count - habit.mean
  habit.mean += weight * off
  habit.variance = (1 - weight) * (habit.variance + weight * off * off)
  habit.minutes++
}

function novelty({ things, calls }: Habit, thing: string): number {
  if (things.has(thing)) return 0
  if (things.size < MOST_THINGS) things.add(thing)
  else return 0
  return calls < LEARN_CALLS ? 0 : NEW_THING
}

function timing(habit: Habit, now: number): number {
  const hour = Math.floor(now / HOUR_MS)
  const bit = 1 << (hour % 24)
  if (hour !== habit.hour) {
    habit.hour = hour
    habit.hoursSeen++
    habit.unusual = (habit.hours & bit) === 0 && habit.hoursSeen > LEARN_HOURS
    habit.hours |= bit
  }
  // The whole hour is unusual, not its first call alone; on the next day it is known.
  return habit.unusual ? NEW_HOUR : 0
}
