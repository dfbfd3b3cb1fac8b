import { isIPv4, isIPv6 } from 'node:net'
import { domainToASCII } from 'node:url'

/** A host in the one spelling in which hosts are compared: `text` of a v6 address has no brackets. */
export interface Host {
  readonly kind: 'name' | 'ipv4' | 'ipv6'
  readonly text: string
}

export interface HostPort {
  readonly host: Host
  readonly port?: number
}

const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/
/** What may stand in a name before IDNA: anything beyond ASCII is left to IDNA. */
const SPELLING = /^[A-Za-z0-9._\-\u0080-\u{10ffff}]+$/u
const LOOKS_NUMERIC = /^(?:\d+|0x[0-9a-f]*)$/

/**
 * Normalises a host name or an IP literal: IDNA (UTS 46) to lower-case ASCII, one trailing dot removed, v6 as
 * RFC 5952 with or without brackets. Undefined for everything malformed, and for spellings of IPv4 that resolvers
 * understand and checks miss (decimal, octal, hexadecimal, short and full-width forms).
 */
export function normalHost(text: string): Host | undefined {
  if (text.length === 0 || text.length > 1_000) return undefined
  if (text.startsWith('[') || text.includes(':')) {
    const bare = text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text
    const words = wordsOf(bare)
    return words === undefined ? undefined : { kind: 'ipv6', text: spelled(words) }
  }
  if (isIPv4(text)) return { kind: 'ipv4', text }
  if (!SPELLING.test(text)) return undefined
  const ascii = domainToASCII(text)
  const name = ascii.endsWith('.') ? ascii.slice(0, -1) : ascii
  if (name.length === 0 || name.length > 253) return undefined
  const labels = name.split('.')
  // A last label that looks like a number makes resolvers read the whole as an address.
  if (LOOKS_NUMERIC.test(labels[labels.length - 1] as string)) return undefined
  return labels.every((label) => LABEL.test(label)) ? { kind: 'name', text: name } : undefined
}

/** A host with an optional port, as in a Host header; undefined when malformed. User info is malformed here. */
export function hostPort(text: string): HostPort | undefined {
  const colon = text.startsWith('[') ? text.indexOf(':', text.indexOf(']')) : text.indexOf(':')
  const host = normalHost(colon < 0 ? text : text.slice(0, colon))
  if (host === undefined) return undefined
  if (colon < 0) return { host }
  const digits = text.slice(colon + 1)
  const port = /^[1-9]\d{0,4}$/.test(digits) ? Number(digits) : 0
  return port > 0 && port < 65_536 ? { host, port } : undefined
}

export type AddressClass = 'loopback' | 'private' | 'link_local' | 'cgnat' | 'multicast' | 'reserved' | 'metadata' | 'public'

/**
 * What kind of address an IP literal is (IANA special-purpose registries, and the clouds' metadata services). An
 * IPv4 address inside a mapped or NAT64 v6 address is classed as itself. What is no IP literal is `reserved`.
 */
export function addressClass(ip: string): AddressClass {
  if (isIPv4(ip)) {
    const [a, b, c, d] = ip.split('.').map(Number) as [number, number, number, number]
    return v4Class(((a << 24) | (b << 16) | (c << 8) | d) >>> 0)
  }
  const words = wordsOf(ip)
  return words === undefined ? 'reserved' : v6Class(words)
}

const METADATA_V4 = new Set([v4('169.254.169.254'), v4('169.254.170.2'), v4('169.254.170.23'), v4('169.254.0.23'), v4('100.100.100.200'), v4('168.63.129.16'), v4('192.0.0.192')])

