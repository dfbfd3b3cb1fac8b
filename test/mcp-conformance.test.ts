import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { DIFFERING } from './mcp/conformance/expected.ts'
import { startFixture, type Fixture } from './mcp/conformance/fixture.ts'
import { startGate } from './mcp/conformance/gate.ts'
import { compared, REVISIONS, runSuite, tally } from './mcp/conformance/suite.ts'

/** The official conformance suite against a server directly, and through the gateway: what it finds is the same. */
let fixture: Fixture
before(async () => {
  fixture = await startFixture()
})
after(() => fixture.stop())

for (const revision of REVISIONS) {
  test(`the conformance suite finds the same through the gateway, revision ${revision}`, async (context) => {
    const gate = await startGate(fixture.url)
    try {
      const direct = await runSuite(fixture.url, revision)
      const wrong = [...direct].flatMap(([scenario, checks]) => checks.filter(({ status }) => status === 'FAILURE' || status === 'WARNING').map(({ id, said }) => `${scenario}: ${id}: ${said}`))
      assert.deepEqual(wrong, [], 'the fixture itself passes')
      const url = `${gate.dataUrl}/mcp/fixture`
      const through = await runSuite(url, revision)
      context.diagnostic(`${revision} direct: ${tally(direct)}`)
      context.diagnostic(`${revision} through: ${tally(through)}`)
      const found = await compared({ url: fixture.url, results: direct }, { url, results: through }, revision, (scenario) => Object.hasOwn(DIFFERING[revision], scenario))
      assert.deepEqual(found.map(({ scenario }) => scenario).sort(), Object.keys(DIFFERING[revision]).sort(), found.map(({ scenario, lines }) => [scenario, ...lines].join('\n  ')).join('\n'))
    } finally {
      await gate.stop()
    }
  })
}
