import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { isRefusal } from '../../../contract/verdict.ts'
import { fromPlain, writeJson } from '../../../formats/json.ts'
import { at, type Tree, type TreeObject } from '../../../formats/tree.ts'
import { geminiGenerate } from '../gemini/dialect.ts'
import { replaceLeaf } from '../leaves.ts'
import { countReply, estimateInput, surveyCount } from './count.ts'
import { anthropicMessages } from './dialect.ts'

interface Case {
  readonly name: string
  readonly with: Record<string, unknown>
  readonly allow?: readonly string[]
  readonly effects?: readonly string[]
  readonly subordinates?: readonly (readonly [string, string])[]
  readonly sees?: readonly (readonly [string, string])[]
  readonly parameters?: Record<string, unknown>
  readonly refuse?: string
  readonly param?: string
}

function casesOf(folder: string): { base: Record<string, unknown>; cases: readonly Case[] } {
  const url = new URL(`../../../../cases/llm/${folder}/survey.json`, import.meta.url)
  return JSON.parse(readFileSync(url, 'utf8')) as { base: Record<string, unknown>; cases: readonly Case[] }
}

const dialects = [
  { folder: 'anthropic', dialect: anthropicMessages, fromPath: undefined },
  { folder: 'gemini', dialect: geminiGenerate, fromPath: { model: 'gemini-3-pro', stream: true } },
] as const

for (const { folder, dialect, fromPath } of dialects) {
  const { base, cases } = casesOf(folder)
  for (const one of cases) {
    test(`${folder} survey: ${one.name}`, () => {
      const tree = fromPlain({ ...base, ...one.with }) as TreeObject
      const surveyed = dialect.survey(tree, one.allow ?? [], fromPath)
      if (one.refuse !== undefined) {
        assert.ok(isRefusal(surveyed), 'it should have been refused')
        assert.deepEqual([surveyed.refuse, surveyed.param], [one.refuse, one.param])
        return
      }
      assert.ok(!isRefusal(surveyed), JSON.stringify(surveyed))
      assert.deepEqual([...surveyed.effects].sort(), [...(one.effects ?? [])].sort())
      assert.deepEqual(surveyed.subordinates.map((item) => [item.action, item.resource.id]), one.subordinates ?? [])
      const seen = surveyed.segments.map((segment) => `${segment.origin}: ${segment.text}`)
      for (const [origin, text] of one.sees ?? []) assert.ok(seen.includes(`${origin}: ${text}`), `${origin}: ${text} in ${seen.join(' | ')}`)
      for (const [name, value] of Object.entries(one.parameters ?? {})) assert.equal(surveyed.parameters[name], value, name)
      // An edit lands where its segment says, and an edit that changes nothing gives the very same tree.
      for (const segment of surveyed.segments) {
        if (at(tree, segment.path) === undefined) continue
        assert.equal(replaceLeaf(tree, segment.path, segment.text), tree)
        assert.equal(at(replaceLeaf(tree, segment.path, 'X'), segment.path), 'X')
      }
    })
  }

  test(`${folder} survey: no JSON object makes it throw, and every string of an accepted one is seen or is a plain word`, () => {
    const words = fc.constantFrom('role', 'content', 'contents', 'parts', 'text', 'type', 'tools', 'messages', 'model', 'max_tokens', 'user', 'functionCall', 'args', 'tool_use', 'input')
    const value = fc.letrec((tie) => ({
      tree: fc.oneof({ maxDepth: 5 }, words, fc.string(), fc.integer(), fc.boolean(), fc.constant(null), fc.array(tie('tree'), { maxLength: 4 }), fc.dictionary(words, tie('tree'), { maxKeys: 4 })),
    })).tree
    fc.assert(
      fc.property(fc.dictionary(words, value), (plain) => {
        const tree = fromPlain({ ...base, ...plain }) as TreeObject
        const surveyed = dialect.survey(tree, [], fromPath)
        if (isRefusal(surveyed)) return
        const seen = new Set(surveyed.segments.map((segment) => segment.text))
        const visit = (here: Tree): void => {
          if (typeof here === 'string') assert.ok(seen.has(here) || /^[!-~]{0,128}$/.test(here), here)
          else if (Array.isArray(here)) here.forEach(visit)
          else if (here instanceof Map) here.forEach(visit)
        }
        visit(tree)
      }),
      { numRuns: 300 },
    )
  })
}

test('count_tokens takes the fields of messages without those that only generating has', () => {
  const tree = (fields: object): TreeObject => fromPlain({ model: 'm', messages: [{ role: 'user', content: 'hello there' }], ...fields }) as TreeObject
  const surveyed = surveyCount(tree({ system: 'be kind' }), [])
  assert.ok(!isRefusal(surveyed))
  assert.equal(surveyed.maxTokens, undefined)
  assert.ok(estimateInput(surveyed) > 0)
  const refused = surveyCount(tree({ max_tokens: 5 }), [])
  assert.ok(isRefusal(refused) && refused.refuse === 'unknown_field' && refused.param === 'max_tokens')
  assert.equal(writeJson(countReply(12)), '{"input_tokens":12}')
})
