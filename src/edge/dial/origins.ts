import { lookup as systemLookup } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import { DialError } from '../../contract/dial.ts'
import { type AddressClass, addressClass, normalHost } from '../../formats/hostnames.ts'

/** One place that may be dialled. */
export interface OriginRule {
  /** `https://host[:port]` or `http://…`, without a path. */
  readonly origin: string
  /** Lets a *name* resolve to private and shared (CGNAT) addresses too. Loopback needs a loopback URL. */
  readonly allowPrivate?: boolean
  /** PEM certificates that are trusted instead of the system's. */
  readonly ca?: string | readonly string[]
}

export interface Address {
  readonly address: string
  readonly family: number
}

/** Resolves a name to all its addresses. */
export type Resolve = (name: string, done: (error: Error | null, addresses: readonly Address[]) => void) => void

/** An origin in its normal form, and the classes of addresses that its host may have. */
export interface Place {
  readonly origin: string
  readonly secure: boolean
  readonly may: ReadonlySet<AddressClass>
  readonly ca?: string | readonly string[]
}

/** Never dialled, whatever the configuration says: nothing that serves models lives there. */
const NEVER: ReadonlySet<AddressClass> = new Set<AddressClass>(['metadata', 'multicast', 'reserved'])

/**
 * Settles one rule. An address literal may be reached as what it is; `localhost` must stay on this machine; any
 * other name must resolve to public addresses unless private ones are allowed.
 * @throws {RangeError} for what is no origin or names an address that nobody should dial.
 */
export function settleOrigin(rule: OriginRule): Place {
  const url = URL.parse(rule.origin)
  if (url === null || !/^https?:$/.test(url.protocol) || url.pathname !== '/' || url.search + url.hash + url.username + url.password !== '')
    throw new RangeError('an origin is http(s)://host[:port] and nothing else')
  const host = normalHost(url.hostname)
  if (host === undefined) throw new RangeError('the host of an origin is malformed')
  const may = new Set<AddressClass>()
  if (host.kind !== 'name') may.add(addressClass(host.text))
  else if (host.text === 'localhost' || host.text.endsWith('.localhost')) may.add('loopback')
  else {
    may.add('public')
    if (rule.allowPrivate === true) may.add('private').add('cgnat')
  }
  for (const is of may) if (NEVER.has(is)) throw new RangeError(`a ${is} address cannot be dialled`)
  const place = { origin: url.origin, secure: url.protocol === 'https:', may }
  return rule.ca === undefined ? place : { ...place, ca: rule.ca }
}

/** The system's resolver (hosts file included). */
export const systemResolve: Resolve = (name, done) => {
  systemLookup(name, { all: true }, done)
}

/**
 * A lookup that runs at connect time and looks at what the name really resolved to, so that a name which pointed
 * elsewhere a moment ago (DNS rebinding) gains nothing. One bad address among good ones condemns all.
 */
export function guardedLookup(place: Place, resolve: Resolve): LookupFunction {
  return (name, options, done) => {
    resolve(name, (error, addresses) => {
      if (error !== null) {
        done(error, '', 0)
        return
      }
      for (const { address } of addresses) {
        const is = isIP(address) === 0 ? 'reserved' : addressClass(address)
        if (!place.may.has(is)) {
          done(new DialError('forbidden', `the host resolved to a ${is} address`), '', 0)
          return
        }
      }
      const [first] = addresses
      if (first === undefined) done(new DialError('connect', 'the host has no address'), '', 0)
      else if (options.all === true) done(null, addresses.slice())
      else done(null, first.address, first.family)
    })
  }
}
