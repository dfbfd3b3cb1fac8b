import { runTool, type Judgement } from './tool.ts'

/** Strict types over everything that tsconfig.json includes. */
export async function types(root: string): Promise<Judgement> {
  const { code, out, err } = await runTool('typescript-seven/bin/tsc', ['-p', '.', '--pretty', 'false'], root)
  const breaches = [...out.matchAll(/^(\S.*?\(\d+,\d+\)): error (.*)$/gm)].map(([, where = '', what = '']) => ({ where, what }))
  // A compiler that fails without naming a file must not pass for one that found nothing.
  if (code !== 0 && breaches.length === 0) breaches.push({ where: 'tsconfig.json', what: `${out}${err}`.trim() || `tsc ended with ${code}` })
  return { breaches }
}
