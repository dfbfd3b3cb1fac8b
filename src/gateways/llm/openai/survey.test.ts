import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { isRefusal } from '../../../contract/verdict.ts'
import { fromPlain, toPlain } from '../../../formats/json.ts'
import { at, isNumber, type TreeObject } from '../../../formats/tree.ts'
import { replaceLeaf } from '../leaves.ts'
import { openaiChat } from './chat/dialect.ts'
import { withoutReasoning } from './chat/encode.ts'
import { surveyEmbeddings } from './embeddings.ts'
import { openaiResponses } from './responses/dialect.ts'

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

const tree = (value: unknown): TreeObject => fromPlain(value) as TreeObject

for (const [file, dialect] of [['chat', openaiChat], ['responses', openaiResponses]] as const) {
  const url = new URL(`../../../../cases/llm/openai/${file}.survey.json`, import.meta.url)
  const { base, cases } = JSON.parse(readFileSync(url, 'utf8')) as { base: Record<string, unknown>; cases: readonly Case[] }
  for (const one of cases) {
    test(`${file} survey: ${one.name}`, () => {
      const asked = tree({ ...base, ...one.with })
      const surveyed = dialect.survey(asked, one.allow ?? [])
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
      for (const segment of surveyed.segments) {
        const here = at(asked, segment.path)
        if (here === undefined || isNumber(here)) continue
        assert.equal(replaceLeaf(asked, segment.path, segment.text), asked)
        assert.equal(at(replaceLeaf(asked, segment.path, 'X'), segment.path), 'X')
      }
    })
  }
}

test('segments of one message share a group, and neighbours do not', () => {
  const surveyed = openaiChat.survey(tree({ model: 'm', messages: [{ role: 'user', content: [{ type: 'text', text: 'a' }, { type: 'text', text: 'b' }] }, { role: 'user', content: 'c' }] }), [])
  assert.ok(!isRefusal(surveyed))
  assert.deepEqual(surveyed.segments.map((segment) => segment.group), ['messages.0', 'messages.0', 'messages.1'])
})

test('retargeting a chat stream asks for usage and keeps the other options', () => {
  const made = openaiChat.retarget(tree({ model: 'a', messages: [], stream: true, stream_options: { include_obfuscation: false } }), 'b')
  assert.deepEqual(toPlain(made), { model: 'b', messages: [], stream: true, stream_options: { include_obfuscation: false, include_usage: true } })
  assert.deepEqual(toPlain(openaiChat.retarget(tree({ model: 'a', messages: [] }), 'b')), { model: 'b', messages: [] })
})

test('retargeting a response leaves nothing with the provider unless that was asked for', () => {
  assert.deepEqual(toPlain(openaiResponses.retarget(tree({ model: 'a', input: 'x' }), 'b')), { model: 'b', input: 'x', store: false })
  assert.deepEqual(toPlain(openaiResponses.retarget(tree({ model: 'a', input: 'x', store: true }), 'b')), { model: 'b', input: 'x', store: true })
})

test('what another maker signed does not reach a provider that would refuse it', () => {
  const call = { id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } }
  const chat = tree({
    model: 'a',
    messages: [
      {
        role: 'assistant',
        content: null,
        reasoning_details: [{ type: 'reasoning.text', text: 'x', signature: 'anthropic:AAAA' }, { type: 'reasoning.encrypted', data: 'BBBB' }],
        tool_calls: [{ ...call, extra_content: { google: { thought_signature: 'gemini:CCCC' } } }],
      },
    ],
  })
  assert.deepEqual(toPlain(at(openaiChat.retarget(chat, 'b'), ['messages', 0]) as TreeObject), {
    role: 'assistant',
    content: null,
    reasoning_details: [{ type: 'reasoning.encrypted', data: 'BBBB' }],
    tool_calls: [call],
  })
  const own = { type: 'reasoning', id: 'rs_2', summary: [], encrypted_content: 'BBBB' }
  const input = [{ type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: 'anthropic:AAAA' }, own]
  assert.deepEqual(toPlain(openaiResponses.retarget(tree({ model: 'a', input }), 'b').get('input') as TreeObject), [own])
})

test('reasoning history can be taken out for servers that refuse it', () => {
  const plain = tree({ model: 'a', messages: [{ role: 'user', content: 'x' }] })
  assert.equal(withoutReasoning(plain), plain)
  const made = withoutReasoning(tree({ model: 'a', messages: [{ role: 'assistant', content: 'x', reasoning_content: 'y', reasoning_details: [] }] }))
  assert.deepEqual(toPlain(made), { model: 'a', messages: [{ role: 'assistant', content: 'x' }] })
})

test('embeddings: strings are inspected, tokens are refused by name', () => {
  const one = surveyEmbeddings(tree({ model: 'm', input: 'a' }), [])
  assert.ok(!isRefusal(one))
  assert.deepEqual(one.segments.map((segment) => [segment.text, segment.path]), [['a', ['input']]])
  const many = surveyEmbeddings(tree({ model: 'm', input: ['a', 'b'], dimensions: 3, encoding_format: 'float' }), [])
  assert.ok(!isRefusal(many))
  assert.deepEqual([many.segments.length, many.parameters['inputs'], many.parameters['dimensions']], [2, 2, 3])
  for (const input of [[1, 2], [[1], [2]], ['a', 5]]) {
    const refused = surveyEmbeddings(tree({ model: 'm', input }), [])
    assert.ok(isRefusal(refused))
    assert.deepEqual([refused.refuse, refused.param], ['inconclusive', 'input'])
  }
})
