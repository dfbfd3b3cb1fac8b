import { charSet, runEnd } from '../chars.ts'
import type { Found, Kind, Matcher } from '../matcher.ts'

const PROFILE: Kind = { guardrail: 'pii', rule: 'profile_url', category: 'url_with_id', score: 0.82 }
const HANDLE: Kind = { ...PROFILE, rule: 'handle_url', score: 0.6 }
const QUERY: Kind = { ...PROFILE, rule: 'url_identifier', score: 0.82 }
const PATH = charSet('a-zA-Z0-9_.%-')

/** Pages of persons, and addresses that carry an identifier of one. */
export const profiles: readonly Matcher[] = [
  {
    literals: ['linkedin.com/in/', 'facebook.com/profile.php?id=', 'orcid.org/', 'xing.com/profile/', 'vk.com/id', 'instagram.com/', 'twitter.com/', 't.me/', 'tiktok.com/@'],
    maxLength: 120,
    find(text, at, after, final): Found {
      const end = runEnd(text, after, PATH, 64)
      if (end === text.length && !final && end - after < 64) return { more: at }
      if (end - after < 4) return undefined
      const sure = /^(?:linkedin|facebook|orcid|xing|vk)/i.test(text.slice(at, after))
      return /^(?:p|explore|share|intent|hashtag|search|home|joinchat|addstickers)$/.test(text.slice(after, end)) ? undefined : { kind: sure ? PROFILE : HANDLE, start: at, end }
    },
  },
  {
    literals: ['?user_id=', '&user_id=', '?userid=', '&userid=', '?uid=', '&uid=', '?customer_id=', '&customer_id=', '?patient_id=', '&patient_id=', '?member_id=', '&member_id=', '?account_id=', '&account_id=', '?ssn=', '&ssn=', '?email=', '&email='],
    spanAfter: true,
    maxLength: 80,
    find(text, _at, after, final): Found {
      const end = runEnd(text, after, PATH, 64)
      if (end === text.length && !final && end - after < 64) return { more: after }
      const value = text.slice(after, end)
      return end - after >= 5 && /\d{3}|%40/.test(value) && !/^%7B/i.test(value) ? { kind: QUERY, start: after, end } : undefined
    },
  },
]
