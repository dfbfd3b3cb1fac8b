import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { test } from 'node:test'
import fc from 'fast-check'
import { guardrails } from '../list.ts'
import { viewOf } from '../normalise/view.ts'
import { base58Check, bech32, crcTail, luhn, mod11_10, mod97, verhoeff } from './checksums.ts'
import { scanner } from './scanner.ts'

const all = scanner('all', guardrails.flatMap(({ matchers }) => matchers ?? []))
const secrets = scanner('secrets', guardrails.find(({ id }) => id === 'secrets')?.matchers ?? [])

test('checksums agree with published examples', () => {
  assert.ok(luhn('79927398713') && !luhn('79927398710') && !luhn(''))
  assert.equal(mod97('3214282912345698765432161182'), 1)
  assert.ok(mod11_10('86095742719') && !mod11_10('86095742718'))
  assert.ok(verhoeff('2363') && !verhoeff('2364'))
  assert.ok(base58Check('1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa') && !base58Check('1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb'))
  assert.ok(bech32('bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq') && !bech32('bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdp'))
})

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const some = (alphabet: string, length: number): string => Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('')
const HEX = '0123456789abcdef'
const URL64 = `${BASE62}-_`

function withTail(prefix: string): string {
  const body = some(BASE62, 30)
  let value = crc32(body)
  let tail = ''
  for (let i = 0; i < 6; i++) {
    tail = (BASE62[value % 62] as string) + tail
    value = Math.floor(value / 62)
  }
  return prefix + body + tail
}

test('a GitHub token with a right checksum is surer than one with a wrong one', () => {
  const right = withTail('ghp_')
  assert.ok(crcTail(right.slice(4, -6), right.slice(-6)))
  assert.equal(secrets.scan(right, true).spans[0]?.kind.rule, 'github_token_checked')
  const wrong = right.slice(0, -1) + (right.endsWith('a') ? 'b' : 'a')
  assert.equal(secrets.scan(wrong, true).spans[0]?.kind.rule, 'github_token')
})

const made: readonly (readonly [string, () => string])[] = [
  ['gitlab_token', () => `glpat-${some(BASE62, 20)}`], ['npm_token_checked', () => withTail('npm_')], ['pypi_token', () => `pypi-AgEIcHlwaS5vcmc${some(URL64, 80)}`],
  ['rubygems_token', () => `rubygems_${some(HEX, 48)}`], ['docker_token', () => `dckr_pat_${some(URL64, 27)}`], ['aws_access_key_id', () => `AKIA${some('ABCDEFGHIJKLMNOPQRSTUVWXYZ234567', 16)}`],
  ['google_api_key', () => `AIza${some(BASE62, 35)}`], ['google_oauth_secret', () => `GOCSPX-${some(BASE62, 28)}`], ['google_access_token', () => `ya29.${some(BASE62, 80)}`],
  ['digitalocean_token', () => `dop_v1_${some(HEX, 64)}`], ['databricks_token', () => `dapi${some(HEX, 32)}`], ['supabase_token', () => `sbp_${some(HEX, 40)}`],
  ['vault_token', () => `hvs.${some(BASE62, 40)}`], ['pulumi_token', () => `pul-${some(HEX, 40)}`], ['doppler_token', () => `dp.pt.${some(BASE62, 43)}`],
  ['tailscale_key', () => `tskey-auth-${some(BASE62, 16)}-${some(BASE62, 32)}`], ['openai_key', () => `sk-proj-${some(BASE62, 74)}T3BlbkFJ${some(BASE62, 74)}`],
  ['openai_legacy_key', () => `sk-${some(BASE62, 20)}T3BlbkFJ${some(BASE62, 20)}`], ['anthropic_key', () => `sk-ant-api03-${some(BASE62, 93)}AA`], ['openrouter_key', () => `sk-or-v1-${some(HEX, 64)}`],
  ['huggingface_token', () => `hf_${some(BASE62, 34)}`], ['replicate_token', () => `r8_${some(BASE62, 37)}`], ['groq_key', () => `gsk_${some(BASE62, 52)}`], ['perplexity_key', () => `pplx-${some(BASE62, 48)}`],
  ['xai_key', () => `xai-${some(BASE62, 80)}`], ['nvidia_key', () => `nvapi-${some(BASE62, 64)}`], ['langsmith_key', () => `lsv2_pt_${some(HEX, 32)}_${some(HEX, 10)}`], ['pinecone_key', () => `pcsk_${some(BASE62, 6)}_${some(BASE62, 63)}`],
  ['sendgrid_key', () => `SG.${some(BASE62, 22)}.${some(BASE62, 43)}`], ['brevo_key', () => `xkeysib-${some(HEX, 64)}-${some(BASE62, 16)}`], ['twilio_key', () => `SK${some(HEX, 32)}`],
  ['slack_token', () => `xoxb-${some('0123456789', 12)}-${some('0123456789', 13)}-${some(BASE62, 24)}`], ['stripe_secret_key', () => `sk_live_${some(BASE62, 24)}`], ['stripe_webhook_secret', () => `whsec_${some(BASE62, 32)}`],
  ['shopify_token', () => `shpat_${some(HEX, 32)}`], ['square_token', () => `sq0atp-${some(BASE62, 22)}`], ['linear_key', () => `lin_api_${some(BASE62, 40)}`], ['notion_token', () => `ntn_${some(BASE62, 46)}`],
  ['figma_token', () => `figd_${some(BASE62, 40)}`], ['airtable_token', () => `pat${some(BASE62, 14)}.${some(HEX, 64)}`], ['atlassian_token', () => `ATATT3${some(BASE62, 180)}`], ['postman_key', () => `PMAK-${some(HEX, 24)}-${some(HEX, 34)}`],
  ['grafana_token', () => `glsa_${some(BASE62, 32)}_${some(HEX, 8)}`], ['newrelic_key', () => `NRAK-${some('ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789', 27)}`], ['dynatrace_token', () => `dt0c01.${some('ABCDEFGHIJKLMNOPQRSTUVWXYZ234567', 24)}.${some('ABCDEFGHIJKLMNOPQRSTUVWXYZ234567', 64)}`],
  ['sentry_token', () => `sntryu_${some(HEX, 64)}`], ['telegram_bot_token', () => `123456789:AA${some(BASE62, 33)}`], ['contentful_token', () => `CFPAT-${some(BASE62, 43)}`],
]

