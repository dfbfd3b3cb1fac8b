import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** One breach of a law: where, and what is wrong there. */
export interface Breach {
  readonly where: string
  readonly what: string
}

/** What a law found, and what it wants to say without failing. */
export interface Judgement {
  readonly breaches: readonly Breach[]
  readonly notices?: readonly string[]
}

/** A law is checked over a folder that is laid out like this repository. */
export type Law = (root: string) => Promise<Judgement>

/** Runs a tool of this repository's node_modules in `cwd` and collects what it wrote. */
export function runTool(script: string, args: readonly string[], cwd: string): Promise<{ code: number | null; out: string; err: string }> {
  const path = fileURLToPath(new URL(`../../node_modules/${script}`, import.meta.url))
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [path, ...args], { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
    const out: Buffer[] = []
    const err: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk))
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, out: Buffer.concat(out).toString(), err: Buffer.concat(err).toString() }))
  })
}
