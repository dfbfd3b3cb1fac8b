import { entropy } from '../checksums.ts'

const STAND_IN = /example|sample|placeholder|your[_-]?|change[_-]?me|redacted|dummy|x{4,}|\*{3,}|\.{3,}|0{8,}|98765432|abcdefgh|(.)\1{5,}|<[^>]*>|\$\{|\{\{|process\.env|environ|getenv|secrets\.|replace[_-]?(?:me|with)|insert[_-]|fixme|deadbeef|foobar|lorem|abc123|123abc|123456/i

// `a1b2c3d4`, `aBcD1234`, `1q2w3e4r`: typed along the alphabet or the keyboard.
const RUNS = 'abcdefghijklmnopqrstuvwxyz 0123456789 9876543210 qwertyuiop asdfghjkl zxcvbnm 1q2w3e4r5t6y'

function typed(value: string): boolean {
  const plain = value.toLowerCase().replace(/[^a-z0-9]/g, '')
  const letters = plain.replace(/[0-9]/g, '')
  const digits = plain.replace(/[a-z]/g, '')
  const run = (part: string): boolean => part.length < 3 || RUNS.includes(part)
  return plain.length > 0 && (RUNS.includes(plain) || (run(letters) && run(digits) && letters.length + digits.length >= 6 && letters.length >= 3 && digits.length >= 3))
}

const LEET: Readonly<Record<string, string>> = { 0: 'o', 1: 'i', 3: 'e', 4: 'a', 5: 's', 7: 't', $: 's', '@': 'a', '!': 'i' }
const MADE_UP = /^(?:(?:my|the|a|new|old|user|db|database|root|admin|administrator|test|testing|demo|super|very|strong|secure|some|any|temp|tmp|default|initial|dev|prod|local|api|app|auth|access|client|server|service|private|public|invalid|wrong|bad|correct|fake|real|good|plain|text|hashed|encrypted|current|confirm|mock|fixture|postgres|mysql|redis|mongo|rabbit|minio|grafana|jwt|session|bearer|refresh|signing|encryption|master|webhook|this|is|not|in|for|use|here|goes|put|set)*(?:password|passwort|passwd|passphrase|pass|pwd|secret|token|key|credentials?|welcome|qwerty|letmein|change|changeit|hunter|string|value|word|abc|abcd|hello|world|login|user|admin|root|test|demo|guest|monkey|dragon|iloveyou|none|null|undefined|true|false|auth|staple)*)+$/

/** True for what says itself that something else belongs there. */
export function placeholder(value: string): boolean {
  return STAND_IN.test(value)
}

/** True for what documentation and tests put where a secret would stand: placeholders, keyboard runs, `S3cr3tP4ss!`. */
export function standIn(value: string): boolean {
  if (STAND_IN.test(value) || typed(value)) return true
  if (value.length > 40) return false
  const spelled = value.toLowerCase().replace(/[0-9!?.#*&%^~+=:@$_-]+$/, '').replace(/[0134578$@!]/g, (char) => LEET[char] ?? char).replace(/[^a-z]/g, '')
  return spelled.length >= 3 && MADE_UP.test(spelled)
}

// Whoever writes a stand-in says so at its beginning.
const TELLING = 160

/** Random enough for a machine-made token: a stand-in repeats itself or spells a word. */
export function random(value: string, bits: number): boolean {
  return entropy(value) >= bits && !standIn(value.length > TELLING ? value.slice(0, TELLING) : value)
}

const PAIRS = new Set(
  'th he in er an re nd at on nt ha es st en ed to it ou ea hi is or ti as te et ng of al de se le sa si ar ve ra ld ur ro ri io ic ne me li ll co ch be ma ce om us ta la el ec di ho pe ss tr no rs ee so ge ac pa lo fo em ot un im ad po wo wa tt id ut ul mo ca ei ai do il ie ir ke ly na ni ol op ow pl pr sh sp su ty up ev ay ry ck am ab ag ap au bo br cl cr ct da dr ef ey fi fl fr gh gr if ig iv ki ks mi mp nc nk ns oc od og ok oo os ov ph pi rd rk rm rn rt ru sc sk sw tu ub uc ug um vi wh wi ye fe bu ex ba fa ob ia pe no ff uf je ey'.split(' '),
)

/** True where neighbouring letters go together as in words and names: two thirds of the pairs, in runs of four letters and more. */
export function wordlike(value: string): boolean {
  let pairs = 0
  let common = 0
  for (const [run] of value.toLowerCase().matchAll(/[a-z]{4,}/g)) {
    for (let i = 0; i + 1 < run.length; i++) {
      pairs++
      if (PAIRS.has(run.slice(i, i + 2))) common++
    }
  }
  return pairs >= 3 && common / pairs >= 0.65
}

const HASH = /^(?:(?:sha(?:1|224|256|384|512)|md5|blake2b|blake3)[:-])?[0-9a-f]{32,128}$/i
const INTEGRITY = /^sha(?:1|256|384|512)-/
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
const PUBLISHED = /^(?:pk|pub|publishable|public)[_.-]|^(?:0x[0-9a-f]{40}|AAAA[BCE]3NzaC1|ssh-|arn:|urn:|data:|projects\/|op:\/\/|enc[\[(:]|vault:|kms:)/i

/** True for digests and UUIDs: long and random, and secret only where their name says so. */
export function opaque(value: string): boolean {
  return HASH.test(value) || UUID.test(value)
}

/** True for what is meant to be seen: digests, UUIDs, integrity values, public keys, names of things kept elsewhere. */
export function publicValue(value: string): boolean {
  return opaque(value) || INTEGRITY.test(value) || PUBLISHED.test(value)
}

function kindsOf(value: string): number {
  return Number(/[a-z]/.test(value)) + Number(/[A-Z]/.test(value)) + Number(/[0-9]/.test(value)) + Number(/[^a-zA-Z0-9]/.test(value))
}

// Calls, addresses, references to variables, options, versions and hyphenated words.
const CODE = /^[\w.]+\(|:\/\/|^\$(?:\w+$|[{(])|^%.*%$|^[@#&][a-z_./-]+\d{0,2}$|^-{1,2}[a-z-]+$|^\w*::|^[A-Za-z_]+=|^[([{<]|^[a-z]+(?:-[a-z]+)+$|\w\[\w*\]|^![a-z]+$|^v?\d+(?:\.\d+){1,3}(?:[-+][\w.]+)?$/i
const MEMBER_OR_PATH = /^\w+(?:\.\w+)+$|^[/.]/

// `token-efficient-tools-2025-02-19`: words, dots and dashes, and no part that spells nothing.
function composed(value: string): boolean {
  if (!/^[a-z0-9]+(?:[._-][a-z0-9]+)+$/i.test(value) || !wordlike(value)) return false
  return !value.split(/[._-]/).some((part) => part.length >= 12 && /[0-9]/.test(part) && !wordlike(part))
}

/** Looks like a password that somebody or something made: several kinds of characters, or letters that spell nothing. */
export function strongPassword(value: string): boolean {
  if (value.length < 8 || value.length > 64 || !/[a-zA-Z]/.test(value) || CODE.test(value) || MEMBER_OR_PATH.test(value)) return false
  if (standIn(value) || publicValue(value)) return false
  // `Uint8Array`, `JsonWebKeyInput`: types.
  if (composed(value) || /^[A-Za-z][a-z]+(?:[A-Z][a-z]{2,})+$|^[A-Z][a-z]+\d{1,2}[A-Z][a-z]+$/.test(value)) return false
  const kinds = kindsOf(value)
  if (kinds >= 3) return entropy(value) >= 2.6 && !(wordlike(value) && !/[0-9]/.test(value)) && !(/^[a-z]+(?:[A-Z][a-z]+)+[0-9]{0,2}$|^[A-Z][a-zA-Z]*[-_][a-zA-Z_-]*[0-9]{0,2}$/.test(value) && wordlike(value))
  if (kinds < 2 || wordlike(value) || entropy(value) < 2.8) return false
  if (/[0-9]/.test(value)) return (value.match(/[0-9]/g)?.length ?? 0) >= 2 && !/^[a-z]{1,6}[_-]?[0-9]+$|^[0-9]+[a-z]{1,6}$|^v?[0-9.]+[-_+][a-z0-9.]+$/i.test(value)
  return value.length >= 10 && (value.match(/[a-z][A-Z]/g)?.length ?? 0) >= 2 && /^[a-zA-Z]+$/.test(value)
}

/** Looks like a token that a machine made. `named`: its name says that it is secret, so that even a digest counts. */
export function strongSecret(value: string, named: boolean): boolean {
  if (value.length < 16 || CODE.test(value)) return false
  if (named && opaque(value)) return !/^(?:sha\d|md5|blake)/i.test(value) && random(value, 2.6)
  if (publicValue(value) || !random(value, 3)) return false
  const digits = value.replace(/[^0-9]/g, '').length
  if (digits === 0) return value.length >= 20 && /[a-z]/.test(value) && /[A-Z]/.test(value.slice(1)) && entropy(value) >= 3.5 && !wordlike(value) && !/[.:/ ]/.test(value)
  if (digits === value.length || !/[a-zA-Z]/.test(value)) return false
  if (composed(value)) return false
  // A path, or the forty characters of an AWS secret.
  if (/^[/.]/.test(value) && (value.length !== 40 || wordlike(value))) return false
  return !(wordlike(value) && digits < 5) && entropy(value) >= 3.2
}
