import { charSet, runEnd } from '../chars.ts'
import type { Kind, Matcher } from '../matcher.ts'
import { standIn } from './plausible.ts'

const URL_PASSWORD: Kind = { guardrail: 'secrets', rule: 'url_password', category: 'password', score: 0.92 }

const AUTHORITY = charSet('a-zA-Z0-9!#$%&*+.:=?^_~-')
const COMMON = /^(?:pass(?:word|wd)?|pwd|secret|root|admin|user|postgres|mysql|redis|guest|test|token|pw|mongo|rabbit(?:mq)?|x-oauth-basic|foo|bar|baz|abc|xyz|p)$/i

// A stream keeps LOOK_BEHIND units: the scheme's end must be among them when the password begins.
const MAX_USER = 100

// Every scheme: postgres, mysql, mongodb+srv, redis, amqp, https, ftp, ldap, smtp, jdbc ...
const urlPassword: Matcher = {
  literals: ['://'],
  spanAfter: true,
  maxLength: 320,
  find(text, _at, after, final) {
    // The password may hold an `@` itself: the last one before the host counts.
    let end = runEnd(text, after, AUTHORITY, 300)
    const colon = text.indexOf(':', after)
    if (colon === -1 || colon >= end || colon - after > MAX_USER) return undefined
    while (text.charCodeAt(end) === 64 && end - after < 300) {
      const next = runEnd(text, end + 1, AUTHORITY, 300)
      if (text.charCodeAt(next) !== 64) break
      end = next
    }
    const whole = text.charCodeAt(end) === 64 ? runEnd(text, end + 1, AUTHORITY, 300) : end
    if (whole === text.length && !final && whole - after < 300) return { more: colon + 1 }
    if (text.charCodeAt(end) !== 64 || (colon === after && end - colon < 6)) return undefined
    const value = text.slice(colon + 1, end)
    if (value.length < 3 || COMMON.test(value) || standIn(value) || /^[$%]/.test(value)) return undefined
    return { kind: URL_PASSWORD, start: colon + 1, end }
  },
}

const THIN = charSet('a-zA-Z0-9_$#-')

// Oracle's own form: `jdbc:oracle:thin:user/password@host`.
const thin: Matcher = {
  literals: ['oracle:thin:'],
  spanAfter: true,
  maxLength: 100,
  find(text, _at, after, final) {
    const slash = runEnd(text, after, THIN, 40)
    if (text.charCodeAt(slash) !== 47) return undefined
    const end = runEnd(text, slash + 1, AUTHORITY, 64)
    if (end === text.length && !final) return { more: slash + 1 }
    const value = text.slice(slash + 1, end)
    return text.charCodeAt(end) === 64 && value.length >= 5 && !standIn(value) && !COMMON.test(value) ? { kind: URL_PASSWORD, start: slash + 1, end } : undefined
  },
}

export const urls: readonly Matcher[] = [urlPassword, thin]
