import type { Steps } from '../spine.ts'
import { identify, read, resolve } from './ask.ts'
import { approve } from './approve.ts'
import { authorize, reauthorize } from './authorize.ts'
import { dial, guard } from './dial.ts'
import { inspect } from './inspect.ts'
import { intent, reserve } from './intent.ts'
import type { House } from './house.ts'

/** The steps, ready to be handed to the spine. */
export function makeSteps(house: House): Steps {
  return {
    identify: identify(house),
    read: read(house),
    resolve,
    authorize: authorize(house),
    reserve,
    inspect,
    reauthorize: reauthorize(house),
    approve: approve(house),
    intent: intent(house),
    dial,
    guard: guard(house),
  }
}
