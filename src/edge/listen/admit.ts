import type { IncomingMessage } from 'node:http'
import type { Fields } from '../../contract/arrival.ts'
import type { Code } from '../../contract/reasons.ts'
import { hostPort, normalHost } from '../../formats/hostnames.ts'

export interface AdmitSettings {
  readonly hosts: readonly string[]
  readonly origins: readonly string[]
  readonly headerCount: number
  /** HTTP/1.1 only: where a connection cannot be reset, HTTP/1.0 has no way to say that an answer broke off. */
  readonly strict: boolean
}

/** A head that may go on, or why not. */
export type Admitted =
  | { readonly fields: Fields; readonly announced: number | undefined; readonly empty: boolean }
  | { readonly code: Code; readonly detail: string }

/** Names of this machine, always served: a page on the web cannot make a browser send them for its own host. */
const OWN = ['localhost', '127.0.0.1', '::1']
/** Most spellings of Host that are remembered as good. */
const REMEMBERED = 256

/**
 * Builds the check of a head, beyond what the parser does: one Host that is served here (against DNS rebinding),
 * no foreign web page (Origin), origin-form targets, and framing that every reader understands the same way.
 * @throws {RangeError} for a host name in the settings that is malformed.
 */
export function admitter(settings: AdmitSettings): (request: IncomingMessage) => Admitted {
  const names = new Set<string>()
  for (const name of [...OWN, ...settings.hosts]) {
    const host = normalHost(name)
    if (host === undefined) throw new RangeError(`"${name}" is not a host name`)
    names.add(host.text)
  }
  const origins = new Set(settings.origins.map((origin) => origin.toLowerCase()))
  const good = new Set<string>()

  function served(header: string, local: string | undefined): boolean {
    if (good.has(header)) return true
    const host = hostPort(header)?.host
    if (host === undefined) return false
    if (!names.has(host.text)) return host.kind !== 'name' && local !== undefined && host.text === normalHost(plainAddress(local))?.text
    if (good.size < REMEMBERED) good.add(header)
    return true
  }

  return (request) => {
    const raw = request.rawHeaders
    if (raw.length > settings.headerCount * 2) return { code: 'headers_too_large', detail: `${raw.length / 2} fields` }
    if (request.httpVersion !== '1.1' && (settings.strict || request.httpVersion !== '1.0')) return { code: 'bad_request', detail: 'version' }
    if (!originForm(request.url ?? '')) return { code: 'bad_request', detail: 'target' }
    const fields: (readonly [string, string])[] = []
    let host: string | undefined
    let hosts = 0
    let origin: string | undefined
    let announced: number | undefined
    let coding: string | undefined
    for (let at = 0; at < raw.length; at += 2) {
      const name = raw[at] as string
      const value = raw[at + 1] as string
      fields.push([name, value])
      switch (name.length) {
        case 4:
          if (name.toLowerCase() !== 'host') break
          host = value
          hosts++
          break
        case 6:
          if (name.toLowerCase() === 'origin') origin = origin === undefined ? value : 'several'
          break
        case 14:
          if (name.toLowerCase() === 'content-length') announced = Number(value)
          break
        case 17:
          if (name.toLowerCase() === 'transfer-encoding') coding = value
          break
        default:
      }
    }
    if (host === undefined || hosts !== 1) return { code: 'bad_request', detail: `${hosts} host fields` }
    if (!served(host, request.socket.localAddress)) return { code: 'misdirected', detail: 'host' }
    if (origin !== undefined && !origins.has(origin.toLowerCase()) && !isOwn(origin, host)) return { code: 'origin_denied', detail: 'origin' }
    if (coding !== undefined && (coding.toLowerCase() !== 'chunked' || request.httpVersion === '1.0')) return { code: 'bad_request', detail: 'transfer-encoding' }
    return { fields, announced, empty: coding === undefined && (announced ?? 0) === 0 }
  }
}

/** A page of this very place: its Host is one that is served here, so no other page can claim it. */
function isOwn(origin: string, host: string): boolean {
  return origin === `http://${host}` || origin === `https://${host}`
}

/** Visible ASCII after a slash and no fragment; absolute form would carry a second, unchecked host. */
function originForm(target: string): boolean {
  if (target.charCodeAt(0) !== 47) return false
  for (let at = 1; at < target.length; at++) {
    const code = target.charCodeAt(at)
    if (code < 33 || code > 126 || code === 35) return false
  }
  return true
}

/** An IPv4 address as such, where a dual-stack socket shows it mapped into v6. */
export function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
}
