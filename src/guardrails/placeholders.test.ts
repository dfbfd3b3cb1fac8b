import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Asked } from '../contract/exchange.ts'
import type { Segment } from '../contract/segment.ts'
import { asked, delta, end, event, guardWith, now, segment, signal, textIn, whole } from './guard.fixture.ts'
import { settleGuardrails } from './settings.ts'
import { edited } from './verdict.ts'

const MAIL = 'jo.doe@mail.example.org'
// Links that carry data are another guardrail's, which would take some of these texts out.
const guard = () => guardWith([{ use: 'pii', mode: 'enforce', reversible: true }, { use: 'exfiltration', mode: 'off' }])
type Guard = ReturnType<typeof guard>

// What the model gets of these segments.
function sent(on: Guard, who: Asked, segments: readonly Segment[]): string[] {
  const { edits, verdict } = now(on.inspect(who, segments, 'request', signal))
  assert.ok(verdict === 'allow' || verdict === 'redact')
  return segments.map(({ text }, i) => edited(text, edits.filter((edit) => edit.segment === i)))
}

// What the caller gets when the model says this.
async function said(on: Guard, who: Asked, chunks: readonly string[]): Promise<string> {
  const reply = on.reply(who, { mode: 'balanced', onDenied: 'fail', signal, decide: () => ({ allow: true }) })
  const out = []
  for (const one of [...chunks.map((chunk) => delta(chunk)), end(['0/text'])]) for (const left of (await reply.push(one)).release) out.push(...(reply.restorer?.push(left) ?? [left]))
  out.push(...(await reply.end()).release, ...(reply.restorer?.end() ?? []))
  return textIn(out)
}

function chunked(text: string, cuts: readonly number[]): string[] {
  const at = [...new Set(cuts.map((one) => one % (text.length + 1)))].sort((a, b) => a - b)
  return [...at, text.length].map((to, i) => text.slice(i === 0 ? 0 : at[i - 1], to))
}

test('the same value has the same placeholder for the whole conversation, and comes back to who sent it', async () => {
  const on = guard()
  const first = [segment(`Write to ${MAIL} and to amy@example.com, then to ${MAIL}.`)]
  const one = asked()
  const [text = ''] = sent(on, one, first)
  const tag = /\[EMAIL_1_([a-z0-9]{6})\]/.exec(text)?.[1] ?? ''
  assert.equal(text, `Write to [EMAIL_1_${tag}] and to [EMAIL_2_${tag}], then to [EMAIL_1_${tag}].`)
  assert.equal(await said(on, one, [`Done: [EMAIL_1_${tag}] [EMAIL_9_${tag}] [EMAIL_1_zzzzzz]`]), `Done: ${MAIL} [EMAIL_9_${tag}] [EMAIL_1_zzzzzz]`)
  const next = asked()
  const again = sent(on, next, [...first, segment(`Wrote to ${MAIL}`, 'assistant', 'm1'), segment('and amy@example.com, eve@example.net?', 'user', 'm2')])
  assert.deepEqual(again, [text, `Wrote to [EMAIL_1_${tag}]`, `and [EMAIL_2_${tag}], [EMAIL_3_${tag}]?`])
})

test('another principal, another tenant and another conversation have other placeholders, and get nothing back', async () => {
  const on = guard()
  const one = asked()
  const [text = ''] = sent(on, one, [segment(`Mail ${MAIL}`)])
  for (const who of [asked({ workload: 'key:2' }), asked({ tenant: 'other' })]) {
    const [other = ''] = sent(on, who, [segment(`Mail ${MAIL}`)])
    assert.notEqual(other, text)
    assert.equal(await said(on, who, [text]), text)
  }
  const elsewhere = asked()
  assert.notEqual(sent(on, elsewhere, [segment(`Please mail ${MAIL}`)])[0], `Please ${text}`)
  assert.equal(await said(on, elsewhere, [text]), text)
  assert.equal(await said(guard(), asked(), [text]), text)
})

