import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

export const REVISIONS = ['2026-07-28', '2025-11-25'] as const
export type Revision = (typeof REVISIONS)[number]

/** One check of one scenario; `said` is why it did not succeed. */
export interface Check {
  readonly id: string
  readonly status: string
  readonly said?: string
}

/** Checks by scenario. */
export type Results = ReadonlyMap<string, readonly Check[]>

const program = join(dirname(createRequire(import.meta.url).resolve('@modelcontextprotocol/conformance/package.json')), 'dist/index.js')

/**
 * Runs what a revision requires of servers, or one scenario of it, with the official suite, against a URL.
 * @throws when it does not come to its end.
 */
export async function runSuite(url: string, revision: Revision, scenario?: string): Promise<Results> {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-conformance-'))
  try {
    const said = await ended(['server', '--url', url, '-o', folder, ...(scenario === undefined ? ['--requirements', revision] : ['--scenario', scenario, '--spec-version', revision, '--force'])])
    const results = new Map<string, readonly Check[]>()
    for (const name of readdirSync(folder).sort()) {
      const ran = /^server-(.+)-\d{4}-\d{2}-\d{2}T/.exec(name)?.[1]
      // A scenario that another one's failure made pointless leaves nothing.
      if (ran === undefined || !existsSync(join(folder, name, 'checks.json'))) continue
      const checks = JSON.parse(readFileSync(join(folder, name, 'checks.json'), 'utf8')) as { id: string; status: string; errorMessage?: string }[]
      // What the suite only tells (requests that it sent, events that it saw) is no check.
      results.set(ran, checks.filter(({ id, status }) => status !== 'INFO' || !TOLD.has(id)).map(({ id, status, errorMessage }) => ({ id, status, ...(errorMessage !== undefined && { said: errorMessage }) })))
    }
    if (results.size === 0) throw new Error(`the suite ran nothing: ${said}`)
    return results
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const TOLD: ReadonlySet<string> = new Set(['outgoing-request', 'incoming-response', 'incoming-sse-event', 'stream-closed'])

function ended(args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    let said = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()))
    child.on('error', reject)
    // 1 = some scenario failed, which the results say better.
    child.on('close', (code) => (code === 0 || code === 1 ? resolve(said) : reject(new Error(`the suite ended with ${code}: ${said}`))))
  })
}

/** A difference between two runs, one line each. */
export interface Difference {
  readonly scenario: string
  readonly lines: readonly string[]
}

/** What came out otherwise in the second run: scenario by scenario, check by check, in order. */
export function differences(direct: Results, through: Results): readonly Difference[] {
  const found: Difference[] = []
  for (const scenario of new Set([...direct.keys(), ...through.keys()])) {
    const [one = [], other = []] = [direct.get(scenario), through.get(scenario)]
    const lines: string[] = []
    for (let index = 0; index < Math.max(one.length, other.length); index++) {
      const [left, right] = [one[index], other[index]]
      if (left?.id === right?.id && left?.status === right?.status) continue
      lines.push(`${left === undefined ? '–' : `${left.id} ${left.status}`} → ${right === undefined ? '–' : `${right.id} ${right.status}${right.said === undefined ? '' : `: ${right.said}`}`}`)
    }
    if (lines.length > 0) found.push({ scenario, lines })
  }
  return found
}

/** How many scenarios and checks there were, and how the checks ended. */
export function tally(results: Results): string {
  const counts = new Map<string, number>()
  let all = 0
  for (const checks of results.values()) for (const { status } of checks) counts.set(status, (counts.get(status) ?? 0) + (all++, 1))
  return `${results.size} scenarios, ${all} checks: ${[...counts].sort().map(([status, count]) => `${count} ${status}`).join(', ')}`
}

/** Differences between a server and another way to it. The suite itself waits a second at most here and there, so that what differs is looked at again, alone. */
export async function compared(direct: { readonly url: string; readonly results: Results }, through: { readonly url: string; readonly results: Results }, revision: Revision, expected: (scenario: string) => boolean): Promise<readonly Difference[]> {
  const found: Difference[] = []
  for (const one of differences(direct.results, through.results)) {
    const again = expected(one.scenario) ? [one] : differences(await runSuite(direct.url, revision, one.scenario), await runSuite(through.url, revision, one.scenario))
    found.push(...again)
  }
  return found
}
