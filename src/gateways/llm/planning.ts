import type { Clock } from '../../contract/clock.ts'
import type { Dial } from '../../contract/dial.ts'
import type { Candidate, Price } from '../../contract/exchange.ts'
import type { Fields } from '../../contract/arrival.ts'
import { writeJson } from '../../formats/json.ts'
import { dialectOf } from './dialects.ts'
import type { Plan, PlannedRoute, Sending } from './plan.ts'
import type { LlmReading } from './reading.ts'
import { attempt } from './routing/attempts.ts'
import type { Health } from './routing/health.ts'
import type { MirrorRecord } from './routing/mirror.ts'
import { bundledPrice } from './routing/prices.ts'
import type { Prepared } from './routing/source.ts'
import { ordered } from './routing/strategy.ts'
import type { LlmSettings, RouteSettings, TargetSettings } from './settings.ts'
import { candidateOf, dialectFor, openUpstreams, targetFor, type OriginOf, type Target, type TargetProblem } from './targets.ts'

export interface PlanParts {
  readonly clock: Clock
  readonly env: Readonly<Record<string, string | undefined>>
  /** Folder that relative file references start from. */
  readonly base: string
  readonly replyBytes: number
  readonly health: Health
  readonly random: () => number
  readonly makeDialer: (origins: readonly OriginOf[]) => { readonly dial: Dial; close(): Promise<void> }
}

/** A route with what sending needs of its settings. */
interface Route extends PlannedRoute {
  readonly settings: RouteSettings
  readonly matches: (model: string) => boolean
}

const DEEPEST_REPLY = 128
/** Below the first step of any price list. */
const LONG_INPUT = 100_000
/** How long a complete stream may stay open without its terminator. */
const GRACE_MS = 250

/** Settings → plan: every credential read, every price known, nothing to look up by name while calls pass. */
export function makePlan(settings: LlmSettings, parts: PlanParts): { readonly plan: Plan; close(): Promise<void> } | { readonly problems: readonly TargetProblem[] } {
  const opened = openUpstreams(settings, parts)
  if ('problems' in opened) return opened
  const { upstreams } = opened
  const routes: Route[] = settings.routes.map(routeOf)
  const usual = routes.find((one) => one.settings.models === undefined)
  const prices = new Map<string, Price | undefined>()

  function priceOf({ upstream, model, settings: { provider } }: Target, input: number): Price | undefined {
    const id = `${provider}/${model}`
    // Some providers charge more for long inputs: those are rare enough to be looked up each time.
    if (input >= LONG_INPUT) return settings.prices.get(id) ?? bundledPrice(upstream.settings.kind, upstream.preset?.pricedAs ?? upstream.provider.pricedAs, model, input)
    if (!prices.has(id)) {
      // Callers can name models, so this memory must end somewhere.
      if (prices.size > 10_000) prices.clear()
      prices.set(id, settings.prices.get(id) ?? bundledPrice(upstream.settings.kind, upstream.preset?.pricedAs ?? upstream.provider.pricedAs, model))
    }
    return prices.get(id)
  }

  function candidate(target: Target, route: string, role: Candidate['role'], input = 0): Candidate {
    return candidateOf(target, route, role, priceOf(target, input))
  }

  function order(planned: PlannedRoute, { surveyed, estimate }: LlmReading): readonly Candidate[] {
    const { settings: route, name } = planned as Route
    const requested = surveyed.model
    const size = { input: estimate.input, output: estimate.output ?? 1_000 }
    const weighed = route.targets.map((one) => {
      const target = targetFor(upstreams, one, requested)
      const price = priceOf(target, estimate.input)
      return { target, quality: one.quality, weight: one.weight, priority: one.priority, latency: parts.health.of(`${one.provider}/${target.model}`).latency, ...(price !== undefined && { price }) }
    })
    const first = ordered(route.strategy, weighed, size, parts.random).map(({ target }, index) => candidate(target, name, index === 0 ? 'primary' : 'fallback', estimate.input))
    const larger = route.fallback.contextLength
    const known = new Set(first.map((one) => one.id))
    const more = larger === undefined ? [] : [candidate(targetFor(upstreams, larger, requested), name, 'fallback', estimate.input)].filter((one) => !known.has(one.id))
    const mirror = route.mirror
    const mirrored = mirror !== undefined && parts.random() < mirror.sample ? [candidate(targetFor(upstreams, mirror.target, requested), name, 'mirror', estimate.input)] : []
    return [...first, ...more, ...mirrored]
  }

  function send(sending: Sending) {
    const { settings: route } = sending.route as Route
    const larger = route.fallback.contextLength
    const extra = larger === undefined ? undefined : `${larger.provider}/${targetFor(upstreams, larger, sending.reading.surveyed.model).model}`
    const mirrored: MirrorRecord[] = []
    const reply = attempt({
      candidates: sending.candidates,
      ...(extra !== undefined && !route.targets.some((one) => `${one.provider}/${one.model ?? sending.reading.surveyed.model}` === extra) && { larger: extra }),
      prepare: (one) => prepared(sending, targetOf(route, one, sending.reading.surveyed.model)),
      timeouts: route.timeouts,
      retries: route.retries,
      fallbackOn: route.fallback.on,
      health: parts.health,
      clock: parts.clock,
      random: parts.random,
      signal: sending.signal,
      estimatedInput: sending.reading.estimate.input,
      limits: { bytes: parts.replyBytes, depth: DEEPEST_REPLY, graceMs: GRACE_MS },
      restartable: true,
      keep: (record) => void mirrored.push(record),
    })
    return { ...reply, beside: () => mirrored }
  }

  function targetOf(route: RouteSettings, { provider, model }: Candidate, requested: string): Target {
    const all: readonly (TargetSettings | undefined)[] = [...route.targets, route.fallback.contextLength, route.mirror?.target]
    for (const one of all) {
      if (one?.provider !== provider) continue
      const target = targetFor(upstreams, one, requested)
      if (target.model === model) return target
    }
    throw new RangeError(`no target ${provider}/${model}`)
  }

  const plan: Plan = {
    routeFor: (model) => routes.find((one) => one.matches(model)) ?? usual,
    routeNamed: (name) => routes.find((one) => one.name === name),
    order,
    send,
    passThrough: (path, method) => routes.find((one) => one.passThrough.some((pass) => pass.methods.includes(method) && pathFits(pass.path, path))),
    passTargets(planned) {
      const { settings: route, name } = planned as Route
      const target = targetFor(upstreams, route.targets[0] as TargetSettings, '')
      return [candidate(target, name, 'primary')]
    },
    upstreamOf({ provider }) {
      const found = upstreams.get(provider)
      if (found === undefined) throw new RangeError(`no provider ${provider}`)
      return found
    },
    onceLimits(planned) {
      const { timeouts } = (planned as Route).settings
      return { connectMs: timeouts.connect, answerMs: timeouts.answer, replyBytes: parts.replyBytes }
    },
    models: () => routes.flatMap(({ settings: route, name }) => namesOf(route).map((one) => ({ name: one, route: name, candidate: candidate(targetFor(upstreams, route.targets[0] as TargetSettings, one), name, 'primary') }))),
  }

  /** Names by which callers can ask for a route: those it matches literally, else those its targets and providers list. */
  function namesOf(route: RouteSettings): readonly string[] {
    const literal = (route.models ?? []).filter((one) => !one.includes('*'))
    if (literal.length > 0) return literal
    const listed = route.targets.flatMap((one) => (one.model !== undefined ? [one.model] : [...(upstreams.get(one.provider)?.settings.models ?? []), ...(upstreams.get(one.provider)?.settings.kind === 'practice' ? ['practice'] : [])]))
    return [...new Set(listed)].filter((one) => (routes.find((other) => other.matches(one)) ?? usual)?.name === route.name)
  }

  return { plan, close: opened.close }
}

