import { ALNUM, BASE64URL, charSet } from '../../chars.ts'
import { ANY64, HEX_DASH, LOWER, WORDY, plain, shaped } from '../format.ts'
import type { Format } from '../format.ts'

/** Monitoring, analytics, feature flags and security services. */
export const watch: readonly Format[] = [
  plain('sentry_token', ['sntrys_', 'sntryu_', 'sntrya_', 'sntryi_'], ANY64, 60, 500),
  shaped('grafana_token', ['glsa_', 'glc_'], charSet('a-zA-Z0-9+/=_'), 420, /^gl(?:sa_[A-Za-z0-9]{32}_[0-9a-fA-F]{8}|c_[A-Za-z0-9+/]{32,}={0,2})/),
  plain('grafana_legacy_key', ['eyJrIjoi'], ANY64, 60, 420, 3.5),
  plain('newrelic_key', ['NRAK-', 'NRJS-', 'NRII-', 'NRAA-', 'NRSP-', 'NRRA-', 'NRIQ-'], BASE64URL, 19, 48),
  shaped('dynatrace_token', ['dt0c01.', 'dt0s01.', 'dt0s02.', 'dt0s03.', 'dt0s16.', 'dt0e01.'], charSet('a-zA-Z0-9.-'), 110, /^dt0[a-z]\d\d\.[A-Z0-9-]{8,24}\.[A-Z0-9]{64}/),
  plain('posthog_key', ['phx_', 'phs_', 'pha_', 'phr_'], ALNUM, 40, 60, 3.5),
  plain('launchdarkly_key', ['sdk-', 'api-', 'rel-'], HEX_DASH, 36, 36, 3, 0.9),
  plain('honeycomb_key', ['hcaik_', 'hcaic_', 'hcxik_', 'hcxlk_', 'hcalk_', 'hcamk_'], ALNUM, 40, 70, 3.2),
  plain('honeybadger_token', ['hbp_'], ALNUM, 36, 36, 3.5),
  plain('axiom_token', ['xaat-', 'xapt-', 'xait-'], HEX_DASH, 36),
  plain('statsig_secret', ['secret-'], ALNUM, 40, 50, 3.8),
  plain('devcycle_key', ['dvc_server_', 'dvc_mobile_'], WORDY, 30, 60, 3.5),
  plain('configcat_key', ['configcat-sdk-1/'], charSet('a-zA-Z0-9_/-'), 45, 45, 3.5),
  plain('flagsmith_key', ['ser.'], ALNUM, 22, 24, 3.7),
  plain('gitguardian_token', ['ggtt-v1-', 'ggtt-'], ALNUM, 40, 80, 3.5),
  plain('censys_key', ['censys_'], WORDY, 28, 44, 3.5),
  shaped('stytch_secret', ['secret-live-', 'secret-test-'], ANY64, 60, /^secret-(?:live|test)-[\w-]{32,}=?/, 3.5),
  plain('arcjet_key', ['ajkey_'], LOWER, 24, 32, 3),
  shaped('zuplo_key', ['zpka_', 'zpat_'], WORDY, 80, /^zp(?:ka|at)_[0-9a-f]{32}_[0-9a-f]{8}/),
  plain('workos_key', ['sk_test_a2V5', 'sk_live_a2V5'], BASE64URL, 30, 160, 3.5),
]
