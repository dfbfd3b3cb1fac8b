import { networkInterfaces } from 'node:os'
import type { Listen } from './edge/settings.ts'
import { addressClass, normalHost } from './formats/hostnames.ts'

type Listeners = Pick<Listen, 'data' | 'admin' | 'secure'>

/**
 * Law 12: Sallyport's own listeners are not reachable through its gateways. True for a URL that leads to one of them,
 * however its address is written; `addresses` are those that this machine has.
 */
export function hairpin(listen: Listeners, addresses: readonly string[] = ownAddresses()): (url: string) => boolean {
  const listeners = [listen.data, listen.admin, ...(listen.secure === undefined ? [] : [listen.secure])]
  return (text) => {
    const url = new URL(text)
    const port = Number(url.port || (url.protocol === 'http:' ? 80 : 443))
    const host = normalHost(url.hostname)?.text ?? url.hostname
    return listeners.some((one) => one.port === port && leadsTo(host, normalHost(one.host)?.text ?? one.host, addresses))
  }
}

function leadsTo(host: string, listening: string, addresses: readonly string[]): boolean {
  if (host === listening || host === 'localhost' || host.endsWith('.localhost') || UNSPECIFIED.has(host)) return true
  // Some other loopback address leads to the same port only by somebody's own doing: which one cannot be told from here.
  if (addressClass(host) === 'loopback') return true
  return UNSPECIFIED.has(listening) && addresses.includes(host)
}

const UNSPECIFIED: ReadonlySet<string> = new Set(['0.0.0.0', '::'])

function ownAddresses(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((some) => (some ?? []).map(({ address }) => normalHost(address)?.text ?? address))
}
