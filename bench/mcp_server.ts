/** The conformance fixture (official SDK) behind streamable HTTP, as a process of its own: with both revisions, and as a server with sessions alone. */
import { startFixture } from '../test/mcp/conformance/fixture.ts'

const [both, sessions] = [await startFixture(), await startFixture({ sessionsOnly: true })]
const portOf = (url: string): number => Number(new URL(url).port)
console.log(JSON.stringify({ both: portOf(both.url), sessions: portOf(sessions.url) }))
process.on('SIGTERM', () => void Promise.all([both.stop(), sessions.stop()]).then(() => process.exit(0)))
