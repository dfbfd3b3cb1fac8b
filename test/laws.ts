import { styleText } from 'node:util'
import { portable, sizesAndNames } from './laws/files.ts'
import { imports } from './laws/imports.ts'
import { lint } from './laws/lint.ts'
import type { Law } from './laws/tool.ts'
import { types } from './laws/types.ts'

/** Checks every law of the house: `npm run check`. Exit code 1 when one is broken. test/laws.test.ts shows that each can be. */
const laws: readonly (readonly [name: string, law: Law])[] = [
  ['types', types],
  ['lint', lint],
  ['imports', imports],
  ['sizes and names', sizesAndNames],
  ['portable', portable],
]

let broken = 0
for (const [name, law] of laws) {
  const { breaches, notices = [] } = await law(process.cwd())
  for (const { where, what } of breaches) console.log(`  ${where}: ${what}`)
  for (const notice of notices) console.log(`  notice: ${notice}`)
  broken += breaches.length
  console.log(`${mark(breaches.length === 0)} ${name}${breaches.length === 0 ? '' : `: ${breaches.length} broken`}`)
}
console.log(broken === 0 ? `${laws.length} laws hold` : `${broken} breaches of the laws`)
process.exitCode = broken === 0 ? 0 : 1

function mark(good: boolean): string {
  return process.stdout.isTTY ? styleText(good ? 'green' : 'red', good ? '✔' : '✖') : good ? 'ok' : 'not ok'
}
