import assert from 'node:assert/strict'
import { test } from 'node:test'
import { masked } from './mask.ts'

const fields = [['authorization', 'Bearer sk-0123456789'], ['x-other', 'sentence']] as const

test('a credential is taken out wherever it stands, as often as it does', () => {
  assert.equal(masked('Bad key sk-0123456789 (sk-0123456789).', fields), 'Bad key [credential] ([credential]).')
})

test('what is left of it where a text was cut is taken out too', () => {
  assert.equal(masked('Bad key sk-01234567', fields), 'Bad key [credential]')
})

test('a few characters that are alike are no credential, and other fields are none', () => {
  assert.equal(masked('a sentence about sk-01', fields), 'a sentence about sk-01')
  assert.equal(masked('none is set', [['authorization', 'Bearer none']]), 'none is set')
})
