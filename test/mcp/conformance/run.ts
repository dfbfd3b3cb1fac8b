import { startFixture } from './fixture.ts'
import { startGate } from './gate.ts'
import { differences, REVISIONS, runSuite, tally, type Results } from './suite.ts'

/**
 * The official suite by hand, both revisions or those that are named: against the fixture directly, and with `--through`
 * through the gateway too, saying what came out otherwise. `--all` says every check that did not succeed.
 */
const args = process.argv.slice(2)
const revisions = REVISIONS.filter((one) => args.includes(one) || !REVISIONS.some((other) => args.includes(other)))

function tell(what: string, results: Results): void {
  process.stdout.write(`${what}: ${tally(results)}\n`)
  for (const [scenario, checks] of results) {
    for (const { id, status, said } of checks) if (status !== 'SUCCESS' && (status === 'FAILURE' || status === 'WARNING' || args.includes('--all'))) process.stdout.write(`  ${scenario}: ${id} ${status}${said === undefined ? '' : `: ${said}`}\n`)
  }
}

const fixture = await startFixture()
try {
  for (const revision of revisions) {
    const direct = await runSuite(fixture.url, revision)
    tell(`${revision} direct`, direct)
    if (!args.includes('--through')) continue
    const gate = await startGate({ fixture: fixture.url })
    try {
      const through = await runSuite(`${gate.dataUrl}/mcp/fixture`, revision)
      process.stdout.write(`${revision} through: ${tally(through)}\n`)
      for (const { scenario, lines } of differences(direct, through)) process.stdout.write(`  ${scenario}\n${lines.map((line) => `    ${line}\n`).join('')}`)
      if (args.includes('--log')) process.stdout.write(`${gate.logs.join('\n')}\n`)
    } finally {
      await gate.stop()
    }
  }
} finally {
  await fixture.stop()
}
