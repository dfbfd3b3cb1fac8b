import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { TestHouse } from './house.ts'
import { DIFFERING, type Bridge } from './mcp/conformance/expected.ts'
import { startFixture, type Fixture } from './mcp/conformance/fixture.ts'
import { startGate } from './mcp/conformance/gate.ts'
import { compared, runSuite, tally, type Results, type Revision } from './mcp/conformance/suite.ts'

/** The official conformance suite against a server directly, and through the gateway: what it finds is the same. */
let both: Fixture
let sessions: Fixture
let gate: TestHouse
before(async () => {
  ;[both, sessions] = [await startFixture(), await startFixture({ sessionsOnly: true })]
  gate = await startGate({ both: both.url, sessions: sessions.url })
})
after(async () => {
  await gate.stop()
  await both.stop()
  await sessions.stop()
})

const directly = new Map<Revision, Promise<Results>>()
/** The revision that callers speak, and the server that it is compared with: the one that answers them directly. */
const BRIDGES: readonly (readonly [Bridge, Revision, 'both' | 'sessions'])[] = [
  ['2026-07-28 to the same', '2026-07-28', 'both'],
  ['2025-11-25 to the same', '2025-11-25', 'sessions'],
  ['2025-11-25 to 2026-07-28', '2025-11-25', 'both'],
  ['2026-07-28 to 2025-11-25', '2026-07-28', 'sessions'],
]

for (const [bridge, revision, server] of BRIDGES) {
  test(`the conformance suite finds the same through the gateway: ${bridge}`, async (context) => {
    const direct = await (directly.get(revision) ?? directly.set(revision, runSuite(both.url, revision)).get(revision) as Promise<Results>)
    const wrong = [...direct].flatMap(([scenario, checks]) => checks.filter(({ status }) => status === 'FAILURE' || status === 'WARNING').map(({ id, said }) => `${scenario}: ${id}: ${said}`))
    assert.deepEqual(wrong, [], 'the fixture itself passes')
    const url = `${gate.dataUrl}/mcp/${server}`
    const through = await runSuite(url, revision)
    context.diagnostic(`${bridge}, direct: ${tally(direct)}`)
    context.diagnostic(`${bridge}, through: ${tally(through)}`)
    const expected = DIFFERING[bridge]
    const found = await compared({ url: both.url, results: direct }, { url, results: through }, revision, (scenario) => Object.hasOwn(expected, scenario))
    assert.deepEqual(found.map(({ scenario }) => scenario).sort(), Object.keys(expected).sort(), found.map(({ scenario, lines }) => [scenario, ...lines].join('\n  ')).join('\n'))
  })
}
