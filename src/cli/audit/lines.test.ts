import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Shown } from '../../audit/read.ts'
import { lineOf } from './lines.ts'

const receipt = (record: object): Shown => ({ index: 7, record: { kind: 'receipt', at: 0, exchange: 'x', action: 'mcp.call', resource: 'Tool::send_mail', outcome: 'refused', verdict: 'deny', code: 'flow_denied', status: 200, took: 3, tenant: 'default', workload: 'agent', ...record } }) as unknown as Shown

test('the line of a receipt says what it is about, because what is refused has no intent', () => {
  assert.match(lineOf(receipt({})), /receipt {2}mcp\.call Tool::send_mail refused \(deny, flow_denied, 200, 3 ms\) by default\/agent$/)
  assert.match(lineOf(receipt({ action: 'unread', resource: '' })), /receipt {2}unread refused/)
})
