import type { Clock } from './contract/clock.ts'
import type { Facts, More, Step, Stepped } from './contract/facts.ts'
import type { Ending } from './contract/ending.ts'
import type { Delivery, Errand, Passed } from './contract/gateway.ts'
import type { Epoch } from './contract/epoch.ts'
import type { Exchange } from './contract/exchange.ts'
import { BodyError } from './contract/arrival.ts'
import { endedBy, isRefusal, refuse, Refused, type Refusal } from './contract/verdict.ts'

/**
 * The order of the steps: it stands here and nowhere else. `identify` comes before `read`, so that strangers cannot
 * make the house collect and parse their bodies; the head of a request is enough to know who calls.
 */
export const ORDER = [
  'identify',
  'read',
  'resolve',
  'authorize',
  'reserve',
  'inspect',
  'reauthorize',
  'approve',
  'intent',
  'dial',
  'guard',
] as const

export type StepName = (typeof ORDER)[number]
export type Steps = Readonly<Record<StepName, Step>>

export interface Spine {
  readonly clock: Clock
  readonly newId: () => string
  readonly epoch: () => Epoch
  readonly steps: Steps
  /** Longest that each step may take, in milliseconds, before it counts as hung. */
  readonly limits: Readonly<Record<StepName, number>>
  /** Settles budgets and writes the receipt. Runs exactly once for each exchange, whatever happened. */
  readonly close: (facts: Facts, ending: Ending) => Promise<void>
  /** Told of everything that a step threw: defects belong in the log, never in an answer. */
  readonly onDefect: (step: string, error: unknown, exchange: Exchange) => void
}

/**
 * Takes one errand down the path. Never rejects: whatever goes wrong ends in a refusal, in the caller's dialect,
 * with a receipt. Only a permit that policy made for this very exchange lets the dial happen (law 1).
 */
export async function pass(spine: Spine, errand: Errand): Promise<Passed> {
  const epoch = spine.epoch()
  const exchange: Exchange = {
    id: spine.newId(),
    gateway: errand.gateway,
    startedAt: spine.clock.wall(),
    epoch: epoch.id,
    ...(errand.parent && { parent: errand.parent.exchange.id, sequence: errand.parent.sequence }),
  }
  let facts: Facts = { exchange, epoch, errand }
  let ending: Ending = { refusal: refuse('unfinished') }
  try {
    let refusal: Refusal | undefined
    let step: StepName | 'deliver' = 'identify'
    for (const name of ORDER) {
      step = name
      const said = bounded(spine, name, facts)
      // Most steps know at once: waiting for them all the same would cost more than they do.
      const more = said instanceof Promise ? await said : said
      if (isRefusal(more)) {
        facts = { ...facts, ...more.known }
        refusal = more
        break
      }
      facts = { ...facts, ...more }
    }
    if (refusal === undefined) {
      step = 'deliver'
      const delivery = await deliver(spine, facts)
      if (isRefusal(delivery)) refusal = delivery
      else ending = { delivery }
    }
    if (refusal !== undefined) ending = { refusal, step, ...(await answer(spine, facts, refusal)) }
  } catch (error) {
    spine.onDefect('spine', error, exchange)
  } finally {
    facts.reply?.abort()
    await spine.close(facts, ending).catch((error: unknown) => spine.onDefect('close', error, exchange))
  }
  return { exchange, ...(ending.refusal && { refusal: ending.refusal }) }
}

function bounded(spine: Spine, name: StepName, facts: Facts): Stepped | Promise<Stepped> {
  if (facts.errand.signal.aborted) return endedBy(facts.errand.signal)
  try {
    const running = spine.steps[name](facts, facts.errand.signal)
    if (!(running instanceof Promise)) return sensible(spine, name, facts, running)
    return within(spine, name, running, facts.errand.signal).then(
      (more) => sensible(spine, name, facts, more),
      (error: unknown) => refusalOf(spine, name, error, facts),
    )
  } catch (error) {
    return refusalOf(spine, name, error, facts)
  }
}

/** What a step said, if it can be gone on with. */
function sensible(spine: Spine, name: StepName, facts: Facts, more: Stepped): Stepped {
  if (isRefusal(more)) return more
  const wrong = nonsense(name, { ...facts, ...more }, more)
  if (wrong === undefined) return more
  spine.onDefect(name, new Error(wrong), facts.exchange)
  return refuse('step_failed', { detail: `${name}: ${wrong}` })
}

/** Waits for a step, but no longer than its limit and only while the caller is there. */
function within(spine: Spine, name: StepName, running: Promise<Stepped>, signal: AbortSignal): Promise<Stepped> {
  return new Promise((resolve, reject) => {
    // A reply that comes after its step was given up has no owner: it must not keep an upstream open.
    let left = false
    const leave = (value: Refusal): void => {
      left = true
      done()
      resolve(value)
    }
    const hungUp = (): void => leave(endedBy(signal))
    const cancel = spine.clock.timer(spine.limits[name], () => leave(refuse('step_timeout', { detail: name })))
    const done = (): void => {
      cancel()
      signal.removeEventListener('abort', hungUp)
    }
    signal.addEventListener('abort', hungUp)
    running.then(
      (more) => {
        if (left && !isRefusal(more)) more.reply?.abort()
        done()
        resolve(more)
      },
      (error: unknown) => {
        done()
        reject(error as Error)
      },
    )
  })
}

