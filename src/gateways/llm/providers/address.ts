import { isIPv4 } from 'node:net'

/**
 * True where a base URL's host is literally a loopback or private address (RFC 1918, RFC 6598, RFC 4193) or
 * `localhost`. A name that merely resolves to one is not: whoever controls that name would choose what is dialled.
 * Link-local addresses never count, because cloud metadata lives there.
 */
export function isPrivateLiteral(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '').toLowerCase()
  if (host === 'localhost' || host === '::1') return true
  if (/^f[cd][0-9a-f]{2}:/.test(host)) return true
  if (!isIPv4(host)) return false
  const [a = 0, b = 0] = host.split('.').map(Number)
  return a === 127 || a === 10 || (a === 192 && b === 168) || (a === 172 && b >= 16 && b < 32) || (a === 100 && b >= 64 && b < 128)
}
