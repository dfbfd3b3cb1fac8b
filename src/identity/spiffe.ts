/** SPIFFE-ID, section 2: at most 2,048 bytes in all, 255 of them trust domain. Every character is one byte here. */
const LONGEST = 2048
const TRUST_DOMAIN = /^[a-z0-9._-]{1,255}$/
const SEGMENT = /^[A-Za-z0-9._-]+$/

export function isTrustDomain(text: string): boolean {
  return TRUST_DOMAIN.test(text)
}

/** Whether it may stand between two slashes of a SPIFFE id's path: no dots alone, nothing that wants escaping. */
export function isPathSegment(text: string): boolean {
  return SEGMENT.test(text) && text !== '.' && text !== '..'
}

/**
 * Whether it is the SPIFFE id of a workload in this trust domain, in the one spelling that there is: lower-case scheme
 * and trust domain, a path that is not the root, no empty or relative segments, no port, query, fragment or escapes.
 */
export function isWorkloadId(id: string, trustDomain: string): boolean {
  const start = `spiffe://${trustDomain}/`
  return id.length <= LONGEST && id.startsWith(start) && id.slice(start.length).split('/').every(isPathSegment)
}
