import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isRefusal } from '../../contract/verdict.ts'
import { parseJson } from '../../formats/json.ts'
import type { TreeObject } from '../../formats/tree.ts'
import type { DialectId } from './conversation.ts'
import { dialects } from './dialects.ts'
import { offeredTool, withToolNames } from './tool_names.ts'

const schema = { type: 'object', properties: { to: { type: 'string' } } }
const requests: Readonly<Record<DialectId, object>> = {
  'openai.chat': {
    model: 'm',
    tools: [{ type: 'function', function: { name: 'send_mail', parameters: schema } }],
    messages: [
      { role: 'user', content: 'hi' },
      { role: 'assistant', content: null, tool_calls: [{ id: 'c1', type: 'function', function: { name: 'send_mail', arguments: '{"to":"ann"}' } }, { id: 'c2', type: 'function', function: { name: 'read_page', arguments: '{"n":"two"}' } }] },
      { role: 'tool', tool_call_id: 'c2', content: [{ type: 'text', text: 'the page' }] },
      { role: 'tool', tool_call_id: 'c1', content: 'sent to ann' },
      { role: 'tool', tool_call_id: 'c9', content: 'of nobody' },
    ],
  },
  'openai.responses': {
    model: 'm',
    tools: [{ type: 'function', name: 'send_mail', parameters: schema, strict: false }],
    input: [
      { role: 'user', content: 'hi' },
      { type: 'function_call', call_id: 'c1', name: 'send_mail', arguments: '{"to":"ann"}' },
      { type: 'function_call', call_id: 'c2', name: 'read_page', arguments: '{"n":"two"}' },
      { type: 'function_call_output', call_id: 'c2', output: 'the page' },
      { type: 'function_call_output', call_id: 'c1', output: 'sent to ann' },
      { type: 'function_call_output', call_id: 'c9', output: 'of nobody' },
    ],
  },
  'anthropic.messages': {
    model: 'm',
    max_tokens: 9,
    tools: [{ name: 'send_mail', input_schema: schema }],
    messages: [
      { role: 'user', content: 'hi' },
      { role: 'assistant', content: [{ type: 'tool_use', id: 'c1', name: 'send_mail', input: { to: '{"to":"ann"}' } }, { type: 'tool_use', id: 'c2', name: 'read_page', input: { n: '{"n":"two"}' } }] },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'c2', content: [{ type: 'text', text: 'the page' }] }, { type: 'tool_result', tool_use_id: 'c1', content: 'sent to ann' }, { type: 'tool_result', tool_use_id: 'c9', content: 'of nobody' }] },
    ],
  },
  'gemini.generate': {
    tools: [{ functionDeclarations: [{ name: 'read_page' }, { name: 'send_mail', parameters: schema }] }],
    contents: [
      { role: 'user', parts: [{ text: 'hi' }] },
      { role: 'model', parts: [{ functionCall: { name: 'send_mail', args: { to: '{"to":"ann"}' } } }, { functionCall: { name: 'read_page', args: { n: '{"n":"two"}' } } }] },
      { role: 'user', parts: [{ functionResponse: { name: 'read_page', response: { text: 'the page' } } }, { functionResponse: { name: 'send_mail', response: { text: 'sent to ann' } } }] },
    ],
  },
}

for (const [id, request] of Object.entries(requests)) {
  test(`${id}: calls and results are named by their tools, also where results come in another order`, () => {
    const tree = parseJson(JSON.stringify(request), { depth: 32 }) as TreeObject
    const dialect = Object.values(dialects).find((one) => one.id === id)
    const surveyed = dialect?.survey(tree, [], { model: 'm', stream: false })
    assert.ok(surveyed !== undefined && !isRefusal(surveyed), JSON.stringify(surveyed))
    const named = withToolNames(tree, surveyed.segments)
    const of = (text: string): unknown => named.find((one) => one.text === text)?.tool
    assert.deepEqual(['hi', '{"to":"ann"}', '{"n":"two"}', 'the page', 'sent to ann', 'of nobody'].map(of), [undefined, 'send_mail', 'read_page', 'read_page', 'send_mail', undefined])
    assert.ok(offeredTool(tree, 'send_mail')?.schema instanceof Map)
    assert.equal(offeredTool(tree, 'nothing'), undefined)
  })
}
