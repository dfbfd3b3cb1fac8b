import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { reasons } from '../src/contract/reasons.ts'
import { guardrails } from '../src/guardrails/list.ts'
import { generated, isCurrent } from './generated.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const page = (name: string): string => readFileSync(join(root, name), 'utf8')

for (const [path, text] of generated()) {
  test(`${path} is what the code makes`, () => assert.ok(isCurrent(path, text), `${path} is stale: npm run docs`))
}

test('every reason has an entry in docs/errors.md with its status and sentence, and there is no other entry', () => {
  const text = page('docs/errors.md')
  const entries = new Map(text.split(/^### /m).slice(1).map((entry) => [entry.split('\n')[0] ?? '', entry]))
  assert.deepEqual([...entries.keys()].sort(), Object.keys(reasons).map((code) => `\`${code}\``).sort())
  for (const [code, { status, say }] of Object.entries(reasons)) {
    const entry = entries.get(`\`${code}\``) ?? ''
    assert.ok(entry.includes(`**${status}**`), `${code}: status ${status}`)
    assert.ok(entry.includes(say), `${code}: ${say}`)
  }
})

test('docs/guardrails.md has a row for every guardrail, with its modes and action', () => {
  const text = page('docs/guardrails.md')
  for (const { id, about, postures, action } of guardrails) {
    const row = `| \`${id}\` | ${about} | ${postures.observe} | ${postures.guard} | ${postures.strict} | \`${action}\` |`
    assert.ok(text.includes(row), row)
  }
})

test('links between pages lead somewhere', () => {
  const pages = ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'bench/RESULTS.md', 'models/CARD.md', 'models/RESULTS.md', 'training/README.md', ...readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`)]
  for (const name of pages) {
    for (const [, link = ''] of page(name).matchAll(/\]\((?!https?:)([^)#\s]+)(?:#[^)]*)?\)/g)) {
      assert.ok(existsSync(resolve(root, dirname(name), link)), `${name}: ${link}`)
    }
  }
})
