import { createHash, timingSafeEqual } from 'node:crypto'
import type { Arrival, Fields, Outlet } from '../../../contract/arrival.ts'
import type { Reading } from '../../../contract/exchange.ts'
import type { Delivery, Errand } from '../../../contract/gateway.ts'
import { reasonOf } from '../../../contract/reasons.ts'
import { refuse, type Refusal } from '../../../contract/verdict.ts'
import type { CameBack } from './away.ts'
import { START, type Consents } from './consent.ts'
import { saidPage } from './pages.ts'

/** What pages must know of this place: over https its cookies are bound to it. */
export interface Pages {
  readonly consents: Pick<Consents, 'ourselves'>
}

/** What a browser brings from an authorization server. */
export function cameBack(arrival: Arrival, path: string): CameBack | Refusal {
  if (arrival.verb !== 'GET') return refuse('method_not_allowed', { say: 'This path takes GET.' })
  const params = paramsOf(arrival.target.slice(path.length + 1))
  const state = params?.get('state') ?? ''
  if (params === undefined || state === '') return refuse('consent_failed', { detail: 'no state, or a parameter twice' })
  const [iss, code, error] = ['iss', 'code', 'error'].map((name) => params.get(name))
  return { state, ...(iss !== undefined && { iss }), ...(code !== undefined && { code }), ...(error !== undefined && { error: error.slice(0, 64) }) }
}

/** What errands share that answer people with pages, and dial nobody. */
export function pageErrand(arrival: Arrival, outlet: Outlet): Pick<Errand, 'gateway' | 'signal' | 'resolve' | 'refuse'> {
  return {
    gateway: 'mcp',
    signal: arrival.gone,
    resolve: () => [],
    refuse(refusal: Refusal, exchange) {
      const { status, say: usual } = reasonOf(refusal.refuse)
      if (outlet.committed) return { status, bytes: 0, complete: false }
      const written = say(outlet, status, pageFields(exchange.id), saidPage('This did not work', refusal.say ?? usual, `${refusal.refuse} · ${exchange.id}`))
      return { ...written, complete: refusal.refuse !== 'cancelled' }
    },
  }
}

export function consentReading(server: string, path: string, method: string, parameters: Readonly<Record<string, string>>): Reading {
  const route = `mcp:${server}`
  const reading: Reading = {
    action: 'mcp.consent',
    resource: { type: 'Endpoint', id: route, attributes: { path, method } },
    route,
    // A credential for one server's endpoint counts on that server's page.
    gateway: route,
    direction: 'outbound',
    effect: 'none',
    overlapsIntent: path === START && method === 'GET',
    stream: false,
    segments: [],
    effects: [],
    parameters,
    subordinates: [],
    estimate: { input: 0, choices: 1 },
    apply: () => reading,
    fingerprint: () => createHash('sha256').update(JSON.stringify([route, path, method, parameters])).digest('base64'),
  }
  return reading
}

/** Undefined where a name stands there twice: two readers could go by different ones. */
export function paramsOf(text: string): ReadonlyMap<string, string> | undefined {
  const found = new Map<string, string>()
  for (const [name, value] of new URLSearchParams(text)) {
    if (found.has(name)) return undefined
    found.set(name, value)
  }
  return found
}

/** `__Host-` ties a cookie to this very host and to https. Plain http is for this machine alone, where it cannot be had. */
function cookieName({ consents }: Pages, use: string, of: string): string {
  const name = `sallyport-${use}-${createHash('sha256').update(of).digest('base64url').slice(0, 16)}`
  return consents.ourselves()?.description === undefined ? name : `__Host-${name}`
}

export function cookieText(desk: Pages, use: string, of: string, value: string | undefined): string {
  const name = cookieName(desk, use, of)
  return `${name}=${value ?? ''}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${value === undefined ? 0 : 600}${name.startsWith('__Host-') ? '; Secure' : ''}`
}

/** Undefined where it stands there twice. */
export function cookieIn(desk: Pages, fields: Fields, use: string, of: string): string | undefined {
  const start = `${cookieName(desk, use, of)}=`
  const found = fields.flatMap(([name, value]) => (/^cookie$/i.test(name) ? value.split(';').map((one) => one.trim()).filter((one) => one.startsWith(start)) : []))
  return found.length === 1 ? found[0]?.slice(start.length) : undefined
}

export function same(one: string, other: string): boolean {
  const [a, b] = [one, other].map((text) => createHash('sha256').update(text).digest()) as [Buffer, Buffer]
  return timingSafeEqual(a, b)
}

/** `next` are where the form's answer leads: browsers hold redirects against what forms may do. */
export function pageFields(id: string, next: readonly string[] = []): [string, string][] {
  return [
    ['x-sallyport-id', id],
    ['content-type', 'text/html; charset=utf-8'],
    ['cache-control', 'no-store'],
    ['content-security-policy', `default-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action ${next.length === 0 ? "'none'" : `'self' https: ${next.join(' ')}`}`],
    ['x-frame-options', 'DENY'],
    ['x-content-type-options', 'nosniff'],
    // Strangers are not told the link; our own form must say where it comes from.
    ['referrer-policy', 'same-origin'],
    ['cross-origin-opener-policy', 'same-origin'],
  ]
}

export function say(outlet: Outlet, status: number, fields: Fields, text: string): Delivery {
  outlet.head(status, fields)
  outlet.end(text)
  return { status, bytes: text.length, complete: true }
}
