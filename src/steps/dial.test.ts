import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { startHouse, type TestHouse } from '../../test/house.ts'

let house: TestHouse
before(async () => {
  house = await startHouse({
    script: () => ({ status: 400, body: { error: { message: `bad value ${'AKIA' + 'Z7QX4RT2NB6MK3PW'} in field`, type: 'invalid_request_error' } } }),
    config: ({ practiceUrl }) => `
providers: { one: { kind: openai-compatible, baseUrl: "${practiceUrl}/v1", credential: env:PRACTICE_KEY } }
routes: { default: { targets: [{ provider: one, model: practice }] } }
`,
  })
})
after(() => house.stop())

test("a provider's reason that repeats a secret is told without it", async () => {
  const reply = await house.chat('hello')
  assert.equal(reply.status, 400)
  const text = await reply.text()
  assert.match(text, /upstream_refused/)
  assert.doesNotMatch(text, /AKIA/)
})
