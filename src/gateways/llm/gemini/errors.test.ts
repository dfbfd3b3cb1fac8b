import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromPlain, toPlain } from '../../../formats/json.ts'
import type { Tree, TreeObject } from '../../../formats/tree.ts'
import { geminiGenerate as dialect } from './dialect.ts'

const tree = (plain: unknown): TreeObject => fromPlain(plain) as TreeObject
const plain = (value: Tree): Record<string, unknown> => toPlain(value) as Record<string, unknown>

test('provider errors are told apart', () => {
  const rows: [number, string, string, string][] = [
    [400, 'INVALID_ARGUMENT', 'The input token count (2000000) exceeds the maximum number of tokens allowed (1048576).', 'context_length'],
    [400, 'INVALID_ARGUMENT', 'API key not valid. Please pass a valid API key.', 'auth'],
    [400, 'FAILED_PRECONDITION', 'User location is not supported for the API use.', 'auth'],
    [400, 'INVALID_ARGUMENT', 'The content is blocked.', 'content_policy'],
    [400, 'INVALID_ARGUMENT', 'Unknown name "x"', 'invalid'],
    [403, 'PERMISSION_DENIED', 'no', 'auth'],
    [404, 'NOT_FOUND', 'models/x is not found', 'not_found'],
    [429, 'RESOURCE_EXHAUSTED', 'quota', 'rate'],
    [500, 'INTERNAL', 'oops', 'server'],
    [503, 'UNAVAILABLE', 'The model is overloaded.', 'server'],
  ]
  for (const [status, word, message, kind] of rows) {
    const fault = dialect.readError(status, tree({ error: { code: status, message, status: word } }), '')
    assert.deepEqual([fault.kind, fault.code, fault.message], [kind, word, message], message)
  }
  const limited = fromPlain([{ error: { code: 429, message: 'm', status: 'RESOURCE_EXHAUSTED', details: [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '34.5s' }] } }])
  assert.equal(dialect.readError(429, limited, '').retryAfterMs, 34_500)
})

test('a refusal is a google.rpc.Status with our code and the id', () => {
  const { status, body } = dialect.error({ refuse: 'budget_spent', retryAfterMs: 1500 }, 'id-1')
  assert.equal(status, 429)
  assert.deepEqual((plain(body)['error'] as Record<string, unknown>)['details'], [
    { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'BUDGET_SPENT', domain: 'sallyport', metadata: { code: 'budget_spent', requestId: 'id-1' } },
    { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '2s' },
  ])
  assert.deepEqual([(plain(body)['error'] as { code: number }).code, (plain(body)['error'] as { status: string }).status], [429, 'RESOURCE_EXHAUSTED'])
  assert.deepEqual(Object.keys(plain(dialect.streamError({ refuse: 'leak_in_answer' }, 'id').data as Tree)), ['error'])
})
