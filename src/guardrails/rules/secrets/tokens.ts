import { ALNUM, BASE64, BASE64URL, HEX, charSet } from '../chars.ts'
import type { CharSet } from '../chars.ts'
import { crcTail } from '../checksums.ts'
import type { Matcher } from '../matcher.ts'
import { token } from '../token.ts'
import type { TokenShape } from '../token.ts'
import { random } from './plausible.ts'

const UPPER = charSet('A-Z0-9')
const LOWER = charSet('a-z0-9')
const LOWER_HEX = charSet('a-f0-9')
const DOTTED = charSet('a-zA-Z0-9._-')
const DOTTED_EQ = charSet('a-zA-Z0-9._=-')
const BECH = charSet('A-Z0-9')
const URLISH = charSet('a-zA-Z0-9/_.-')

interface Format extends TokenShape {
  readonly rule: string
  readonly score?: number
}

// Random text has digits or both cases; identifiers in code have neither.
function mixed(body: string): boolean {
  return /[0-9]/.test(body) || (/[a-z]/.test(body) && /[A-Z]/.test(body))
}

// `bits` tells a random token from a documentation example; hex has at most 4 bits a character, base 62 almost 6.
function plain(rule: string, prefixes: readonly string[], alphabet: CharSet, min: number, max = min, bits = 3, score = 0.95): Format {
  const longest = Math.max(...prefixes.map((prefix) => prefix.length))
  return { rule, prefixes, alphabet, min, max, score, check: (found) => mixed(found.slice(longest)) && random(found.slice(Math.min(longest, found.length - min)), bits) }
}

function shaped(rule: string, prefixes: readonly string[], alphabet: CharSet, max: number, shape: RegExp, bits = 3, score = 0.95): Format {
  return { rule, prefixes, alphabet, min: 1, max, shape, score, check: (found) => random(found, bits) }
}

const GITHUB = ['ghp_', 'gho_', 'ghu_', 'ghs_', 'ghr_']
const crc62 = (body: string): boolean => crcTail(body.slice(0, -6), body.slice(-6))

/**
 * Token formats by provider. Where a format carries a checksum there are two rules: with a right one the score is 0.99;
 * a wrong one is still reported (keys are often pasted with a typo), with less certainty.
 */
