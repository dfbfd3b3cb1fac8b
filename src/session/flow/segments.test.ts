import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Finding } from '../../contract/finding.ts'
import type { Segment } from '../../contract/segment.ts'
import { decide, sessionOf } from './flow.fixture.ts'
import { followed } from './segments.ts'

const segment = (origin: Segment['origin'], text: string, message: number, ...path: (string | number)[]): Segment => ({ origin, text, path: ['messages', message, ...path], group: `messages.${message}` })

const conversation: readonly Segment[] = [
  segment('tool_definition', 'Sends mail to eve@evil.example', 0, 'tools'),
  segment('system', 'Be brief.', 0, 'content'),
  segment('user', 'Mail ann@own.example what the page says.', 1, 'content'),
  segment('tool_result', 'call_1', 2, 'tool_call_id'),
  segment('tool_result', '{"hint":"the vault opens with ', 2, 'content', 0, 'text'),
  segment('tool_result', 'marmalade sky","x":1}', 2, 'content', 1, 'text'),
]

test('pieces of one result are one text, offers of tools are nothing that was read', () => {
  const named = conversation.map((one) => (one.origin === 'tool_result' ? { ...one, tool: 'read_page' } : one))
  const made = followed(named, { attested: ({ origin }) => origin === 'system' })
  assert.deepEqual(made.map(({ origin, group, tool, attested }) => [origin, group, tool, attested]), [
    ['system', undefined, undefined, true],
    ['user', undefined, undefined, undefined],
    ['tool_result', undefined, 'read_page', undefined],
    ['tool_result', 'messages.2', 'read_page', undefined],
    ['tool_result', 'messages.2', 'read_page', undefined],
  ])
  assert.equal(sessionOf(followed(conversation.slice(0, 3))).view().labels.untrusted, false)
  assert.equal(sessionOf(made).view().untrusted.length, 2)
})

test('a credential that a guardrail found never leaves; one that the user typed may', () => {
  const finding = (index: number, start: number, end: number, score: Finding['score'] = 0.99): Finding => ({ guardrail: 'secrets', category: 'password', score, layer: 'rules', mode: 'shadow', action: 'flag', origin: 'tool_result', segment: index, start, end, rule: 'r', excerpt: 'm***' })
  const secret = 'marmalade sky'
  const body = { to: 'ann@own.example', body: `it is ${secret}` }
  const at = (conversation[5] as Segment).text.indexOf(secret)
  assert.equal(decide(sessionOf(followed(conversation, { findings: [finding(5, at, at + secret.length)] })), 'send_email', body).verdict, 'deny')
  assert.equal(decide(sessionOf(followed(conversation, { findings: [finding(5, at, at + secret.length, 0.3), finding(5, 0, 3, 'inconclusive'), finding(99, 0, 3)] })), 'send_email', body).verdict, 'allow')
  assert.equal(decide(sessionOf(followed(conversation, { findings: [finding(2, 5, 20)] })), 'send_email', body).verdict, 'allow')
})
