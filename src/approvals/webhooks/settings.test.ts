import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readyWebhooks, settleWebhooks, WebhookSettingsError, webhooksSchema, type WrittenWebhooks } from './settings.ts'

const path = ['approvals', 'webhooks']
const secret = Buffer.alloc(32, 5).toString('base64')

test('defaults are filled in, and references are read when they are needed', () => {
  const settled = settleWebhooks(webhooksSchema.parse([{ url: 'https://hooks.example/x', secret: 'env:S' }, { url: 'env:SLACK', kind: 'slack', events: ['alarm'] }]), path)
  assert.deepEqual(settled.map(({ url, kind, events }) => [url, kind, [...events]]), [['https://hooks.example/x', 'generic', ['created', 'decided', 'expired', 'alarm']], ['env:SLACK', 'slack', ['alarm']]])
  const ready = readyWebhooks(settled, { S: ` whsec_${secret}\n`, SLACK: 'https://hooks.slack.example/services/T/B/X' }, path)
  assert.deepEqual(ready.map(({ url, secret }) => [url, secret?.length]), [['https://hooks.example/x', 32], ['https://hooks.slack.example/services/T/B/X', undefined]])
})

const wrong: readonly (readonly [WrittenWebhooks[number], Readonly<Record<string, string>>, RegExp, string])[] = [
  [{ url: 'https://hooks.example/x' }, {}, /needs a secret/, 'approvals.webhooks.0'],
  [{ url: 'http://hooks.example/x', kind: 'slack' }, {}, /must be https/, 'approvals.webhooks.0.url'],
  [{ url: 'ftp://hooks.example/x', kind: 'slack' }, {}, /not an http/, 'approvals.webhooks.0.url'],
  [{ url: 'https://u:p@hooks.example/x', kind: 'slack' }, {}, /user name/, 'approvals.webhooks.0.url'],
  [{ url: 'https://hooks.example/a/../b', kind: 'slack' }, {}, /normal form/, 'approvals.webhooks.0.url'],
  [{ url: 'env:U', kind: 'slack' }, {}, /U is not set/, 'approvals.webhooks.0.url'],
  [{ url: 'env:U', kind: 'slack' }, { U: 'http://hooks.example/tok' }, /must be https/, 'approvals.webhooks.0.url'],
  [{ url: 'https://hooks.example/x', secret: 'env:S' }, {}, /S is not set/, 'approvals.webhooks.0.secret'],
  [{ url: 'https://hooks.example/x', secret: 'env:S' }, { S: 'c2hvcnQ=' }, /24 to 64 bytes/, 'approvals.webhooks.0.secret'],
  [{ url: 'https://hooks.example/x', secret: 'env:S' }, { S: 'not base64 at all, but long enough to be' }, /base64/, 'approvals.webhooks.0.secret'],
]
for (const [written, env, says, at] of wrong) {
  test(`${JSON.stringify([written, env])} does not stand`, () => {
    assert.throws(
      () => readyWebhooks(settleWebhooks([written], path), env, path),
      (error) => error instanceof WebhookSettingsError && says.test(error.message) && error.path.join('.') === at && !Object.values(env).some((value) => error.message.includes(value)),
    )
  })
}

test('the schema takes references for secrets only, and at most ten places', () => {
  assert.equal(webhooksSchema.safeParse([{ url: 'https://x.example', secret: 'whsec_abc' }]).success, false)
  assert.equal(webhooksSchema.safeParse(Array(11).fill({ url: 'https://x.example', kind: 'slack' })).success, false)
  assert.equal(webhooksSchema.safeParse([{ url: 'https://x.example', kind: 'slack', events: [] }]).success, false)
})

test('a private place takes plain http where settings say so', () => {
  assert.equal(settleWebhooks([{ url: 'http://10.0.0.1/x', kind: 'slack', allow_private: true }], path).length, 1)
  assert.equal(settleWebhooks([{ url: 'http://127.0.0.1:9/x', kind: 'slack' }], path).length, 1)
})
