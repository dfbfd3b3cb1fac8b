/**
 * Sallyport in front of MCP servers, for benchmarks: everything on. `mcp_house.ts SETTINGS_JSON HOME`, the settings
 * being those of `mcpServers` and `tools`; prints where it listens and keys. On SIGUSR2 it writes what its heap holds to
 * HOME/heap.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { start } from '../src/main.ts'

/** Each may open 100 sessions. */
const KEYS = 51

/** JSON is YAML, one key a line. */
const keysOf = (text: string): string => Object.entries(JSON.parse(text) as object).map(([key, value]) => `${key}: ${JSON.stringify(value)}`).join('\n')

const [settings, home] = process.argv.slice(2) as [string, string]
const config = join(home, 'sallyport.yaml')
writeFileSync(config, `listen: { data: "127.0.0.1:0", admin: "127.0.0.1:0" }\ntelemetry: { log: error }\n${keysOf(settings)}\n`)
const started = await start({ config, env: { ...process.env, SALLYPORT_HOME: join(home, 'state') }, log: (line) => void process.stderr.write(line), terminal: false })
const authorization = `Bearer ${readFileSync(join(started.state, 'admin.key'), 'utf8').trim()}`
const keys: string[] = []
for (let at = 0; at < KEYS; at++) {
  const reply = await fetch(`${started.adminUrl}/api/keys`, { method: 'POST', headers: { authorization, 'content-type': 'application/json' }, body: JSON.stringify({ name: `bench-${at}` }) })
  keys.push(((await reply.json()) as { key: string }).key)
}
setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void
process.on('SIGUSR2', () => {
  collect()
  writeFileSync(join(home, 'heap'), String(process.memoryUsage().heapUsed))
})
console.log(JSON.stringify({ dataUrl: started.dataUrl, keys }))
process.on('SIGTERM', () => void started.stop().then(() => process.exit(0)))
