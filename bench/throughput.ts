import { guardrails } from '../src/guardrails/list.ts'
import { scanner } from '../src/guardrails/rules/scanner.ts'
import { best, prose } from './prose.ts'

/** How fast all rules together read text of several kinds, in MB/s of one core. */
export function rulesThroughput(): Record<string, number> {
  const result: Record<string, number> = {}
  const all = scanner('all', guardrails.flatMap(({ matchers }) => matchers ?? []))
  const chunks = Array.from({ length: 1024 }, (_, i) => prose(1024, i + 1))
  for (let i = 0; i < 3; i++) for (const chunk of chunks) all.scan(chunk, true)
  const ms = best(10, () => {
    for (const chunk of chunks) all.scan(chunk, true)
  })
  result['rules, ASCII chat, 1 KB texts (MB/s)'] = 1024 * 1024 / ms / 1000
  const long = prose(1 << 20, 7)
  result['rules, ASCII chat, 1 MB text (MB/s)'] = long.length / best(10, () => all.scan(long, true)) / 1000
  const accented = chunks.map((chunk) => chunk.replaceAll(' is ', ' ïs '))
  for (const chunk of accented) all.scan(chunk, true)
  result['rules, accented, 1 KB texts (MB/s)'] = 1024 * 1024 / best(5, () => {
    for (const chunk of accented) all.scan(chunk, true)
  }) / 1000
  const digits = Array.from({ length: 1024 }, (_, i) => Buffer.from(`row ${i}, `.padEnd(1024, `${(i * 7919) % 100_000}, 12.5, 2024-01-${(i % 28) + 1}, `), 'latin1').toString('latin1'))
  for (const chunk of digits) all.scan(chunk, true)
  result['rules, tables of numbers, 1 KB texts (MB/s)'] = 1024 * 1024 / best(5, () => {
    for (const chunk of digits) all.scan(chunk, true)
  }) / 1000
  return result
}
