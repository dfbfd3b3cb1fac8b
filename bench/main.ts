import { bench as gateway } from './gateway.ts'

/** Every benchmark by name. */
const benches = { gateway } as const

const name = process.argv[2]
if (name === undefined || !(name in benches)) {
  console.error(`usage: npm run bench -- ${Object.keys(benches).join(' | ')} [--json FILE] [--quick]`)
  process.exitCode = 2
} else {
  await benches[name as keyof typeof benches](process.argv.slice(3))
}
