import type { Sessions } from '../store/interfaces.ts'
import type { Window } from './history_window.ts'

/** One counter as it is saved. */
export interface SavedWindow {
  readonly key: string
  readonly width: number
  readonly window: Window
}

/** Rows of the house itself, beside those of principals. */
const NOBODY = ''
const TENANTS = 'history.tenants'
const WINDOWS = 'history'
/** The longest window. */
const KEEP_MS = 31 * 86_400_000

export async function readTenants(sessions: Sessions): Promise<readonly string[]> {
  const read = parse(await sessions.get(NOBODY, NOBODY, TENANTS))
  return Array.isArray(read) ? read.filter((one) => typeof one === 'string') : []
}

export async function writeTenants(sessions: Sessions, tenants: readonly string[], now: number): Promise<void> {
  await sessions.put(NOBODY, NOBODY, TENANTS, Buffer.from(JSON.stringify(tenants)), now + KEEP_MS)
}

export async function readWindows(sessions: Sessions, tenant: string): Promise<readonly SavedWindow[]> {
  const read = parse(await sessions.get(tenant, NOBODY, WINDOWS))
  return Array.isArray(read) ? (read as [string, number, number[], number[]][]).map(([key, width, parts, amounts]) => ({ key, width, window: { parts, amounts } })) : []
}

export async function writeWindows(sessions: Sessions, tenant: string, windows: readonly SavedWindow[], now: number): Promise<void> {
  await sessions.put(tenant, NOBODY, WINDOWS, Buffer.from(JSON.stringify(windows.map(({ key, width, window }) => [key, width, window.parts, window.amounts]))), now + KEEP_MS)
}

/** What the store gives is what was put there: text that is not JSON is a broken store, and says so. */
function parse(bytes: Uint8Array | undefined): unknown {
  return bytes === undefined ? undefined : JSON.parse(Buffer.from(bytes).toString('utf8'))
}
