import assert from 'node:assert/strict'
import { test } from 'node:test'
import { refuse } from '../../../contract/verdict.ts'
import { fromPlain, toPlain } from '../../../formats/json.ts'
import { errorAnswer, errorFault } from './errors.ts'

const faults: readonly (readonly [string, number, unknown, string, number?])[] = [
  ['OpenAI: context', 400, { error: { message: "This model's maximum context length is 8192 tokens.", type: 'invalid_request_error', code: 'context_length_exceeded', param: 'messages' } }, 'context_length'],
  ['vLLM: context', 400, { object: 'error', message: 'This model\'s maximum context length is 4096 tokens. However, you requested 5000 tokens.', type: 'BadRequestError', code: 400 }, 'context_length'],
  ['newer vLLM: context', 400, { error: { message: 'The prompt is longer than the model can take: maximum context length is 10.', type: 'BadRequestError', param: null, code: 400 } }, 'context_length'],
  ['LM Studio: a bare sentence', 400, { error: 'Trying to keep the first 5000 tokens when context the overflows. However, the model is loaded with context length of only 4096 tokens' }, 'context_length'],
  ['OpenAI: content', 400, { error: { message: 'rejected', type: 'invalid_request_error', code: 'content_policy_violation' } }, 'content_policy'],
  ['Azure: content filter', 400, { error: { message: 'The response was filtered', code: 'content_filter', innererror: { code: 'ResponsibleAIPolicyViolation', content_filter_result: {} } } }, 'content_policy'],
  ['OpenRouter: moderation under 403', 403, { error: { code: 403, message: 'Your input was flagged', metadata: { reasons: ['x'] } } }, 'content_policy'],
  ['OpenAI: key', 401, { error: { message: 'Incorrect API key provided', type: 'invalid_request_error', code: 'invalid_api_key' } }, 'auth'],
  ['DeepSeek: balance', 402, { error: { message: 'Insufficient Balance', type: 'unknown_error', code: 'invalid_request_error' } }, 'auth'],
  ['OpenAI: quota', 429, { error: { message: 'You exceeded your current quota', type: 'insufficient_quota', code: 'insufficient_quota' } }, 'auth'],
  ['OpenAI: model', 404, { error: { message: 'The model `x` does not exist', type: 'invalid_request_error', code: 'model_not_found' } }, 'not_found'],
  ['Ollama: model', 404, { error: { message: 'model "x" not found, try pulling it first', type: 'api_error', code: null } }, 'not_found'],
  ['Mistral: model under 400', 400, { object: 'error', message: 'Invalid model: x. The model x does not exist', type: 'invalid_model', code: '1500' }, 'not_found'],
  ['OpenAI: rate with seconds', 429, { error: { message: 'Rate limit reached. Please try again in 1.2s. Visit …', type: 'tokens', code: 'rate_limit_exceeded' } }, 'rate', 1200],
  ['OpenAI: rate with milliseconds', 429, { error: { message: 'Please try again in 20ms.', code: 'rate_limit_exceeded' } }, 'rate', 20],
  ['Groq: rate with minutes', 429, { error: { message: 'Please try again in 7m12.5s.', code: 'rate_limit_exceeded' } }, 'rate', 432_500],
  ['Azure: rate in words', 429, { error: { code: '429', message: 'Please retry after 6 seconds.' } }, 'rate', 6000],
  ['rate without a wait', 429, { error: { message: 'slow down' } }, 'rate'],
  ['OpenAI: server', 500, { error: { message: 'The server had an error', type: 'server_error', code: null } }, 'server'],
  ['an HTML page', 502, undefined, 'server'],
  ['FastAPI: detail', 422, { detail: [{ loc: ['body', 'model'], msg: 'field required' }] }, 'invalid'],
  ['OpenAI: parameter', 400, { error: { message: "Unsupported parameter: 'max_tokens'", type: 'invalid_request_error', param: 'max_tokens', code: 'unsupported_parameter' } }, 'invalid'],
]

for (const [name, status, body, kind, wait] of faults) {
  test(`a provider's error: ${name}`, () => {
    const fault = errorFault(status, body === undefined ? undefined : fromPlain(body), '<html>bad gateway</html>')
    assert.deepEqual([fault.kind, fault.status, fault.retryAfterMs], [kind, status, wait])
    assert.ok(fault.message.length > 0)
  })
}

test('an error inside a stream has no status of its own', () => {
  assert.deepEqual(errorFault(200, fromPlain({ error: { message: 'Provider returned error', code: 503 } }), ''), { kind: 'server', status: 503, message: 'Provider returned error' })
  assert.equal(errorFault(200, fromPlain({ error: { message: 'x', code: 'context_length_exceeded' } }), '').status, 400)
})

test('a refusal has OpenAI\'s shape, our code and an id that finds the receipt', () => {
  const { status, body } = errorAnswer(refuse('unknown_field', { param: 'top_k', say: 'No top_k here.' }), 'id-1')
  assert.equal(status, 400)
  assert.deepEqual(toPlain(body), { error: { message: 'No top_k here. (id-1)', type: 'invalid_request_error', param: 'top_k', code: 'unknown_field' }, request_id: 'id-1' })
})

test('a provider\'s own refusal keeps its status and its words', () => {
  const { status, body } = errorAnswer(refuse('upstream_refused', { upstream: { status: 422, message: 'Bad temperature.' } }), 'id-1')
  assert.equal(status, 422)
  assert.match(JSON.stringify(toPlain(body)), /Provider: Bad temperature\./)
})
