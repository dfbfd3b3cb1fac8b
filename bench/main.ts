import { bench as gateway } from './gateway.ts'

/** Every benchmark by name. Those that are scripts of their own run when they are imported. */
const benches: Readonly<Record<string, (args: readonly string[]) => Promise<unknown>>> = {
  gateway,
  guardrails: async (args) => (await import('./guardrails.ts')).bench(args),
  audit: () => import('./audit.ts'),
  rules: () => import('./rules.ts'),
  policy: async (args) => (await import('./policy.ts')).bench(args),
  mcp: async (args) => (await import('./mcp.ts')).bench(args),
  flow: async (args) => (await import('./flow.ts')).bench(args),
}

const name = process.argv[2] ?? ''
const chosen = benches[name]
if (chosen === undefined) {
  console.error(`usage: npm run bench -- ${Object.keys(benches).join(' | ')}\n  gateway, guardrails: [--quick] [--no-peer] [--json FILE]; mcp: [--quick]`)
  process.exitCode = 2
} else {
  await chosen(process.argv.slice(3))
}
