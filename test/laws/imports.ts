import { globSync } from 'node:fs'
import { runTool, type Judgement } from './tool.ts'

interface Cruised {
  readonly modules: readonly { readonly source: string }[]
  readonly summary: {
    readonly violations: readonly {
      readonly from: string
      readonly to: string
      readonly rule: { readonly name: string }
      readonly cycle?: readonly { readonly name: string }[]
    }[]
  }
}

/** The import law of DESIGN §6, as written in .dependency-cruiser.js. */
export async function imports(root: string): Promise<Judgement> {
  const { code, out, err } = await runTool('dependency-cruiser/bin/dependency-cruiser.mjs', ['src', '--output-type', 'json'], root)
  let cruised: Cruised
  try {
    cruised = JSON.parse(out) as Cruised
  } catch {
    return { breaches: [{ where: 'dependency-cruiser', what: `${out}${err}`.trim() || `ended with ${code}` }] }
  }
  const seen = new Set(cruised.modules.map((module) => module.source))
  const unseen = globSync('src/**/*.ts', { cwd: root, exclude: ['src/console/web/**'] }).filter((file) => !seen.has(file.replaceAll('\\', '/')))
  // With a TypeScript that it does not understand the tool sees no module at all, and succeeds.
  if (seen.size === 0) return { breaches: [{ where: 'dependency-cruiser', what: 'saw no module' }] }
  return {
    breaches: [
      ...unseen.map((where) => ({ where, what: 'was not seen by dependency-cruiser' })),
      ...cruised.summary.violations.map(({ from, to, rule, cycle }) => ({
        where: from,
        what: `${rule.name}: imports ${cycle === undefined ? to : cycle.map((one) => one.name).join(' → ')}`,
      })),
    ],
  }
}
