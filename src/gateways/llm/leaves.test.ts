import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Refused } from '../../contract/verdict.ts'
import { fromPlain, writeJson } from '../../formats/json.ts'
import { answeredArguments, argumentsOf, leafText, replaceLeaf } from './leaves.ts'
import { isForeign, sealOnWire, sealedFromWire, sign, signedBy } from './signature.ts'

const tree = fromPlain({ text: 'a', input: { card: 4111111111111111, list: ['x'] }, none: null })

test('the text of a leaf can be put back, whatever stands there', () => {
  assert.equal(replaceLeaf(tree, ['text'], 'a'), tree)
  assert.equal(writeJson(replaceLeaf(tree, ['text'], 'b')), '{"text":"b","input":{"card":4111111111111111,"list":["x"]},"none":null}')
  assert.equal(replaceLeaf(tree, ['input'], leafText(fromPlain({ card: 4111111111111111, list: ['x'] }))), tree)
  assert.equal(writeJson(replaceLeaf(tree, ['input'], '{"card":"[CARD]"}')), '{"text":"a","input":{"card":"[CARD]"},"none":null}')
  assert.equal(writeJson(replaceLeaf(tree, ['input', 'card'], '[CARD]')), '{"text":"a","input":{"card":"[CARD]","list":["x"]},"none":null}')
})

test('an edit that breaks JSON, or lands where nothing can be edited, is refused', () => {
  const refused = (path: (string | number)[], text: string): void => assert.throws(() => replaceLeaf(tree, path, text), (error) => error instanceof Refused && error.refusal.refuse === 'answer_refused')
  refused(['input'], '{"card":')
  refused(['input'], '[1]')
  refused(['input', 0], 'key')
  refused(['text', 0], 'inside base64')
  refused(['missing'], 'x')
  assert.throws(() => replaceLeaf(tree, ['input'], '', 'content_refused'), (error) => error instanceof Refused && error.refusal.refuse === 'content_refused')
})

test('arguments are an object or nothing', () => {
  assert.equal(argumentsOf('')?.size, 0)
  assert.equal(argumentsOf('{"a":1}')?.get('a'), 1)
  assert.equal(argumentsOf('[1]'), undefined)
  assert.throws(() => answeredArguments('{"a"'), Refused)
})

test('signatures know their maker, and keep knowing it', () => {
  const named = sign('gemini', 'c2ln')
  assert.equal(named, 'gemini:c2ln')
  assert.equal(sign('anthropic', named), named)
  assert.equal(signedBy('gemini', named), 'c2ln')
  assert.equal(signedBy('anthropic', named), undefined)
  assert.equal(signedBy('gemini', undefined), undefined)
  assert.deepEqual([isForeign('anthropic', named), isForeign('gemini', named), isForeign('gemini', 'c2ln')], [true, false, false])
  assert.equal(sealedFromWire(sealOnWire(named)), named)
  assert.equal(sealedFromWire(named), undefined)
})
