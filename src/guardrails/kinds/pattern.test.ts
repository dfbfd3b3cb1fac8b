import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asked, guardWith, segment, signal } from '../guard.fixture.ts'
import { settleGuardrails } from '../settings.ts'
import { edited } from '../verdict.ts'

const entry = (patterns: readonly object[], more: object = {}) => [{ use: 'pattern', name: 'ticket', patterns, ...more } as never]
const look = async (written: readonly never[], text: string) => guardWith([...written], { tools: {} }).inspect(asked(), [segment(text)], 'request', signal)

test('what a pattern matches is redacted, everywhere in the text', async () => {
  const text = 'See ACME-1234 and acme-99, not ACME.'
  const { verdict, edits, findings } = await look(entry([{ match: '\\bACME-\\d+\\b', category: 'ticket_id', case: 'any' }]), text)
  assert.equal(verdict, 'redact')
  assert.equal(edited(text, edits), 'See [REDACTED_TICKET_ID] and [REDACTED_TICKET_ID], not ACME.')
  assert.deepEqual(findings.filter(({ guardrail }) => guardrail === 'ticket').map(({ rule }) => rule), ['pattern:1', 'pattern:1'])
})

test('a pattern that would ruin other engines ends in linear time; a text that is all hits is bounded', async () => {
  const { verdict } = await look(entry([{ match: '(a+)+$' }]), `${'a'.repeat(50_000)}b`)
  assert.equal(verdict, 'allow')
  const { findings } = await look(entry([{ match: 'x' }], { action: 'flag' }), 'x'.repeat(100_000))
  assert.ok(findings.length <= 256)
})

test('what cannot run in linear time, or matches nothing at all, is refused with its place', () => {
  for (const match of ['(?=secret)x', '(a)\\1', '(', 'a*']) assert.throws(() => settleGuardrails(entry([{ match: 'fine' }, { match }]), 'guard'), /patterns/)
  assert.throws(() => settleGuardrails([{ use: 'pattern', name: 'ticket' } as never], 'guard'), /needs/)
})
