import { execFile } from 'node:child_process'

export interface RunOptions {
  readonly timeoutMs: number
  /** Most bytes of output; more ends the command. */
  readonly bytes: number
}

/**
 * Runs a command to its end and gives what it wrote to stdout, as Latin-1. No shell, nothing of our environment, no
 * input, and not in our folder: nothing that surrounds this process changes what the command does.
 * @param file Absolute path, so that no search path decides what runs.
 * @throws {Error} when it cannot be started, fails, takes too long or says too much.
 */
export function run(file: string, args: readonly string[], { timeoutMs, bytes }: RunOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      file,
      [...args],
      { cwd: '/', env: { LC_ALL: 'C' }, encoding: 'latin1', timeout: timeoutMs, maxBuffer: bytes, killSignal: 'SIGKILL', shell: false },
      (error, out) => {
        if (error === null) resolve(out)
        else reject(new Error(error.killed === true ? `${file} did not end within ${timeoutMs} ms` : error.message.split('\n', 1)[0]?.slice(0, 200)))
      },
    )
    child.stdin?.on('error', () => {})
    child.stdin?.end()
  })
}
