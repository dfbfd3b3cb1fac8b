import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isRefusal } from '../../contract/verdict.ts'
import { fromPlain, toPlain } from '../../formats/json.ts'
import type { TreeObject } from '../../formats/tree.ts'
import type { DialectId } from './conversation.ts'
import { dialectOf } from './dialects.ts'

const TOLD = 'Answer only if it is about cars.'
const path = { model: 'm', stream: false }

const cases: readonly (readonly [DialectId, string, object, object])[] = [
  ['openai.chat', 'alone', { messages: [{ role: 'user', content: 'hi' }] }, { messages: [{ role: 'system', content: TOLD }, { role: 'user', content: 'hi' }] }],
  ['openai.chat', 'behind the leading ones, in their role',
    { messages: [{ role: 'developer', content: 'be kind' }, { role: 'user', content: 'hi' }, { role: 'developer', content: 'later' }] },
    { messages: [{ role: 'developer', content: 'be kind' }, { role: 'developer', content: TOLD }, { role: 'user', content: 'hi' }, { role: 'developer', content: 'later' }] }],
  ['openai.responses', 'alone', { input: 'hi' }, { input: 'hi', instructions: TOLD }],
  ['openai.responses', 'behind a text', { input: 'hi', instructions: 'be kind' }, { input: 'hi', instructions: `be kind\n\n${TOLD}` }],
  ['anthropic.messages', 'alone', { max_tokens: 5, messages: [{ role: 'user', content: 'hi' }] }, { max_tokens: 5, messages: [{ role: 'user', content: 'hi' }], system: TOLD }],
  ['anthropic.messages', 'behind a text', { max_tokens: 5, system: 'be kind', messages: [] }, { max_tokens: 5, system: `be kind\n\n${TOLD}`, messages: [] }],
  ['anthropic.messages', 'behind blocks', { max_tokens: 5, system: [{ type: 'text', text: 'be kind', cache_control: { type: 'ephemeral' } }], messages: [] },
    { max_tokens: 5, system: [{ type: 'text', text: 'be kind', cache_control: { type: 'ephemeral' } }, { type: 'text', text: TOLD }], messages: [] }],
  ['gemini.generate', 'alone', { contents: [{ parts: [{ text: 'hi' }] }] }, { contents: [{ parts: [{ text: 'hi' }] }], systemInstruction: { parts: [{ text: TOLD }] } }],
  ['gemini.generate', 'behind parts, in the spelling that is there', { contents: [], system_instruction: { parts: [{ text: 'be kind' }] } }, { contents: [], system_instruction: { parts: [{ text: 'be kind' }, { text: TOLD }] } }],
]

for (const [id, name, before, after] of cases) {
  test(`${id}: an instruction ${name}`, () => {
    const dialect = dialectOf(id)
    const model = id === 'gemini.generate' ? {} : { model: 'm' }
    const tree = fromPlain({ ...model, ...before }) as TreeObject
    const made = dialect.instruct(tree, TOLD)
    assert.deepEqual(toPlain(made), { ...model, ...after })
    assert.deepEqual(toPlain(tree), { ...model, ...before })
    const surveyed = dialect.survey(made, [], path)
    assert.ok(!isRefusal(surveyed), JSON.stringify(surveyed))
    assert.ok(surveyed.segments.some(({ origin, text }) => origin === 'system' && text.endsWith(TOLD)))
  })
}
