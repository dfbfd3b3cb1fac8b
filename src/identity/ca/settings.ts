import { isIP } from 'node:net'
import * as z from 'zod'
import { normalHost } from '../../formats/hostnames.ts'
import { DURATION, durationMs } from '../../formats/units.ts'

const SHORTEST_MS = 5 * 60_000
const LONGEST_MS = 24 * 3_600_000

/** The parts of `identity:` that are about the house's own CA. */
export const caShape = {
  svid_ttl: z
    .string()
    .regex(DURATION, 'expected a duration such as 30m or 1h')
    .refine((text) => !DURATION.test(text) || (durationMs(text) >= SHORTEST_MS && durationMs(text) <= LONGEST_MS), 'expected 5m to 24h')
    .optional()
    .describe('How long an issued certificate is good for, 5m to 24h; workloads renew it at half of that. Default: 1h.'),
  server_names: z
    .array(z.string().min(1).max(253).refine((name) => isIP(name) !== 0 || normalHost(name) !== undefined, 'expected a host name or an address'))
    .max(32)
    .optional()
    .describe('Names and addresses under which workloads reach listen.secure, for its certificate; localhost and the loopback addresses are always in it.'),
  ca: z
    .strictObject({
      key: z
        .string()
        .regex(/^(?:env:[A-Za-z_][A-Za-z0-9_]*|file:\/.+)$/, 'expected env:NAME or file:/path')
        .optional()
        .describe('Where the private key of the CA is (PEM PKCS#8, ECDSA P-256). Another key makes another CA; the one before it stays trusted until its last certificate has ended. Default: made in the state folder.'),
    })
    .optional()
    .describe('The certificate authority that issues identities.'),
}

export interface CaSettings {
  readonly trustDomain: string
  readonly svidTtlMs: number
  /** DNS names and addresses of the secure listener, the loopback ones included. */
  readonly serverNames: readonly string[]
  /** `env:NAME` or `file:/path`; absent = a key of its own in the state folder. */
  readonly key?: string
}

export function settleCa(written: z.infer<z.ZodObject<typeof caShape>> | undefined, trustDomain: string): CaSettings {
  const key = written?.ca?.key
  return Object.freeze({
    trustDomain,
    svidTtlMs: durationMs(written?.svid_ttl ?? '1h'),
    serverNames: Object.freeze([...new Set([...(written?.server_names ?? []), 'localhost', '127.0.0.1', '::1'])]),
    ...(key !== undefined && { key }),
  })
}
