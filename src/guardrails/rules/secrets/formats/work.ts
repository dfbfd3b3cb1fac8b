import { ALNUM, BASE64URL, HEX, charSet } from '../../chars.ts'
import { DOTTED, DOTTED_EQ, LOWER_HEX, WORDY, plain, shaped } from '../format.ts'
import type { Format } from '../format.ts'

/** Offices, planning, content, maps, files and identity. */
export const work: readonly Format[] = [
  plain('linear_key', ['lin_api_', 'lin_oauth_', 'lin_wh_'], ALNUM, 40, 64),
  plain('notion_token', ['ntn_', 'secret_'], ALNUM, 43, 50, 3.5),
  plain('figma_token', ['figd_', 'figu_', 'figo_', 'figdr_'], BASE64URL, 38, 60, 3.5),
  shaped('airtable_token', ['pat'], charSet('a-zA-Z0-9.'), 84, /^pat[A-Za-z0-9]{14}\.[0-9a-f]{64}(?![A-Za-z0-9])/),
  plain('atlassian_token', ['ATATT3', 'ATCTT3', 'ATSTT3', 'ATBB', 'ATOA'], DOTTED_EQ, 24, 300, 3.5),
  shaped('clickup_token', ['pk_'], WORDY, 50, /^pk_\d{5,9}_[A-Z0-9]{32}/),
  shaped('asana_token', ['2/'], charSet('0-9a-f/:'), 100, /^2\/\d{13,18}\/\d{13,18}:[0-9a-f]{32}/),
  plain('trello_token', ['ATTA'], LOWER_HEX, 64, 80),
  plain('contentful_token', ['CFPAT-'], BASE64URL, 43),
  shaped('dropbox_token', ['sl.u.', 'sl.'], DOTTED_EQ, 1400, /^sl\.(?:u\.)?[\w-]{120,}/, 4),
  plain('typeform_token', ['tfp_'], DOTTED_EQ, 40, 70, 3.5),
  plain('cal_key', ['cal_live_', 'cal_'], LOWER_HEX, 32),
  plain('adobe_secret', ['p8e-', 's8e-'], BASE64URL, 32, 32, 3.5),
  shaped('salesforce_token', ['00D'], charSet('a-zA-Z0-9!._'), 140, /^00D[A-Za-z0-9]{12,15}![A-Za-z0-9._]{80,}/, 3.5),
  plain('salesforce_connected_app', ['3MVG9'], charSet('a-zA-Z0-9._'), 70, 110, 4, 0.85),
  plain('mapbox_secret', ['sk.eyJ'], DOTTED, 50, 200, 3.5),
  plain('frameio_token', ['fio-u-'], charSet('a-zA-Z0-9_=-'), 64),
  shaped('authress_key', ['sc_', 'ext_', 'scauth_', 'authress_'], charSet('a-zA-Z0-9.+/=_-'), 220, /^(?:sc|ext|scauth|authress)_[a-z0-9]{5,30}\.[a-z0-9]{4,6}\.acc[_-][a-z0-9-]{10,32}\.[A-Za-z0-9+/_=-]{30,120}/),
  plain('settlemint_token', ['sm_aat_', 'sm_pat_', 'sm_sat_'], ALNUM, 16, 40, 3),
  plain('intra42_secret', ['s-s4t2ud-', 's-s4t2af-'], LOWER_HEX, 64),
  plain('ubidots_token', ['BBFF-', 'BBUS-'], ALNUM, 30, 40, 3.5),
  plain('foursquare_key', ['fsq3'], charSet('a-zA-Z0-9+/='), 44, 48, 3.5),
  plain('retool_key', ['retool_'], WORDY, 28, 50, 3.5),
  plain('metabase_key', ['mb_'], charSet('a-zA-Z0-9+/='), 43, 46, 3.8),
  plain('growthbook_key', ['secret_user_', 'secret_admin_', 'secret_readonly_'], ALNUM, 32, 60, 3.5),
  shaped('descope_key', ['K2'], ALNUM, 120, /^K2[A-Za-z0-9]{60,}/, 4.5),
  plain('hex_secret', ['hxtp_', 'hxtw_'], HEX, 64, 128),
]
