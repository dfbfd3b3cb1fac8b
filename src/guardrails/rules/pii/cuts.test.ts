import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { pii } from '../../pii.ts'
import { secrets } from '../../secrets.ts'
import { Incremental } from '../../stream/incremental.ts'
import { scanner } from '../scanner.ts'

const folder = new URL('../../../../cases/guardrails/', import.meta.url)
const both = scanner('secrets+pii', [...(secrets.matchers ?? []), ...(pii.matchers ?? [])])

function texts(file: string): string[] {
  return readFileSync(new URL(file, folder), 'utf8').split('\n').filter((line) => line !== '').map((line) => {
    const { text } = JSON.parse(line) as { readonly text: string | readonly string[] }
    return typeof text === 'string' ? text : text.join('')
  })
}

function facts(spans: readonly { readonly kind: { readonly rule: string }; readonly start: number; readonly end: number }[]): string[] {
  return spans.map(({ kind, start, end }) => `${start}-${end} ${kind.rule}`)
}

for (const file of ['secrets.jsonl', 'pii.jsonl']) {
  test(`${file}: what arrives in two pieces, or letter by letter, is found as in one`, () => {
    for (const one of texts(file)) {
      const text = `Look: ${one} Done, and so on.`
      const whole = facts(both.scan(text, true).spans)
      for (let cut = 0; cut <= text.length; cut++) {
        const run = new Incremental(both)
        assert.deepEqual(facts([...run.push(text.slice(0, cut), false), ...run.push(text.slice(cut), true)]), whole, `${text} at ${cut}`)
      }
      const run = new Incremental(both)
      const found = [...text].flatMap((char) => [...run.push(char, false)])
      assert.deepEqual(facts([...found, ...run.push('', true)]), whole, text)
    }
  })
}
