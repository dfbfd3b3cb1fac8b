/** SPIFFE-ID, section 2: at most 2,048 bytes in all, 255 of them trust domain. Every character is one byte here. */
const LONGEST = 2048
const TRUST_DOMAIN = /^[a-z0-9._-]{1,255}$/
const SEGMENT = /^[A-Za-z0-9._-]+$/

/** The house's own name, in its certificate and in what it signs: no workload has it, nor one below it. */
export const HOUSE_PATH = '/sallyport'

export function isTrustDomain(text: string): boolean {
  return TRUST_DOMAIN.test(text)
}

/** Whether it may stand between two slashes of a SPIFFE id's path: no dots alone, nothing that wants escaping. */
export function isPathSegment(text: string): boolean {
  return SEGMENT.test(text) && text !== '.' && text !== '..'
}

/**
 * Whether it is the SPIFFE id of a workload in this trust domain, in the one spelling that there is: lower-case scheme
 * and trust domain, a path that is not the root, no empty or relative segments, no port, query, fragment or escapes. The house itself is no workload.
 */
export function isWorkloadId(id: string, trustDomain: string): boolean {
  const domain = `spiffe://${trustDomain}`
  if (id.length > LONGEST || !id.startsWith(`${domain}/`)) return false
  const path = id.slice(domain.length)
  if (path === HOUSE_PATH || path.startsWith(`${HOUSE_PATH}/`)) return false
  return path.slice(1).split('/').every(isPathSegment)
}