function routeOf(settings: RouteSettings): Route {
  const patterns = settings.models?.map(patternOf) ?? []
  return {
    name: settings.name,
    allowFields: settings.allowFields,
    allow: new Set([...settings.allow].filter((one) => one !== 'beta')),
    heartbeatAfterMs: settings.heartbeatAfter,
    passThrough: settings.passThrough,
    settings,
    matches: (model) => patterns.some((one) => one(model)),
  }
}

/** `*` stands for any characters. Compared piece by piece: no pattern of the settings becomes a regular expression. */
function patternOf(pattern: string): (model: string) => boolean {
  const pieces = pattern.split('*')
  if (pieces.length === 1) return (model) => model === pattern
  const [first = '', ...rest] = pieces
  const last = rest.pop() ?? ''
  return (model) => {
    if (!model.startsWith(first) || !model.endsWith(last) || model.length < first.length + last.length) return false
    let at = first.length
    for (const piece of rest) {
      const found = model.indexOf(piece, at)
      if (found < 0) return false
      at = found + piece.length
    }
    return at <= model.length - last.length
  }
}

function pathFits(pattern: string, path: string): boolean {
  return pattern.endsWith('*') ? path.startsWith(pattern.slice(0, -1)) : path === pattern
}

/** The request as one target wants it: in its dialect, under its own name for the model, proven with our credential. */
function prepared(sending: Sending, target: Target): Prepared {
  const { reading, caller, fromPath, betas, route } = sending
  const { upstream, model } = target
  const dialect = dialectOf(dialectFor(target, caller.id))
  const tree = dialect.id === caller.id ? dialect.retarget(reading.tree, model) : dialect.encode(caller.decode(reading.tree, fromPath), model)
  const relayBetas = betas !== undefined && dialect.id === 'anthropic.messages' && (route as Route).settings.allow.has('beta') && /^[\x20-\x7e]{1,500}$/.test(betas)
  const fields: Fields = [
    ['content-type', 'application/json'],
    ['accept', reading.stream ? 'text/event-stream' : 'application/json'],
    ['accept-encoding', 'identity'],
    ...upstream.headers(),
    ...(relayBetas ? ([['anthropic-beta', betas]] as const) : []),
  ]
  return {
    url: upstream.provider.url(upstream.settings, dialect.upstreamPath(model, reading.stream), model, upstream.preset),
    fields,
    body: writeJson(upstream.provider.adapt(tree, dialect.id, upstream.preset)),
    dialect,
    stream: reading.stream,
    dial: upstream.dial,
  }
}
