import type { Matcher } from '../matcher.ts'
import { matchersOf } from './format.ts'
import { cloud } from './formats/cloud.ts'
import { code } from './formats/code.ts'
import { models } from './formats/models.ts'
import { money } from './formats/money.ts'
import { talk } from './formats/talk.ts'
import { watch } from './formats/watch.ts'
import { work } from './formats/work.ts'

/**
 * Every provider's token. The rules are our own: the published set that runs in this process (secretlint's) reads each
 * text once per service, measured at 9 MB/s for thirty services, where one automaton reads all of these at eighty.
 */
export const tokens: readonly Matcher[] = matchersOf([...code, ...cloud, ...models, ...money, ...talk, ...watch, ...work])
