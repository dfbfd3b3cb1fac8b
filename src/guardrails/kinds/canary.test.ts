import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ReplyEvent } from '../../contract/reply.ts'
import { makeGuard } from '../engine.ts'
import { asked, clock, delta, end, segment, signal, textIn } from '../guard.fixture.ts'
import { guardrails } from '../list.ts'
import { settleGuardrails } from '../settings.ts'

const TOKEN = 'Zk7-quartz-Heron-19'
const settle = (more: object, env: Readonly<Record<string, string>> = {}) => settleGuardrails([{ use: 'canary', name: 'tripwire', ...more } as never], 'guard', guardrails, { base: '/', env })
const guardFor = (more: object, env: Readonly<Record<string, string>> = {}) => {
  const settings = settle(more, env)
  return makeGuard({ ...settings, entries: settings.entries.filter(({ use }) => use === 'tripwire') }, { clock, cacheBytes: 0, guardrails: settings.made ?? [] })
}
const guard = guardFor({ tokens: [TOKEN] })
const answer = async (text: string, by = guard) => by.inspect(asked(), [segment(text, 'assistant')], 'reply', signal)

test('a token is found as it is and in disguise, and the record does not repeat it', async () => {
  const rot = TOKEN.replace(/[a-z]/gi, (letter) => String.fromCharCode(letter.charCodeAt(0) + (letter.toLowerCase() < 'n' ? 13 : -13)))
  const shapes = [
    `the word is ${TOKEN}.`, TOKEN.toLowerCase(), [...TOKEN].reverse().join(''), rot, [...TOKEN].join(' '), TOKEN.replaceAll('-', ''), TOKEN.replaceAll('-', '\u200b-'),
    Buffer.from(TOKEN).toString('hex'), ...['', 'x', 'xy'].map((before) => Buffer.from(`${before}${TOKEN}${before}`).toString('base64')), Buffer.from(`?${TOKEN}>`).toString('base64url'),
    Buffer.from(Buffer.from(`so the word is ${TOKEN}, as you asked`).toString('base64')).toString('base64'),
  ]
  for (const text of shapes) {
    const { refusal, findings } = await answer(text)
    assert.equal(refusal?.refuse, 'leak_in_answer', text)
    assert.ok(findings.every(({ excerpt }) => !excerpt.includes('quartz')))
  }
})

test('what only resembles it passes', async () => {
  for (const text of ['quartz heron', 'Zk7-quartz', Buffer.from('something else entirely').toString('base64'), '']) assert.equal((await answer(text)).verdict, 'allow', text)
})

test('a token split over the pieces of a stream does not leave', async () => {
  const reply = guard.reply(asked(), { mode: 'balanced', onDenied: 'fail', signal, decide: () => ({ allow: true }) })
  const left: ReplyEvent[] = []
  let refused: string | undefined
  for (const event of [...`It is ${TOKEN}, of course`].map((sign) => delta(sign)).concat(end(['0/text']))) {
    const { release, refusal } = await reply.push(event)
    left.push(...release)
    refused ??= refusal?.refuse
  }
  assert.equal(refused, 'leak_in_answer')
  assert.ok(!textIn(left).includes('quartz'))
})

test('a token may stand in a variable, which must be set and long enough', async () => {
  assert.equal((await answer(`x ${TOKEN} y`, guardFor({ tokens: ['env:TRIPWIRE'] }, { TRIPWIRE: TOKEN }))).verdict, 'deny')
  assert.throws(() => settle({ tokens: ['env:TRIPWIRE'] }), /TRIPWIRE is not set/)
  assert.throws(() => settle({ tokens: ['env:TRIPWIRE'] }, { TRIPWIRE: 'ab' }), (error: Error) => /8 to 512/.test(error.message) && !error.message.includes('ab '))
  assert.throws(() => settle({ tokens: ['short'] }), /8 to 512/)
  assert.throws(() => settle({}), /tokens/)
})
