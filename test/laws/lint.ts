import { runTool, type Judgement } from './tool.ts'

interface FileResult {
  readonly filePath: string
  readonly messages: readonly { readonly line?: number; readonly message: string; readonly ruleId: string | null }[]
}

/** The rules of eslint.config.js: no floating promises, no `any`, no barrels, no default exports, exhaustive switches. */
export async function lint(root: string): Promise<Judgement> {
  const { code, out, err } = await runTool('eslint/bin/eslint.js', ['--format', 'json', '.'], root)
  let files: readonly FileResult[]
  try {
    files = JSON.parse(out) as readonly FileResult[]
  } catch {
    return { breaches: [{ where: 'eslint', what: `${out}${err}`.trim() || `ended with ${code}` }] }
  }
  const typed = files.filter((file) => file.filePath.endsWith('.ts'))
  if (typed.length === 0) return { breaches: [{ where: 'eslint', what: 'looked at no TypeScript file' }] }
  return {
    breaches: files.flatMap((file) =>
      file.messages.map((one) => ({ where: `${file.filePath}:${one.line ?? 0}`, what: `${one.message} (${one.ruleId ?? 'parser'})` })),
    ),
  }
}
