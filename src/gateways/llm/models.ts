import type { Arrival, Outlet } from '../../contract/arrival.ts'
import type { Candidate, Reading } from '../../contract/exchange.ts'
import type { Errand, Permit } from '../../contract/gateway.ts'
import { NO_USAGE } from '../../contract/exchange.ts'
import { refuse } from '../../contract/verdict.ts'
import { writeJson } from '../../formats/json.ts'
import { object, type TreeObject } from '../../formats/tree.ts'
import type { Dialect } from './dialect.ts'
import type { Desk } from './desk.ts'
import type { Family } from './paths.ts'
import { modelList, modelObject } from './openai/models.ts'
import { writeRefusal } from './render.ts'
import { withinScope, allows } from './scope.ts'

const FREE = { input: 0, output: 0, cachedInput: 0, cacheWrite: 0 }

/** A list of models: each is a candidate that policy permits or not, so nobody sees what they may not use. */
export function modelsErrand(desk: Desk, arrival: Arrival, outlet: Outlet, dialect: Dialect, family: Family, wanted: string | undefined): Errand {
  let permitted: readonly Candidate[] = []
  const named = (candidates: readonly Candidate[]) => desk.plan.models().filter(({ candidate }) => candidates.some((one) => one.id === candidate.id))
  return {
    gateway: 'llm',
    signal: arrival.gone,
    identify: () => desk.identify(arrival),
    read: () => listReading(wanted),
    resolve(_reading, principal) {
      const open = desk.plan.models().filter(({ route, name }) => allows(principal.scope.routes, route) && (wanted === undefined || name === wanted))
      if (open.length === 0) return refuse(wanted === undefined ? 'no_candidate' : 'unknown_model')
      const unique = new Map(open.map(({ candidate }) => [candidate.id, { ...candidate, role: 'primary' as const, price: FREE }]))
      return withinScope([...unique.values()], principal)
    },
    dial(_reading, permit: Permit) {
      permitted = permit.candidates
      return { events: none(), attempts: () => [], usage: () => NO_USAGE, released: () => undefined, abort: () => undefined, finished: () => Promise.resolve() }
    },
    async deliver(guarded) {
      for await (const _ of guarded.events) continue
      const names = [...new Set(named(permitted).map(({ name }) => name))].filter((name) => wanted === undefined || name === wanted)
      const body = writeJson(wanted === undefined ? listed(family, names) : described(family, names[0] ?? wanted))
      outlet.head(200, [['x-sallyport-id', guarded.exchange.id], ['content-type', 'application/json']])
      outlet.end(body)
      return { status: 200, bytes: body.length, complete: true }
    },
    refuse: (refusal, exchange) => writeRefusal(refusal, exchange, outlet, dialect),
  }
}

async function* none(): AsyncGenerator<never> {}

function listReading(wanted: string | undefined): Reading {
  const reading: Reading = {
    action: 'llm.list',
    resource: { type: 'Route', id: 'models', attributes: {} },
    route: 'models',
    direction: 'outbound',
    effect: 'dial',
    overlapsIntent: true,
    stream: false,
    segments: [],
    effects: ['read'],
    parameters: wanted === undefined ? {} : { model: wanted },
    subordinates: [],
    estimate: { input: 0, output: 0, choices: 1 },
    apply: () => reading,
    fingerprint: () => `list ${wanted ?? ''}`,
  }
  return reading
}

function listed(family: Family, names: readonly string[]): TreeObject {
  const data = names.map((name) => described(family, name))
  switch (family) {
    case 'openai':
      return modelList(names.map(owned))
    case 'anthropic':
      return object({ data, has_more: false, first_id: names[0] ?? null, last_id: names.at(-1) ?? null })
    case 'gemini':
      return object({ models: data })
  }
}

function described(family: Family, name: string): TreeObject {
  switch (family) {
    case 'openai':
      return modelObject(owned(name))
    case 'anthropic':
      return object({ type: 'model', id: name, display_name: name, created_at: '1970-01-01T00:00:00Z' })
    case 'gemini':
      return object({ name: `models/${name}`, displayName: name, supportedGenerationMethods: ['generateContent', 'streamGenerateContent'] })
  }
}

function owned(id: string): { readonly id: string; readonly owner: string; readonly created: number } {
  return { id, owner: 'sallyport', created: 0 }
}