const V4: readonly (readonly [base: number, bits: number, is: AddressClass])[] = [
  [v4('0.0.0.0'), 8, 'reserved'],
  [v4('10.0.0.0'), 8, 'private'],
  [v4('100.64.0.0'), 10, 'cgnat'],
  [v4('127.0.0.0'), 8, 'loopback'],
  [v4('169.254.0.0'), 16, 'link_local'],
  [v4('172.16.0.0'), 12, 'private'],
  [v4('192.0.0.0'), 24, 'reserved'],
  [v4('192.0.2.0'), 24, 'reserved'],
  [v4('192.31.196.0'), 24, 'reserved'],
  [v4('192.52.193.0'), 24, 'reserved'],
  [v4('192.88.99.0'), 24, 'reserved'],
  [v4('192.168.0.0'), 16, 'private'],
  [v4('192.175.48.0'), 24, 'reserved'],
  [v4('198.18.0.0'), 15, 'reserved'],
  [v4('198.51.100.0'), 24, 'reserved'],
  [v4('203.0.113.0'), 24, 'reserved'],
  [v4('224.0.0.0'), 4, 'multicast'],
  [v4('240.0.0.0'), 4, 'reserved'],
]

function v4(text: string): number {
  return text.split('.').reduce((sum, byte) => sum * 256 + Number(byte), 0)
}

function v4Class(address: number): AddressClass {
  if (METADATA_V4.has(address)) return 'metadata'
  for (const [base, bits, is] of V4) if ((address ^ base) >>> (32 - bits) === 0) return is
  return 'public'
}

function v6Class(words: readonly number[]): AddressClass {
  const [a, b, c, d, e, f, g, h] = words as [number, number, number, number, number, number, number, number]
  const inner = ((g << 16) | h) >>> 0
  if ((a | b | c | d | e) === 0) {
    if (f === 0xffff) return v4Class(inner)
    return f === 0 && inner === 1 ? 'loopback' : 'reserved'
  }
  if (a === 0x64 && b === 0xff9b && (c | d | e | f) === 0) return v4Class(inner)
  // fd00:ec2::254 and fd20:ce::254: the metadata services of two clouds.
  if (((a === 0xfd00 && b === 0x0ec2) || (a === 0xfd20 && b === 0x00ce)) && (c | d | e | f | g) === 0 && h === 0x254) return 'metadata'
  if ((a & 0xfe00) === 0xfc00) return 'private'
  if ((a & 0xffc0) === 0xfe80) return 'link_local'
  if ((a & 0xff00) === 0xff00) return 'multicast'
  if ((a & 0xe000) !== 0x2000) return 'reserved'
  // Teredo and 6to4 carry a v4 address that a relay would reach; protocol assignments and documentation go nowhere.
  if (a === 0x2001 && (b < 0x200 || b === 0xdb8)) return 'reserved'
  if (a === 0x2002 || (a === 0x3fff && b < 0x1000)) return 'reserved'
  return 'public'
}

/** The eight words of a v6 literal; undefined for anything else, zone ids included. */
function wordsOf(text: string): number[] | undefined {
  if (!isIPv6(text) || text.includes('%')) return undefined
  let hex = text
  const dot = text.lastIndexOf(':') + 1
  if (text.includes('.')) {
    const inner = v4(text.slice(dot))
    hex = text.slice(0, dot) + (inner >>> 16).toString(16) + ':' + (inner & 0xffff).toString(16)
  }
  const [head = '', foot] = hex.split('::')
  const words = (part: string): number[] => (part === '' ? [] : part.split(':').map((word) => Number.parseInt(word, 16)))
  const first = words(head)
  if (foot === undefined) return first
  const last = words(foot)
  return [...first, ...new Array<number>(8 - first.length - last.length).fill(0), ...last]
}

/** RFC 5952: lower case, the longest run of two or more zero words (the first of equals) shortened. */
function spelled(words: readonly number[]): string {
  let best = 0
  let bestAt = -1
  for (let at = 0; at < 8; at++) {
    let run = 0
    while (at + run < 8 && words[at + run] === 0) run++
    if (run > best && run > 1) {
      best = run
      bestAt = at
    }
    at += run
  }
  const text = (from: number, to: number): string =>
    words
      .slice(from, to)
      .map((word) => word.toString(16))
      .join(':')
  return bestAt < 0 ? text(0, 8) : text(0, bestAt) + '::' + text(bestAt + best, 8)
}
