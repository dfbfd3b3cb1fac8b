import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ApprovalSummary } from '../desk.ts'
import { slackOf, toldOf, type Telling } from './payload.ts'

const approval: ApprovalSummary = {
  id: 'a1', hash: 'h', tenant: 'default', state: 'pending', workload: 'spiffe://x/bot', chain: ['bob@example.com', 'other'], agent: 'bot', task: 'tx', action: 'tool.propose', resource: 'Tool::send_email',
  route: 'default', exchange: 'x', policies: ['no-exfiltration'], message: 'Untrusted content was read.', group: 'finance', reviewers: 2, agreed: [], created: 0, expires: 60_000, waiting: 1,
}
const created = (more: Partial<ApprovalSummary> = {}): Telling => ({ kind: 'created', at: 0, approval: { ...approval, ...more } })
const link = (id: string): string => `https://sally.example/api/approvals/${id}`

test('the generic payload names who, what and until when, and nothing of what is said', () => {
  assert.deepEqual(toldOf(created(), link), {
    type: 'approval.created',
    timestamp: '1970-01-01T00:00:00.000Z',
    data: {
      id: 'a1', tenant: 'default', state: 'pending', workload: 'spiffe://x/bot', agent: 'bot', user: 'bob@example.com', task: 'tx', action: 'tool.propose', tool: 'Tool::send_email',
      policies: ['no-exfiltration'], message: 'Untrusted content was read.', group: 'finance', reviewers: 2, agreed: 0, deadline: '1970-01-01T00:01:00.000Z', link: 'https://sally.example/api/approvals/a1',
    },
  })
})

test('a field that a desk might add one day does not travel by itself', () => {
  const more = { ...approval, shown: { body: '{"to":"mallory@evil.example"}' } }
  const told = toldOf({ kind: 'created', at: 0, approval: more }, link)
  assert.ok(!JSON.stringify([told, slackOf(told, 'created')]).includes('mallory'))
})

test('names of agents are cut, and cannot hide or turn what stands around them', () => {
  const told = toldOf(created({ agent: 'a\u202eb\u200bc\nd\u001b[2J', resource: '😀'.repeat(200) }), link)
  assert.equal(told.data['agent'], 'a b c d [2J')
  const tool = String(told.data['tool'])
  assert.ok(tool.length <= 200 && tool.isWellFormed() && tool.endsWith('…'))
})

test('Slack gets escaped text in which nobody is mentioned and nothing is a link', () => {
  const said = JSON.stringify(slackOf(toldOf(created({ agent: '<!channel> & `rm` <https://evil.example|Click> @here @Everyone', resource: '*bold*', message: '<@U1> look' }), link), 'created'))
  assert.ok(!/<[!@]|<https:\/\/evil|@here|@everyone/i.test(said), said)
  assert.ok(said.includes('&lt;!channel&gt; &amp; \'rm\''))
  const body = JSON.parse(said) as { text: string; blocks: { type: string; text?: { type: string; verbatim?: boolean }; fields?: { type: string; text: string; verbatim?: boolean }[] }[] }
  const texts = body.blocks.flatMap((one) => [...(one.fields ?? []), ...(one.text === undefined ? [] : [one.text])]).filter((one) => one.type === 'mrkdwn')
  assert.ok(texts.length > 5 && texts.every((one) => one.verbatim === true))
  assert.ok((body.blocks[1]?.fields?.length ?? 0) <= 10, 'Slack takes ten fields')
})

test('an alarm and a release have words of their own', () => {
  const habit = { reviewer: 'Al<ice', decisions: 40, approved: 40, fast: 39, medianMs: 900, lastHour: 40, tight: true }
  const alarm = toldOf({ kind: 'alarm', at: 0, habit, tenant: 'default' }, link)
  assert.deepEqual(alarm.data, { tenant: 'default', reviewer: 'Al<ice', decisions: 40, approved: 40, fast: 39, medianMs: 900, tight: true })
  assert.match(JSON.stringify(slackOf(alarm, 'alarm')), /40 of the last 40 decisions of `Al&lt;ice` were approvals, 39 of them in under two seconds/)
  const released = toldOf({ kind: 'released', at: 0, approval: 'a1', tenant: 'default', how: 'grant', exchange: 'x9', by: ['Alice'] }, link)
  assert.deepEqual(released.data, { id: 'a1', tenant: 'default', decision: 'grant', exchange: 'x9', by: ['Alice'], link: link('a1') })
  assert.match(JSON.stringify(slackOf(released, 'released')), /x9/)
})
