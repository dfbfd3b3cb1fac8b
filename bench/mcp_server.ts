/** The conformance fixture (official SDK, both revisions) behind streamable HTTP, as a process of its own. */
import { startFixture } from '../test/mcp/conformance/fixture.ts'

const fixture = await startFixture()
console.log(JSON.stringify({ port: Number(new URL(fixture.url).port) }))
process.on('SIGTERM', () => void fixture.stop().then(() => process.exit(0)))