test('nothing comes back inside URLs, links, tags and tool arguments, however the text arrives', async () => {
  const on = guard()
  const who = asked()
  const [name = ''] = sent(on, who, [segment(MAIL)])
  const kept = [
    `https://x.example/?q=${name}`, `![a](https://x.example/${name})`, `[mail](<x ${name}>)`, `[${name}](http://x.example)`, `${name}(http://x.example)`, `[see ${name}](/x)`,
    `<img src="https://x.example/ ${name}">`, `<a href='${name}'>`, `www.x.example/${name}`, `mailto:${name}`, `[r]: ${name}`, `//x.example/${name}`,
  ]
  for (const text of kept) {
    assert.equal(await said(on, who, [text]), text)
    assert.equal(await said(on, who, text.split('')), text)
  }
  for (const text of [`(${name})`, `"${name}"`, `to: ${name}, and`, `https://x.example is ${name}`, `[a](b) ${name}`, `<b>${name}</b>`, `["${name}"]`, `a < ${name}`, `${name} [x]`, `${name}]`, `${name}`]) {
    assert.equal(await said(on, who, [text]), text.replace(name, MAIL))
    assert.equal(await said(on, who, text.split('')), text.replace(name, MAIL))
  }
  const reply = on.reply(who, { mode: 'balanced', onDenied: 'fail', signal, decide: () => ({ allow: true }) })
  const call = event({ leaves: [{ channel: '0/tool/0', origin: 'tool_call', text: `{"to":"${name}"}`, whole: false }] })
  assert.deepEqual(reply.restorer?.push(call), [call])
  assert.equal(textIn(reply.restorer?.push(whole(`To ${name}.`)) ?? []), `To ${MAIL}.`)
})

test('what looks like a placeholder in the input comes back as it was written', async () => {
  const on = guard()
  const first = [segment(MAIL)]
  const one = asked()
  const [name = ''] = sent(on, one, first)
  const next = asked()
  const later = [...first, segment(`page says ${name}`, 'tool_result', 'm1'), segment(`{"to":"${name}"}`, 'tool_call', 'm2')]
  const [, result = '', call] = sent(on, next, later)
  assert.match(result, /^page says \[TEXT_1_[a-z0-9]{6}\]$/)
  assert.equal(call, `{"to":"${name}"}`)
  assert.equal(await said(on, next, [result]), `page says ${name}`)
})

test('for the caller nothing has changed, whatever the chunks', async () => {
  const on = guard()
  const part = fc.oneof(fc.lorem({ maxCount: 3 }), fc.constantFrom(MAIL, 'amy@example.com', '4111 1111 1111 1111', 'DE89 3704 0044 0532 0130 00', '[', ']', '[EMAIL_1_', '[EMAIL_1_bcdfgh]', '(', ', ', '{"a":', '\n'))
  await fc.assert(
    fc.asyncProperty(fc.array(part, { maxLength: 8 }).map((parts) => parts.join(' ')), fc.array(fc.nat({ max: 400 }), { maxLength: 12 }), async (text, cuts) => {
      const who = asked()
      const [redacted = ''] = sent(on, who, [segment(text)])
      assert.ok(!redacted.includes('@'))
      const got = await said(on, who, chunked(redacted, cuts))
      assert.equal(got, await said(on, who, [redacted]))
      // An open bracket before a value may be the text of a link.
      if (!/\[[^\]]*[@\d]/.test(text.replaceAll('EMAIL_1_', ''))) assert.equal(got, text)
      assert.equal(sent(on, asked({ workload: 'key:2' }), [segment(redacted)])[0], redacted)
    }),
    { numRuns: 150 },
  )
})

test('arguments stay JSON, and an escaped value is the same value', () => {
  const on = guard()
  const [text, call = ''] = sent(on, asked(), [segment(MAIL), segment('{"to":"jo.doe\\u0040mail.example.org","card":4111111111111111}', 'tool_call', 'm1')])
  const parsed = JSON.parse(call) as { to: string; card: string }
  assert.equal(parsed.to, text)
  assert.match(parsed.card, /^\[CARD_1_[a-z0-9]{6}\]$/)
})

test('in the answer what the caller sent is no leak, and what it did not send is one', async () => {
  const on = guard()
  const who = asked()
  sent(on, who, [segment(MAIL)])
  assert.equal(await said(on, who, [`${MAIL} or eve@example.net`]), `${MAIL} or [REDACTED_EMAIL]`)
})

test('settings: never for secrets, and only with redact', () => {
  assert.throws(() => settleGuardrails([{ use: 'secrets', reversible: true }], 'guard'))
  assert.throws(() => settleGuardrails([{ use: 'pii', action: 'deny', reversible: true }], 'guard'))
})
