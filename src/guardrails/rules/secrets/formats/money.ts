import { ALNUM, BASE64, BASE64URL, HEX, charSet } from '../../chars.ts'
import { DASHED, DOTTED, LOWER_HEX, WORDY, plain, shaped } from '../format.ts'
import type { Format } from '../format.ts'

/** Payments, banking, trade and shipping. */
export const money: readonly Format[] = [
  plain('stripe_secret_key', ['sk_live_', 'rk_live_', 'sk_test_', 'rk_test_', 'sk_prod_', 'rk_prod_', 'sk_org_'], WORDY, 16, 247, 3),
  plain('stripe_webhook_secret', ['whsec_'], charSet('a-zA-Z0-9+/='), 32, 64),
  plain('shopify_token', ['shpat_', 'shpca_', 'shppa_', 'shpss_', 'shpua_', 'shprt_', 'atkn_'], HEX, 32, 64),
  plain('square_token', ['sq0atp-', 'sq0csp-', 'sq0acp-', 'EAAAE', 'EAAAl'], BASE64URL, 22, 64, 3.5),
  shaped('braintree_token', ['access_token$'], charSet('a-z0-9$_'), 80, /^access_token\$(?:production|sandbox)\$[a-z0-9]{13,16}\$[0-9a-f]{32}/),
  plain('paypal_token', ['A21AA'], BASE64URL, 70, 120, 4),
  shaped('plaid_token', ['access-production-', 'access-sandbox-', 'access-development-'], DASHED, 60, /^access-(?:production|sandbox|development)-[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}/),
  plain('razorpay_key', ['rzp_live_', 'rzp_test_'], ALNUM, 14, 14, 3),
  plain('flutterwave_key', ['FLWSECK-', 'FLWSECK_TEST-'], DASHED, 12, 48, 2.8),
  plain('paddle_key', ['pdl_live_apikey_', 'pdl_sdbx_apikey_', 'pdl_ntfset_', 'pdl_live_', 'pdl_sdbx_'], WORDY, 40, 90, 3.5),
  plain('mollie_key', ['live_', 'test_', 'access_'], ALNUM, 30, 48, 3.8, 0.9),
  plain('lob_key', ['live_', 'test_'], LOWER_HEX, 35),
  plain('gocardless_token', ['live_', 'sandbox_'], BASE64URL, 40, 40, 3.8),
  plain('adyen_key', ['AQE'], BASE64, 80, 240, 4),
  plain('mercadopago_token', ['APP_USR-', 'TEST-'], DASHED, 50, 90, 3),
  plain('xendit_key', ['xnd_production_', 'xnd_development_'], ALNUM, 30, 80, 3.5),
  plain('midtrans_key', ['Mid-server-', 'SB-Mid-server-'], BASE64URL, 20, 32, 3.5),
  plain('omise_key', ['skey_', 'skey_test_'], WORDY, 19, 40, 3),
  plain('checkout_key', ['sk_sbox_', 'sk_'], charSet('a-z0-9*#$='), 27, 32, 3.5, 0.9),
  plain('sumup_key', ['sup_sk_', 'cc_sk_'], ALNUM, 30, 60, 3.5),
  plain('polar_token', ['polar_oat_', 'polar_pat_', 'polar_whs_'], ALNUM, 36, 64, 3.5),
  plain('creem_key', ['creem_', 'creem_test_'], DOTTED, 20, 80, 3.5),
  plain('revolut_key', ['oa_prod_', 'oa_sand_'], BASE64URL, 40, 64, 3.5),
  plain('duffel_token', ['duffel_live_', 'duffel_test_'], BASE64URL, 43, 44),
  plain('easypost_key', ['EZAK', 'EZTK'], ALNUM, 54),
  plain('shippo_token', ['shippo_live_', 'shippo_test_'], HEX, 40),
  plain('sumsub_token', ['prd:', 'sbx:'], DOTTED, 40, 80, 3.8),
]
