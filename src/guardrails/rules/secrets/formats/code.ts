import { ALNUM, BASE64URL, charSet } from '../../chars.ts'
import { crcTail } from '../../checksums.ts'
import { ANY64, DOTTED, LOWER, LOWER_HEX, UPPER, WORDY, behind, plain, shaped } from '../format.ts'
import type { Format } from '../format.ts'
import { random } from '../plausible.ts'

const GITHUB = ['ghp_', 'gho_', 'ghu_', 'ghs_', 'ghr_']
const crc62 = (body: string): boolean => crcTail(body.slice(0, -6), body.slice(-6))

/**
 * Code hosts, builds and package registries. Where a format carries a checksum there are two rules: with a right one
 * the score is 0.99; a wrong one is still reported (keys are often pasted with a typo), with less certainty.
 */
export const code: readonly Format[] = [
  { rule: 'github_token_checked', prefixes: GITHUB, alphabet: ALNUM, min: 36, max: 36, score: 0.99, check: (found) => crc62(found.slice(4)) },
  { rule: 'github_token', prefixes: GITHUB, alphabet: ALNUM, min: 36, max: 36, score: 0.9, check: (found) => !crc62(found.slice(4)) && random(found.slice(4), 3.5) },
  plain('github_fine_grained', ['github_pat_'], WORDY, 60, 100, 3.5),
  plain('gitlab_token', ['glpat-', 'gldt-', 'glrt-', 'glptt-', 'glft-', 'glcbt-', 'glimt-', 'glagent-', 'gloas-', 'glsoat-', 'glffct-', 'glrtr-', 'glwt-'], DOTTED, 20, 320),
  plain('gitlab_runner', ['GR1348941'], BASE64URL, 20),
  behind(plain('gitlab_session', ['_gitlab_session='], LOWER, 32)),
  { rule: 'npm_token_checked', prefixes: ['npm_'], alphabet: ALNUM, min: 36, max: 36, score: 0.99, check: (found) => crc62(found.slice(4)) },
  { rule: 'npm_token', prefixes: ['npm_'], alphabet: ALNUM, min: 36, max: 36, score: 0.9, check: (found) => !crc62(found.slice(4)) && random(found.slice(4), 3.5) },
  plain('pypi_token', ['pypi-AgEIcHlwaS5vcmc', 'pypi-AgENdGVzdC5weXBpLm9yZw', 'pypi-'], BASE64URL, 50, 1000),
  plain('rubygems_token', ['rubygems_'], LOWER_HEX, 48),
  plain('crates_token', ['cio'], ALNUM, 32, 32, 4),
  plain('nuget_key', ['oy2'], LOWER, 43, 43, 3.5),
  plain('clojars_token', ['CLOJARS_'], ALNUM, 60),
  plain('docker_token', ['dckr_pat_', 'dckr_oat_'], BASE64URL, 27, 40),
  plain('artifactory_key', ['AKCp'], ALNUM, 60, 76, 4),
  plain('artifactory_reference', ['cmVmd'], ALNUM, 59, 59, 4),
  plain('jsr_token', ['jsrp_', 'jsrd_'], ALNUM, 28, 64, 3.5),
  plain('deno_token', ['ddp_', 'ddo_'], ALNUM, 36, 36, 3.5),
  plain('buildkite_token', ['bkua_', 'bkat_', 'bkct_', 'bkpi_', 'bkaj_'], ALNUM, 36, 64),
  shaped('circleci_token', ['CCIPAT_', 'CCIPRJ_'], WORDY, 90, /^CCIP(?:AT|RJ)_[A-Za-z0-9]{20,24}_[0-9a-f]{40}/),
  shaped('harness_token', ['pat.', 'sat.'], DOTTED, 90, /^[ps]at\.[\w-]{22}\.[0-9a-zA-Z]{24}\.[a-zA-Z0-9]{20}(?![\w-])/, 3.5),
  plain('octopus_key', ['API-'], UPPER, 25, 32, 3.5),
  plain('sonar_token', ['squ_', 'sqp_', 'sqa_'], LOWER_HEX, 40),
  plain('infracost_key', ['ico-'], ALNUM, 32, 32, 3.5),
  plain('readme_key', ['rdme_'], LOWER, 70, 72, 3.5),
  plain('apify_token', ['apify_api_', 'apify_proxy_'], ALNUM, 34, 44, 3.5),
  plain('codeclimate_token', ['qltp_', 'qltcp_'], ALNUM, 40, 70, 3.5),
  plain('trigger_key', ['tr_dev_', 'tr_prod_', 'tr_stg_', 'tr_pat_'], ALNUM, 20, 48, 3.5),
  plain('inngest_key', ['signkey-prod-', 'signkey-test-', 'signkey-branch-'], LOWER_HEX, 32, 64),
  plain('vercel_token', ['vcp_', 'vci_', 'vca_', 'vcr_', 'vck_'], ALNUM, 24, 72, 3.5),
  plain('vercel_blob_token', ['vercel_blob_rw_'], WORDY, 30, 70, 3.5),
  plain('depot_token', ['depot_org_', 'depot_project_', 'depot_user_'], ALNUM, 40, 80),
  plain('chromatic_token', ['chpt_'], ALNUM, 12, 24, 3),
  plain('snyk_token', ['snyk_uat.', 'snyk_sat.'], DOTTED, 40, 200, 3.5),
  shaped('postman_key', ['PMAK-'], charSet('a-f0-9-'), 60, /^PMAK-[a-f0-9]{24}-[a-f0-9]{34}/),
  plain('sourcegraph_token', ['sgp_', 'sgd_', 'slk_'], WORDY, 40, 80),
  plain('supply_chain_token', ['sktsec_', 'endr+'], ANY64, 30, 100, 3.5),
  plain('unkey_root_key', ['unkey_'], ALNUM, 20, 48, 3.5),
]
