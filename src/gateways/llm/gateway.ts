import type { Arrival, Outlet } from '../../contract/arrival.ts'
import type { Errand } from '../../contract/gateway.ts'
import { refuse, type Refusal } from '../../contract/verdict.ts'
import { countErrand } from './count.ts'
import type { Dialect } from './dialect.ts'
import { dialectOf } from './dialects.ts'
import { embedErrand } from './embed.ts'
import type { Desk } from './desk.ts'
import { generateErrand } from './generate.ts'
import { modelsErrand } from './models.ts'
import { passThroughErrand } from './pass.ts'
import { readPath, type Family, type Operation } from './paths.ts'
import { writeRefusal } from './render.ts'

const families = { openai: 'openai.chat', anthropic: 'anthropic.messages', gemini: 'gemini.generate' } as const satisfies Record<Family, Dialect['id']>

/**
 * What an arrival on the data port asks of the model gateway, as an errand for the spine. A path that is nobody's is
 * an errand too: it is refused with a receipt, in the shape that a client of that prefix understands.
 */
export function llmErrand(desk: Desk, arrival: Arrival, outlet: Outlet): Errand {
  const pathed = readPath(arrival.target)
  if (pathed === undefined) return refusedErrand(desk, arrival, outlet, dialectOf('openai.chat'), refuse('unknown_path'))
  const { operation, verb } = pathed
  const family = dialectOf(families[operation.family])
  if (operation.kind === 'unknown') return passThroughErrand(desk, arrival, outlet, family, operation)
  if (arrival.verb !== verb) return refusedErrand(desk, arrival, outlet, family, refuse('method_not_allowed', { say: `This path takes ${verb}.` }))
  return known(desk, arrival, outlet, family, operation)
}

function known(desk: Desk, arrival: Arrival, outlet: Outlet, family: Dialect, operation: Exclude<Operation, { kind: 'unknown' }>): Errand {
  switch (operation.kind) {
    case 'generate':
      return generateErrand(desk, arrival, outlet, dialectOf(operation.dialect), operation)
    case 'embed':
      return embedErrand(desk, arrival, outlet, family)
    case 'count':
      return countErrand(desk, arrival, outlet, family)
    case 'models':
      return modelsErrand(desk, arrival, outlet, family, operation.family, undefined)
    case 'model':
      return modelsErrand(desk, arrival, outlet, family, operation.family, operation.model)
  }
}

/** Says who was refused: the caller is identified first, so that the receipt has a name. */
function refusedErrand(desk: Desk, arrival: Arrival, outlet: Outlet, family: Dialect, refusal: Refusal): Errand {
  return {
    gateway: 'llm',
    signal: arrival.gone,
    identify: () => desk.identify(arrival),
    read: () => refusal,
    resolve: () => refusal,
    deliver: () => Promise.resolve({ status: 500, bytes: 0, complete: false }),
    refuse: (why, exchange) => writeRefusal(why, exchange, outlet, family),
  }
}
