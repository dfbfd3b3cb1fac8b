import type { TestContext } from 'node:test'
import type { Store } from '../interfaces.ts'

/** Opens an empty store for one test and takes it away afterwards. Its scribe, if any, is not used here. */
export type MakeStore = (t: TestContext) => Promise<Store>
