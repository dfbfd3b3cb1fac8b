import { join } from 'node:path'
import type { Outlet } from './contract/arrival.ts'
import type { Clock } from './contract/clock.ts'
import type { Pass } from './contract/gateway.ts'
import { listen, listenLocal, type Handler, type Listener, type ServeOptions } from './edge/listen/http.ts'
import type { Listen } from './edge/settings.ts'
import type { Composed } from './epoch.ts'
import { guardErrand, isGuardPath } from './gateways/guard/errand.ts'
import { makeProbes } from './gateways/guard/probes.ts'
import { identityErrand, isIdentityPath } from './gateways/identity/errand.ts'
import { llmErrand } from './gateways/llm/gateway.ts'
import { isMcpPath } from './gateways/mcp/callers/endpoint.ts'
import { serveMcp, type Leash } from './gateways/mcp/callers/errand.ts'
import { consentErrand, isConsentPath } from './gateways/mcp/oauth/errand.ts'
import { signInPlaces, type Consenting } from './consenting.ts'
import { isMetadataPath, metadataErrand } from './gateways/mcp/callers/metadata.ts'
import { isTokenPath, tokenErrand } from './gateways/token/errand.ts'
import type { HouseCertificate } from './identity/ca/server.ts'
import type { Identifying } from './identifying.ts'

export interface ServingParts {
  readonly identifying: Identifying
  readonly consenting: Pick<Consenting, 'consents' | 'signIns' | 'outside'>
  /** The epoch of this moment: one arrival keeps to the one that it met. */
  readonly composed: () => Composed
  readonly pass: Pass
  readonly clock: Clock
}

/** What is answered on every data listener: which gateway speaks for an arrival is said by its path alone. */
export function dataHandler({ identifying, consenting, composed, pass, clock }: ServingParts): Handler {
  const probes = makeProbes(clock)
  return async (arrival, outlet) => {
    const { plan, identity, issuers, signIns, limits, evaluate, mcp, epoch } = composed()
    const { target } = arrival
    const leash: Leash | undefined = isMcpPath(target) ? {} : undefined
    const { identify, admit, leave } = identifying.enter(leash === undefined ? outlet : leashed(outlet, leash), identity)
    try {
      if (isGuardPath(target)) await pass(guardErrand({ ...evaluate, identify, bodyBytes: limits.bodyBytes, probes, pass, clock }, arrival, outlet))
      else if (leash !== undefined) await serveMcp({ ...mcp, tool: epoch.tool, identify, bodyBytes: limits.bodyBytes, pass, clock, now: () => composed().mcp }, arrival, outlet, leash)
      else if (isMetadataPath(target)) await pass(metadataErrand(mcp.login, arrival, outlet))
      else if (isConsentPath(target)) await pass(consentErrand({ ...consenting, places: signInPlaces(signIns, { issuers, verify: identifying.signedIn, outside: consenting.outside }), identify, admit }, arrival, outlet))
      else if (isIdentityPath(target)) await pass(identityErrand(identifying.desks(identify, identity).identity, arrival, outlet))
      else if (isTokenPath(target)) await pass(tokenErrand(identifying.desks(identify, identity).token, arrival, outlet))
      else await pass(llmErrand({ identify, limits, plan, clock }, arrival, outlet))
    } finally {
      leave()
    }
  }
}

/** Connections that ended stop nothing more, and calls go on without them. */
function leashed(outlet: Outlet, leash: Leash): Pick<Outlet, 'stop'> {
  return {
    stop(reason) {
      outlet.stop(reason)
      leash.stop?.(reason)
    },
  }
}

/** Where callers connect: addresses as they were bound. */
export interface DataListeners {
  readonly dataUrl: string
  readonly secureUrl?: string
  /** The unix socket. */
  readonly local?: string
  /** Stops taking new requests everywhere; resolves when the last connection is closed. */
  close(graceMs: number): Promise<void>
}

export interface ListeningParts {
  readonly listen: Listen
  readonly options: ServeOptions
  readonly identifying: Identifying
  /** Names in the certificate of the secure listener. */
  readonly serverNames: readonly string[]
  readonly state: string
  /** Told why a process at the local socket is not known. */
  readonly onUnknown: (why: string) => void
}

/** @throws what binding throws; what was bound before is closed again. */
export async function openDataListeners({ listen: where, options, identifying, serverNames, state, onUnknown }: ListeningParts, handler: Handler): Promise<DataListeners> {
  const bound: Listener[] = []
  const certificates: HouseCertificate[] = []
  const close = async (graceMs: number): Promise<void> => {
    for (const one of certificates) one.close()
    await Promise.all(bound.map((one) => one.close({ graceMs })))
  }
  const add = (listener: Listener): Listener => {
    bound.push(listener)
    return listener
  }
  try {
    const data = add(await listen({ ...options, ...where.data }, handler))
    let secure: Listener | undefined
    if (where.secure !== undefined) {
      const certificate = await identifying.certificate([where.secure.host, ...serverNames])
      certificates.push(certificate)
      secure = add(await listen({ ...options, ...where.secure, secure: certificate.current }, handler))
    }
    const local = where.local === undefined ? undefined : add(await listenLocal({ ...options, path: where.local.path ?? join(state, 'sallyport.sock'), open: where.local.open, onUnknown }, handler))
    identifying.onRevoked((held) => {
      for (const one of bound) one.drop(held)
    })
    return {
      dataUrl: `http://${hostText(where.data.host)}:${data.port}`,
      ...(secure !== undefined && where.secure !== undefined && { secureUrl: `https://${hostText(where.secure.host)}:${secure.port}` }),
      ...(local && { local: local.host }),
      close,
    }
  } catch (error) {
    await close(0)
    throw error
  }
}

/** A host as URLs write it. */
export function hostText(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}