test('every format is recognised wherever it stands', () => {
  for (const [rule, make] of made) {
    // A random token may by chance look like a stand-in: of twenty, nearly all must be found.
    let hits = 0
    for (let i = 0; i < 20; i++) {
      const around = ['x = "', '(', ' ', '\n', '=', '\\n'][i % 6] as string
      if (secrets.scan(`see${around}${make()}" ok`, true).spans.some(({ kind }) => kind.rule === rule)) hits++
    }
    assert.ok(hits >= 17, `${rule}: ${hits} of 20`)
  }
})

test('digests, ids and base64 are no secrets', () => {
  for (let i = 0; i < 200; i++) {
    for (const text of [some(HEX, 32), some(HEX, 40), some(HEX, 64), `${some(HEX, 8)}-${some(HEX, 4)}-${some(HEX, 4)}-${some(HEX, 4)}-${some(HEX, 12)}`, `sha256:${some(HEX, 64)}`, `data:image/png;base64,${some(`${BASE62}+/`, 200)}`]) {
      assert.deepEqual(secrets.scan(`value ${text} here`, true).spans, [], text)
    }
  }
})

test('random card numbers and IBANs with a wrong check digit pass', () => {
  for (let i = 0; i < 200; i++) {
    const body = `4${some('0123456789', 14)}`
    const check = [...'0123456789'].find((digit) => luhn(body + digit)) as string
    const wrong = String((Number(check) + 1 + (i % 9)) % 10)
    assert.ok(all.scan(`pay ${body}${check}.`, true).spans.some(({ kind }) => kind.category === 'card'))
    assert.ok(wrong === check || !all.scan(`pay ${body}${wrong}.`, true).spans.some(({ kind }) => kind.category === 'card'))
  }
})

test('whatever the text, spans lie inside it and folding maps back', () => {
  const unit = fc.oneof(fc.string({ unit: 'binary', maxLength: 12 }), fc.constantFrom('ignore all previous instructions', 'ghp_', '@', '4111111111111111', '\u200b', '\u{e0041}', '\ud800', '\udc00', 'а', 'é', 'ﷺ', '\u0301', '\ufffe', '\uffff', '𝐈', '٣'))
  fc.assert(
    fc.property(fc.array(unit, { maxLength: 12 }), (pieces) => {
      const text = pieces.join('')
      for (const final of [true, false]) {
        const { spans, safe } = all.scan(text, final)
        assert.ok(safe >= 0 && safe <= text.length)
        for (const { start, end } of spans) assert.ok(start >= 0 && start < end && end <= text.length)
      }
      const view = viewOf(text)
      if (view === undefined) return
      for (let i = 0, last = 0; i < view.text.length; i++) {
        assert.ok(view.from(i) >= last && view.from(i) < view.to(i + 1) && view.to(i + 1) <= text.length)
        last = view.from(i)
      }
    }),
    { numRuns: 3000 },
  )
})

test('texts made to be slow are only texts', () => {
  const size = 200_000
  for (const piece of ['a', ' ', '1', '4111 ', 'a@', 'a:', 'ignore ', 'password=', '-----BEGIN PRIVATE KEY-----', 'eyJaaaaaaaaaaa.eyJaaaaa.', 'http://a:b@', '\u200b', '\u200b\u200c', '\u{e0041}', 'а', 'DE89 ', '忽略', '\ufe0f', 'ﷺ', 'you are now ']) {
    const text = piece.repeat(size / piece.length)
    const { spans } = all.scan(text, true)
    for (const { end } of spans) assert.ok(end <= text.length)
  }
})