function refusalOf(spine: Spine, name: string, error: unknown, facts: Facts): Refusal {
  // Whoever stopped the call gives the reason, not what broke because of it.
  if (isRefusal(facts.errand.signal.reason)) return facts.errand.signal.reason
  if (error instanceof Refused) return error.refusal
  if (error instanceof BodyError) {
    if (facts.errand.signal.aborted) return endedBy(facts.errand.signal)
    return refuse(bodyCodes[error.kind])
  }
  if (facts.errand.signal.aborted) return endedBy(facts.errand.signal)
  spine.onDefect(name, error, facts.exchange)
  return refuse('step_failed', { detail: name })
}

const bodyCodes = {
  too_large: 'body_too_large',
  too_slow: 'body_too_slow',
  cut: 'body_cut',
  inflight: 'inflight_limit',
} as const satisfies Record<BodyError['kind'], Refusal['refuse']>

async function deliver(spine: Spine, facts: Facts): Promise<Delivery | Refusal> {
  try {
    return await facts.errand.deliver(facts.guarded as NonNullable<Facts['guarded']>)
  } catch (error) {
    return refusalOf(spine, 'deliver', error, facts)
  }
}

/** A refusal that cannot be rendered must not hide that it happened: the receipt is still written. */
async function answer(spine: Spine, facts: Facts, refusal: Refusal): Promise<{ delivery?: Delivery }> {
  try {
    return { delivery: await facts.errand.refuse(refusal, facts.exchange) }
  } catch (error) {
    spine.onDefect('refuse', error, facts.exchange)
    return {}
  }
}

/** Which facts each step may add (law 9): a step that returns another's would be reaching into the path. */
const owns: Readonly<Record<StepName, readonly (keyof More)[]>> = {
  identify: ['principal'],
  read: ['reading'],
  resolve: ['candidates'],
  authorize: ['permit', 'decisions', 'context', 'held', 'flow'],
  reserve: ['reservation'],
  inspect: ['inspection', 'reading', 'session'],
  reauthorize: ['permit', 'decisions', 'context', 'held', 'flow'],
  approve: ['permit', 'decisions', 'context', 'approval', 'flow'],
  intent: ['committed'],
  dial: ['reply'],
  guard: ['guarded'],
}

/**
 * What would let something pass that nobody decided: each step must have left the facts that the next ones rely on.
 * Says what is wrong, or undefined.
 */
function nonsense(name: StepName, facts: Facts, more: unknown): string | undefined {
  if (typeof more !== 'object' || more === null || Array.isArray(more)) return 'returned no facts'
  for (const key in more) if (!owns[name].includes(key as keyof More)) return `returned ${key}, which is not its to tell`
  switch (name) {
    case 'identify':
      return typeof facts.principal?.tenant === 'string' && facts.principal.tenant !== '' && typeof facts.principal.workload === 'string'
        ? undefined
        : 'no principal'
    case 'read':
      return Array.isArray(facts.reading?.segments) && typeof facts.reading.apply === 'function' ? undefined : 'no reading'
    case 'resolve':
      return Array.isArray(facts.candidates) && (facts.candidates.length > 0 || facts.reading?.effect !== 'dial') ? undefined : 'no candidates'
    case 'authorize':
    case 'reauthorize':
      return unlawful(facts)
    case 'approve':
      return facts.held === undefined || facts.approval?.verdict === 'released' ? unlawful({ ...facts, held: undefined }) : 'a hold that nobody released'
    case 'reserve':
      return facts.reading?.effect !== 'dial' || typeof facts.reservation?.id === 'string' ? undefined : 'no reservation'
    case 'inspect':
      return isInspection(facts) ? undefined : 'no inspection'
    case 'intent':
      return facts.committed instanceof Promise ? undefined : 'no intent'
    case 'dial':
      return facts.reading?.effect !== 'dial' || typeof facts.reply?.events?.[Symbol.asyncIterator] === 'function' ? undefined : 'no reply'
    case 'guard':
      return typeof facts.guarded?.events?.[Symbol.asyncIterator] === 'function' && facts.guarded.exchange === facts.exchange
        ? undefined
        : 'no guarded reply'
  }
}

function unlawful(facts: Facts): string | undefined {
  const { permit, decisions, candidates, held } = facts
  if (permit?.exchange !== facts.exchange.id) return 'no permit for this exchange'
  const deciding = held === undefined ? 'allow' : 'hold'
  if (decisions === undefined || !decisions.some((one) => one.verdict === deciding)) return 'a permit without a decision'
  if (permit.candidates.length === 0 && facts.reading?.effect === 'dial') return 'a permit for nothing'
  return permit.candidates.every((one) => candidates?.includes(one)) ? undefined : 'a permit for a target that was not resolved'
}

/** A refusing verdict is an answer only where somebody asked for one: nothing can be dialled there. */
function isInspection({ inspection, reading }: Facts): boolean {
  if (inspection === undefined || !Array.isArray(inspection.findings)) return false
  if (reading?.action === 'guard.evaluate' && reading.effect === 'none') return true
  return inspection.verdict === 'allow' || inspection.verdict === 'redact' || inspection.verdict === 'rewrite'
}