const formats: readonly Format[] = [
  { rule: 'github_token_checked', prefixes: GITHUB, alphabet: ALNUM, min: 36, max: 36, score: 0.99, check: (found) => crc62(found.slice(4)) },
  { rule: 'github_token', prefixes: GITHUB, alphabet: ALNUM, min: 36, max: 36, score: 0.9, check: (found) => !crc62(found.slice(4)) && random(found.slice(4), 3.5) },
  plain('github_fine_grained', ['github_pat_'], charSet('a-zA-Z0-9_'), 60, 100, 3.5),
  plain('gitlab_token', ['glpat-', 'gldt-', 'glrt-', 'glptt-', 'glft-', 'glcbt-', 'glimt-', 'glagent-', 'gloas-', 'glsoat-', 'glffct-'], DOTTED, 20, 100),
  plain('gitlab_runner', ['GR1348941'], BASE64URL, 20),
  { rule: 'npm_token_checked', prefixes: ['npm_'], alphabet: ALNUM, min: 36, max: 36, score: 0.99, check: (found) => crc62(found.slice(4)) },
  { rule: 'npm_token', prefixes: ['npm_'], alphabet: ALNUM, min: 36, max: 36, score: 0.9, check: (found) => !crc62(found.slice(4)) && random(found.slice(4), 3.5) },
  plain('pypi_token', ['pypi-AgEIcHlwaS5vcmc', 'pypi-AgENdGVzdC5weXBpLm9yZw'], BASE64URL, 50, 1000),
  plain('rubygems_token', ['rubygems_'], LOWER_HEX, 48),
  plain('crates_token', ['cio'], ALNUM, 32, 32, 4),
  plain('nuget_key', ['oy2'], LOWER, 43, 43, 3.5),
  plain('clojars_token', ['CLOJARS_'], ALNUM, 60),
  plain('docker_token', ['dckr_pat_', 'dckr_oat_'], BASE64URL, 27, 40),
  plain('aws_access_key_id', ['AKIA', 'ASIA', 'ABIA', 'ACCA'], UPPER, 16, 16, 2.5),
  plain('google_api_key', ['AIza'], BASE64URL, 35, 35, 3.5),
  plain('google_oauth_secret', ['GOCSPX-'], BASE64URL, 28),
  shaped('google_access_token', ['ya29.'], DOTTED, 1024, /^ya29\.[\w-]{30,}/),
  { ...plain('azure_client_secret', ['8Q~', '7Q~'], charSet('a-zA-Z0-9_~.-'), 31, 40, 3.5), inside: true },
  plain('alibaba_access_key', ['LTAI'], ALNUM, 12, 24, 3),
  plain('tencent_secret_id', ['AKID'], ALNUM, 32, 36, 3.5),
  plain('digitalocean_token', ['dop_v1_', 'doo_v1_', 'dor_v1_'], LOWER_HEX, 64),
  plain('heroku_key', ['HRKU-AA', 'HRKU-'], BASE64URL, 36, 70),
  plain('netlify_token', ['nfp_'], ALNUM, 36, 40),
  plain('flyio_token', ['fm2_', 'fo1_'], charSet('a-zA-Z0-9+/=_-'), 40, 1500),
  plain('databricks_token', ['dapi'], charSet('a-f0-9-'), 32, 34),
  plain('supabase_token', ['sbp_', 'sb_secret_'], charSet('a-zA-Z0-9_'), 30, 50),
  plain('planetscale_token', ['pscale_tkn_', 'pscale_pw_', 'pscale_oauth_'], DOTTED_EQ, 32, 64),
  plain('vault_token', ['hvs.', 'hvb.', 'hvr.'], BASE64URL, 24, 300),
  { ...plain('terraform_token', ['.atlasv1.'], DOTTED_EQ, 60, 70), inside: true },
  plain('pulumi_token', ['pul-'], LOWER_HEX, 40),
  plain('doppler_token', ['dp.pt.', 'dp.st.', 'dp.sa.', 'dp.ct.'], DOTTED, 40, 70),
  plain('onepassword_token', ['ops_eyJ'], charSet('a-zA-Z0-9+/=_-'), 200, 1500),
  plain('tailscale_key', ['tskey-auth-', 'tskey-api-', 'tskey-client-', 'tskey-'], BASE64URL, 20, 70),
  plain('cloudflare_ca_key', ['v1.0-'], charSet('a-f0-9-'), 171),
  plain('openshift_token', ['sha256~'], BASE64URL, 43),
  shaped('openai_key', ['sk-proj-', 'sk-svcacct-', 'sk-admin-', 'sk-None-'], BASE64URL, 250, /^sk-(?:proj|svcacct|admin|None)-[\w-]{36,}/, 3.5),
  shaped('openai_legacy_key', ['sk-'], ALNUM, 80, /^sk-[A-Za-z0-9]{20,}T3BlbkFJ[A-Za-z0-9]{20,}/, 3.5),
  plain('model_api_key', ['sk-'], ALNUM, 32, 64, 3),
  plain('anthropic_key', ['sk-ant-api03-', 'sk-ant-admin01-', 'sk-ant-oat01-', 'sk-ant-ort01-', 'sk-ant-sid01-', 'sk-ant-'], BASE64URL, 40, 130, 3.5),
  plain('openrouter_key', ['sk-or-v1-', 'sk-or-'], LOWER_HEX, 64),
  plain('litellm_key', ['sk-lf-', 'sk-litellm-'], BASE64URL, 20, 60),
  plain('huggingface_token', ['hf_', 'api_org_'], ALNUM, 34, 40, 3.5),
  plain('replicate_token', ['r8_'], ALNUM, 37, 40, 3.5),
  plain('groq_key', ['gsk_'], ALNUM, 48, 56, 3.5),
  plain('perplexity_key', ['pplx-'], ALNUM, 40, 56, 3.5),
  plain('xai_key', ['xai-'], ALNUM, 70, 90, 3.5),
  plain('cerebras_key', ['csk-'], LOWER, 40, 60),
  plain('nvidia_key', ['nvapi-'], BASE64URL, 60, 70, 3.5),
  plain('fireworks_key', ['fw_'], ALNUM, 22, 30, 3.5),
  plain('langsmith_key', ['lsv2_pt_', 'lsv2_sk_'], charSet('a-f0-9_'), 43),
  plain('tavily_key', ['tvly-'], BASE64URL, 24, 50, 3.5),
  plain('pinecone_key', ['pcsk_'], charSet('a-zA-Z0-9_'), 60, 76, 3.5),
  shaped('sendgrid_key', ['SG.'], DOTTED, 90, /^SG\.[\w-]{16,32}\.[\w-]{32,64}(?![\w-])/, 3.5),
  plain('mailgun_key', ['key-'], LOWER_HEX, 32, 32, 3, 0.85),
  plain('brevo_key', ['xkeysib-'], charSet('a-zA-Z0-9-'), 81),
  plain('resend_key', ['re_'], charSet('a-zA-Z0-9_'), 30, 40, 3.5),
  plain('mailersend_token', ['mlsn.'], LOWER_HEX, 64),
  plain('twilio_key', ['SK'], LOWER_HEX, 32, 32, 2.5, 0.9),
  shaped('slack_token', ['xoxb-', 'xoxp-', 'xoxa-', 'xoxr-', 'xoxs-', 'xoxc-', 'xoxd-', 'xoxe-', 'xoxe.', 'xapp-'], DOTTED, 300, /^(?:xox[a-z]|xapp)[.-][\w.-]{20,}/),
  shaped('slack_webhook', ['hooks.slack.com/services/', 'hooks.slack.com/workflows/', 'hooks.slack.com/triggers/'], URLISH, 160, /^hooks\.slack\.com\/(?:services|workflows|triggers)\/[A-Z0-9]{8,12}\/[A-Z0-9]{8,20}\/[\w/-]{20,}/, 3.5),
  shaped('discord_webhook', ['discord.com/api/webhooks/', 'discordapp.com/api/webhooks/'], URLISH, 160, /^discord(?:app)?\.com\/api\/webhooks\/\d{17,20}\/[\w-]{60,}/),
  shaped('teams_webhook', ['webhook.office.com/webhookb2/'], charSet('a-zA-Z0-9@/_.-'), 250, /^webhook\.office\.com\/webhookb2\/[\w@-]{36,}\/IncomingWebhook\/[0-9a-f]{32}\/[0-9a-f-]{36}/),
  { ...plain('telegram_bot_token', [':AA'], BASE64URL, 33, 33, 3.5), inside: true },
  plain('stripe_secret_key', ['sk_live_', 'rk_live_', 'sk_test_', 'rk_test_'], ALNUM, 16, 247, 3),
  plain('stripe_webhook_secret', ['whsec_'], charSet('a-zA-Z0-9+/='), 32, 64),
  plain('shopify_token', ['shpat_', 'shpca_', 'shppa_', 'shpss_'], HEX, 32),
  plain('square_token', ['sq0atp-', 'sq0csp-', 'EAAAE', 'EAAAl'], BASE64URL, 22, 64, 3.5),
  plain('razorpay_key', ['rzp_live_', 'rzp_test_'], ALNUM, 14, 14, 3),
  plain('flutterwave_key', ['FLWSECK-', 'FLWSECK_TEST-'], charSet('a-zA-Z0-9-'), 32, 48),
  plain('easypost_key', ['EZAK', 'EZTK'], ALNUM, 54),
  plain('linear_key', ['lin_api_', 'lin_oauth_'], ALNUM, 40, 64),
  plain('notion_token', ['ntn_', 'secret_'], ALNUM, 43, 50, 3.5),
  plain('figma_token', ['figd_'], BASE64URL, 38, 44, 3.5),
  shaped('airtable_token', ['pat'], charSet('a-zA-Z0-9.'), 84, /^pat[A-Za-z0-9]{14}\.[0-9a-f]{64}(?![A-Za-z0-9])/),
  plain('atlassian_token', ['ATATT3', 'ATCTT3', 'ATBB'], DOTTED_EQ, 24, 300, 3.5),
  plain('postman_key', ['PMAK-'], charSet('a-f0-9-'), 59),
  plain('contentful_token', ['CFPAT-'], BASE64URL, 43),
  plain('sentry_token', ['sntrys_', 'sntryu_'], charSet('a-zA-Z0-9+/=_-'), 60, 500),
  shaped('grafana_token', ['glsa_', 'glc_'], charSet('a-zA-Z0-9+/=_'), 300, /^gl(?:sa_[A-Za-z0-9]{32}_[0-9a-f]{8}|c_[A-Za-z0-9+/]{32,}={0,2})/),
  plain('newrelic_key', ['NRAK-', 'NRJS-', 'NRII-'], BASE64URL, 19, 40),
  shaped('dynatrace_token', ['dt0c01.', 'dt0s01.', 'dt0s16.'], charSet('a-zA-Z0-9.'), 110, /^dt0[a-z]\d\d\.[A-Z0-9]{8,24}\.[A-Z0-9]{64}/),
  plain('posthog_key', ['phx_'], ALNUM, 40, 60, 3.5),
  plain('launchdarkly_key', ['sdk-'], charSet('a-f0-9-'), 36, 36, 3, 0.9),
  plain('sourcegraph_token', ['sgp_'], charSet('a-zA-Z0-9_'), 40, 64),
  plain('prefect_key', ['pnu_', 'pnb_'], LOWER, 36),
  plain('age_secret_key', ['AGE-SECRET-KEY-1'], BECH, 58),
  plain('facebook_token', ['EAAC', 'EAAG', 'EAAB'], ALNUM, 80, 300, 3.5),
  shaped('mapbox_secret', ['sk.eyJ'], DOTTED, 200, /^sk\.eyJ[\w-]{30,}\.[\w-]{20,}/),
  plain('azure_storage_key', ['AccountKey=', 'SharedAccessKey='], BASE64, 44, 90, 3.5),
]

/** One matcher for each format. */
export const tokens: readonly Matcher[] = formats.map((format) =>
  token({ guardrail: 'secrets', rule: format.rule, category: 'api_key', score: format.score ?? 0.95 }, format),
)
