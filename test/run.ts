import { run } from 'node:test'
import { globSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { relative } from 'node:path'
import { styleText } from 'node:util'

/**
 * Runs every test, or those whose path contains one of the arguments: `npm test -- src/audit`. Shows progress on a
 * terminal; in a pipe it writes failures and one closing line. Exit code 1 when anything failed or nothing ran.
 */
const root = process.cwd()
const wanted = process.argv.slice(2)
const files = globSync(['src/**/*.test.ts', 'test/**/*.test.ts'])
  .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))
  .sort()
const onTerminal = process.stdout.isTTY
const counts = { passed: 0, failed: 0, skipped: 0 }
let unfinished = files.length
const failures: string[] = []

if (files.length === 0) {
  console.log(`No test file matches ${wanted.join(', ')}.`)
  process.exit(1)
}

const events: AsyncIterable<Happening> = run({ files, concurrency: Math.max(2, availableParallelism()), timeout: 600_000 })
for await (const event of events) {
  switch (event.type) {
    case 'test:pass':
      if (event.data.details.type === 'suite') break
      if (event.data.skip === undefined) counts.passed++
      else counts.skipped++
      break
    case 'test:fail':
      fail(event.data)
      break
    case 'test:stderr':
    case 'test:stdout':
      if (event.data.message.trim() !== '') write(dim(`${place(event.data.file)}: ${event.data.message.trimEnd()}`))
      break
    case 'test:summary':
      if (event.data.file !== undefined) unfinished--
      break
  }
  if (onTerminal) progress()
}
if (onTerminal) process.stdout.write('\r\x1b[K')
if (failures.length > 0) console.log(`Failed:\n${failures.join('\n')}`)
const skipped = counts.skipped === 0 ? '' : `, ${counts.skipped} skipped`
console.log(`${counts.passed} passed, ${counts.failed} failed${skipped} (${files.length} files)`)
process.exitCode = counts.failed === 0 && counts.passed > 0 ? 0 : 1

interface Failed {
  readonly name: string
  readonly file?: string
  readonly line?: number
  readonly details: { readonly error: Error }
}

/** The events of node:test that are used here. */
type Happening =
  | { readonly type: 'test:pass'; readonly data: { readonly details: { readonly type?: string }; readonly skip?: string | boolean } }
  | { readonly type: 'test:fail'; readonly data: Failed }
  | { readonly type: 'test:stdout' | 'test:stderr'; readonly data: { readonly file: string; readonly message: string } }
  | { readonly type: 'test:summary'; readonly data: { readonly file?: string } }

function fail({ name, file, line, details }: Failed): void {
  const cause = details.error.cause ?? details.error
  // A suite, or a file, that failed only because something inside it did: that something is already listed.
  if ((details.error as { failureType?: string }).failureType === 'subtestsFailed') return
  counts.failed++
  // fast-check keeps what the property threw as the cause of its own error.
  const what = cause instanceof Error ? [cause, cause.cause].flatMap((one) => (one instanceof Error ? (one.stack ?? one.message) : [])).join('\n') : String(cause)
  const ours = what.split('\n').filter((text) => !/^\s+at .*\bnode:/.test(text))
  const title = `${red('✖')} ${place(file)}${line === undefined ? '' : `:${line}`} ${name}`
  failures.push(`  ${title}`)
  write([title, ...ours.map((text) => `    ${text}`), ''].join('\n'))
}

function place(file: string | undefined): string {
  return file === undefined ? 'test' : relative(root, file)
}

function write(text: string): void {
  process.stdout.write(`${onTerminal ? '\r\x1b[K' : ''}${text}\n`)
}

function progress(): void {
  const failed = counts.failed === 0 ? '' : red(`, ${counts.failed} failed`)
  process.stdout.write(`\r\x1b[K${counts.passed} passed${failed}, ${unfinished} files to go`)
}

function red(text: string): string {
  return onTerminal ? styleText('red', text) : text
}

function dim(text: string): string {
  return onTerminal ? styleText('dim', text) : text
}
