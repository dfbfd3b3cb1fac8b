/**
 * Sallyport as its users run it, for benchmarks: everything on (identity, policy, rules, budgets, audit), in front of
 * the simulated upstream. `sallyport.ts UPSTREAM_PORT HOME`; prints where it listens and a key.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { start } from '../src/main.ts'

const [port, home] = process.argv.slice(2) as [string, string]
const config = join(home, 'sallyport.yaml')
writeFileSync(
  config,
  `listen: { data: "127.0.0.1:0", admin: "127.0.0.1:0" }
telemetry: { log: error }
providers:
  bench: { kind: openai-compatible, baseUrl: "http://127.0.0.1:${port}/v1" }
routes:
  default: { strategy: priority, targets: [{ provider: bench, model: same }] }
prices:
  bench/bench: { input: 1, output: 2 }
  bench/bench-20x64: { input: 1, output: 2 }
budgets:
  - { per: key, window: 1d, cost: 1000000 USD, tokens: 1000000000000, requests: 1000000000 }
  - { per: route, window: 1h, requests: 1000000000 }
`,
)
const started = await start({ config, env: { ...process.env, SALLYPORT_HOME: join(home, 'state') }, log: (line) => void process.stderr.write(line), terminal: false })
const reply = await fetch(`${started.adminUrl}/api/keys`, {
  method: 'POST',
  headers: { authorization: `Bearer ${readFileSync(join(started.state, 'admin.key'), 'utf8').trim()}`, 'content-type': 'application/json' },
  body: JSON.stringify({ name: 'bench' }),
})
const { key } = (await reply.json()) as { key: string }
console.log(JSON.stringify({ dataUrl: started.dataUrl, key }))
process.on('SIGTERM', () => void started.stop().then(() => process.exit(0)))
