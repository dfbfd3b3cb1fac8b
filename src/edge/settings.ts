import * as z from 'zod'
import { normalHost } from '../formats/hostnames.ts'
import { BYTES, DURATION, durationMs, sizeBytes } from '../formats/units.ts'

const duration = z.string().regex(DURATION, 'expected a duration such as 500ms, 10s, 5m or 1h')
const size = z.string().regex(BYTES, 'expected a size such as 64KB, 10MB or 1GB')
const address = z
  .string()
  .regex(/^(\[[0-9a-fA-F:.]+\]|[^\s:[\]]+):\d{1,5}$/, 'expected host:port, such as 127.0.0.1:8080 or [::1]:8080')
  .refine((text) => Number(text.slice(text.lastIndexOf(':') + 1)) <= 65_535, 'expected a port up to 65535')

/** Longer ones do not fit into the address of a unix socket with what is put after them while it is made. */
const LONGEST_PATH = 96

const socketPath = z
  .string()
  .regex(/^\/[\x21-\x7e]+$/, 'expected an absolute path without spaces')
  .max(LONGEST_PATH)

const DATA = '127.0.0.1:8080'
const ADMIN = '127.0.0.1:8081'

export const listenSchema = z
  .strictObject({
    data: address.optional().describe('Where callers connect. Port 0 takes a free one. Default: 127.0.0.1:8080.'),
    admin: address.optional().describe('Where operators connect: admin API, metrics, health. Never the data port. Default: 127.0.0.1:8081.'),
    secure: address
      .optional()
      .describe('A second data port that speaks TLS and asks callers for a certificate without requiring one. Off unless written.'),
    local: z
      .union([z.boolean(), socketPath])
      .optional()
      .describe('The data API on a unix socket, where callers can be known by their process: `true` for `sallyport.sock` in the state folder, or an absolute path. Off unless written.'),
    local_mode: z
      .enum(['owner', 'group'])
      .optional()
      .describe('Who may connect to the unix socket: the user that runs Sallyport (0600), or its group too (0660). Default: owner.'),
    hosts: z
      .array(z.string().min(1).max(253).refine((name) => normalHost(name) !== undefined, 'expected a host name or an address, without a port'))
      .max(100)
      .optional()
      .describe('Host names under which callers may reach the data port, besides its own address and localhost. Anything else is refused as misdirected (this stops DNS rebinding).'),
    origins: z
      .array(z.url().max(300))
      .max(100)
      .optional()
      .describe('Web origins that may call the data port from a browser. Default: none.'),
  })
  .refine((one) => distinct(one.data ?? DATA, one.admin ?? ADMIN), {
    path: ['admin'],
    message: 'must not be the data port: nothing that agents reach may administer',
  })
  .refine((one) => distinct(one.secure, one.admin ?? ADMIN), {
    path: ['secure'],
    message: 'must not be the admin port: nothing that agents reach may administer',
  })
  .refine((one) => distinct(one.secure, one.data ?? DATA), { path: ['secure'], message: 'must not be the data port, which does not speak TLS' })
  .refine((one) => one.local_mode === undefined || (one.local !== undefined && one.local !== false), {
    path: ['local_mode'],
    message: 'says nothing without listen.local',
  })

function distinct(one: string | undefined, other: string): boolean {
  return one === undefined || one.toLowerCase() !== other.toLowerCase() || one.endsWith(':0')
}

export const limitsSchema = z.strictObject({
  body_bytes: size.optional().describe('Largest request body. Default: 10MB.'),
  body_timeout: duration.optional().describe('Longest that a request body may take to arrive. Default: 30s.'),
  head_timeout: duration.optional().describe('Longest that a request head may take to arrive. Default: 10s.'),
  header_bytes: size.optional().describe('Most bytes of request header fields. Default: 32KB.'),
  header_count: z.int().min(10).max(1000).optional().describe('Most request header fields. Default: 100.'),
  reply_bytes: size.optional().describe('Largest reply of an upstream. Default: 64MB.'),
  inflight_bytes: size.optional().describe('Most bytes of all request bodies held at once; above it callers get 503. Default: 512MB.'),
  connections: z.int().min(1).max(1_000_000).optional().describe('Most connections at once on the data port. Default: 10000.'),
  idle_timeout: duration.optional().describe('How long an unused connection stays open. Default: 65s.'),
  drain_timeout: duration.optional().describe('How long requests in flight may go on after SIGTERM. Default: 30s.'),
})

export interface Address {
  /** Without the brackets of an IPv6 address. */
  readonly host: string
  /** 0 = any free port. */
  readonly port: number
}

export interface LocalSocket {
  /** Absent = `sallyport.sock` in the state folder. */
  readonly path?: string
  readonly open: 'owner' | 'group'
}

export interface Listen {
  readonly data: Address
  readonly admin: Address
  readonly secure?: Address
  readonly local?: LocalSocket
  readonly hosts: readonly string[]
  readonly origins: readonly string[]
}

export interface Limits {
  readonly bodyBytes: number
  readonly bodyTimeoutMs: number
  readonly headTimeoutMs: number
  readonly headerBytes: number
  readonly headerCount: number
  readonly replyBytes: number
  readonly inflightBytes: number
  readonly connections: number
  readonly idleTimeoutMs: number
  readonly drainTimeoutMs: number
}

export function settleListen(written: z.infer<typeof listenSchema>): Listen {
  return Object.freeze({
    data: addressOf(written.data ?? DATA),
    admin: addressOf(written.admin ?? ADMIN),
    ...(written.secure !== undefined && { secure: addressOf(written.secure) }),
    ...(written.local !== undefined && written.local !== false && { local: Object.freeze({ ...(written.local !== true && { path: written.local }), open: written.local_mode ?? 'owner' }) }),
    hosts: Object.freeze((written.hosts ?? []).map((host) => host.toLowerCase())),
    origins: Object.freeze((written.origins ?? []).map((origin) => new URL(origin).origin)),
  })
}

export function settleLimits(written: z.infer<typeof limitsSchema>): Limits {
  return Object.freeze({
    bodyBytes: sizeBytes(written.body_bytes ?? '10MB'),
    bodyTimeoutMs: durationMs(written.body_timeout ?? '30s'),
    headTimeoutMs: durationMs(written.head_timeout ?? '10s'),
    headerBytes: sizeBytes(written.header_bytes ?? '32KB'),
    headerCount: written.header_count ?? 100,
    replyBytes: sizeBytes(written.reply_bytes ?? '64MB'),
    inflightBytes: sizeBytes(written.inflight_bytes ?? '512MB'),
    connections: written.connections ?? 10_000,
    idleTimeoutMs: durationMs(written.idle_timeout ?? '65s'),
    drainTimeoutMs: durationMs(written.drain_timeout ?? '30s'),
  })
}

function addressOf(text: string): Address {
  const colon = text.lastIndexOf(':')
  return Object.freeze({ host: text.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(text.slice(colon + 1)) })
}
