import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'node:test'

// The README's tour, typed as it stands there. What differs from run to run (ids, keys, times, ports) is masked on both
// sides; everything else must be what the README says.

const root = fileURLToPath(new URL('..', import.meta.url))
const bin = join(root, 'bin', 'sallyport.js')

interface Typed {
  readonly command: string
  readonly output: readonly string[]
}

function tour(): readonly Typed[] {
  const readme = readFileSync(join(root, 'README.md'), 'utf8')
  const typed: { command: string; output: string[] }[] = []
  for (const [, block = ''] of readme.matchAll(/^```console\n([^]*?)^```$/gm)) {
    for (const line of block.trimEnd().split('\n')) {
      if (line.startsWith('$ ')) typed.push({ command: line.slice(2), output: [] })
      else typed.at(-1)?.output.push(line)
    }
  }
  return typed
}

const id = /\b[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}\b/g

function masked(line: string): string {
  return line
    .replace(id, 'ID')
    .replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, 'TIME')
    .replace(/\b(key[:=]|admin:|Key )[0-9A-Za-z]{8,16}\b/g, '$1KEY')
    .replace(/root \S+,/, 'root ROOT,')
    .replace(/\d+ checkpoints/, 'N checkpoints')
    .replace(/\d+ ms/g, 'N ms')
    .replace(/begins in [^.]+\./, 'begins in A WHILE.')
}

/** A shell that keeps what is exported, as a terminal does. */
function shell(env: Readonly<Record<string, string | undefined>>): { type(command: string): Promise<readonly string[]>; end(): void } {
  const child = spawn('bash', ['--noprofile', '--norc'], { cwd: root, env, stdio: ['pipe', 'pipe', 'inherit'] })
  let text = ''
  let heard: () => void = () => undefined
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString()
    heard()
  })
  child.stdin.write('exec 2>&1\n')
  return {
    async type(command) {
      child.stdin.write(`${command}\necho "@@end"\n`)
      while (!text.endsWith('@@end\n')) await new Promise<void>((resolve) => (heard = resolve))
      const lines = text.split('\n').slice(0, -2)
      text = ''
      return lines
    },
    end: () => child.stdin.end(),
  }
}

/** The first terminal: starts what the README starts, on free ports, and gives what it said. */
async function started(command: string, env: Readonly<Record<string, string | undefined>>, folder: string): Promise<{ child: ChildProcess; lines: readonly string[]; url: string }> {
  const settings = /^npm start -- --config (\S+)$/.exec(command)?.[1]
  assert.ok(settings !== undefined, `the tour starts with npm start, not with: ${command}`)
  const config = join(folder, 'tour.yaml')
  writeFileSync(config, `${readFileSync(join(root, settings), 'utf8')}listen: { data: "127.0.0.1:0", admin: "127.0.0.1:0" }\n`)
  const child = spawn(process.execPath, [bin, 'up', '--config', config], { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] })
  let err = ''
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()))
  let out = ''
  await new Promise<void>((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString()
      if (out.includes('keys create')) resolve()
    })
    child.on('exit', () => reject(new Error(err)))
  })
  const url = /OpenAI clients +(\S+)\/v1/.exec(out)?.[1] ?? ''
  const admin = /Operators +(\S+)/.exec(out)?.[1] ?? ''
  const lines = out.replaceAll(url, 'http://127.0.0.1:8080').replaceAll(admin, 'http://127.0.0.1:8081').replace(join(folder, 'state'), '~/.local/state/sallyport')
  return { child, lines: lines.trimEnd().split('\n'), url }
}

test('the README\'s tour says what it shows', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-tour-'))
  const env = { PATH: `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}`, HOME: folder, SALLYPORT_HOME: join(folder, 'state') }
  const [first, ...rest] = tour()
  assert.ok(first !== undefined && rest.length > 5)
  const { child, lines, url } = await started(first.command, env, folder)
  const terminal = shell(env)
  try {
    assert.deepEqual(lines, first.output)
    const ids = new Map<string, string>()
    for (const { command, output } of rest) {
      const real = command
        .replace(id, (one) => ids.get(one) ?? one)
        .replaceAll('npx sallyport', `'${process.execPath}' '${bin}'`)
        .replace('http://127.0.0.1:8080', url)
      const said = await terminal.type(real)
      assert.deepEqual(said.map(masked), output.map(masked), command)
      for (const [i, line] of output.entries()) {
        const now = said[i]?.match(id) ?? []
        for (const [j, one] of (line.match(id) ?? []).entries()) ids.set(one, now[j] ?? one)
      }
    }
  } finally {
    terminal.end()
    const end = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGTERM')
    await end
    rmSync(folder, { recursive: true, force: true })
  }
})
