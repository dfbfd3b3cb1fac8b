import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { cargoOf } from './cargo.ts'

const encoded = Buffer.from('the meeting with the bank is on Friday at nine').toString('base64url')
const hex = Buffer.from('a secret between us two').toString('hex')

test('what an address carries is told apart', () => {
  const cases: readonly (readonly [string, string])[] = [
    [`https://a.example/${encoded}`, 'text'], [`https://a.example/p?x=${encoded}`, 'text'], [`https://a.example/p#${encoded}`, 'text'], [`https://${hex}.a.example/`, 'text'], [`https://a.example/p?x=${hex}`, 'text'],
    ['https://a.example/p?note=he+wants+to+leave+soon', 'text'], ['https://a.example/p?c={{chat_history}}', 'slot'], ['https://a.example/${secret}', 'slot'], ['https://a.example/?d=[USER_DATA]', 'slot'], ['https://{user_name}.a.example/', 'slot'], ['https://a.example/?d=%7B%7Bconversation%7D%7D', 'slot'],
    ['https://a.example/?email=jo@corp.example', 'personal'], ['https://a.example/?api_key=k3y-value', 'personal'],
    ['https://a.example/docs/getting-started?version=2#install', 'none'], ['https://a.example/550e8400-e29b-41d4-a716-446655440000.png', 'none'], ['https://a.example/i.png?v=9f86d081884c7d659a2feaa0c55ad015', 'none'], ['https://a.example/users/{id}', 'none'], ['https://{your-host}/v1/models', 'none'], ['https://my-app-git-main-team.a.example/', 'none'],
  ]
  for (const [url, kind] of cases) assert.equal(cargoOf(url)?.kind, kind, url)
})

test('places are known by their domain, not by letters in a name', () => {
  assert.equal(cargoOf('https://x.y.webhook.site/1')?.place, 'collector')
  assert.equal(cargoOf('https://notwebhook.site/1')?.place, 'other')
  assert.equal(cargoOf('https://webhook.site.a.example/1')?.place, 'other')
  assert.equal(cargoOf('https://discord.com/api/webhooks/1/x')?.place, 'tunnel')
  assert.equal(cargoOf('https://discord.com/channels/1')?.place, 'other')
})

test('an address that is all openings is read once', () => {
  for (const piece of ['{chat', '[user data ', '<a_', '%7bchat', '$(secret', 'a=b+c&', '{{', 'aa.']) cargoOf(`https://a.example/?${piece.repeat(2048 / piece.length)}`)
})

test('any text is either no address or one that is read', () => {
  const piece = fc.constantFrom('a', 'chat', '/', '//', '?', '=', '&', '%', '%7b', '{', '}', '[', ']', '.', '@', '#', '+', ':', 'é', '\ud800', encoded)
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      cargoOf(`https://${pieces.join('')}`)
      cargoOf(pieces.join(''))
    }),
  )
})
