import { randomFillSync } from 'node:crypto'

const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))
const POOL_BYTES = 4_096

/**
 * Makes a generator of UUIDv7 (RFC 9562) that sort by creation: within a millisecond, and while the clock steps
 * back, a counter in `rand_a` goes up; 62 bits of each id are random. `wall` gives ms since the Unix epoch.
 */
export function uuid7Maker(wall: () => number): () => string {
  const pool = new Uint8Array(POOL_BYTES)
  let used = POOL_BYTES
  let last = -1
  let counter = 0
  let prefix = ''

  /** Index of `count` fresh random bytes. */
  function fresh(count: number): number {
    if (used + count > POOL_BYTES) {
      randomFillSync(pool)
      used = 0
    }
    used += count
    return used - count
  }

  function turnTo(ms: number): void {
    last = ms
    const at = fresh(2)
    // The upper half of the counter's range stays free, so that at least 2,048 ids fit into any millisecond.
    counter = (((pool[at] as number) & 7) << 8) | (pool[at + 1] as number)
    const hex = ms.toString(16).padStart(12, '0')
    prefix = hex.slice(0, 8) + '-' + hex.slice(8) + '-7'
  }

  return () => {
    const now = Math.floor(wall())
    if (now > last) turnTo(now)
    else if (++counter > 0xfff) turnTo(last + 1)
    const at = fresh(8)
    const hex = (offset: number): string => HEX[pool[at + offset] as number] as string
    return (
      prefix + (counter >>> 8).toString(16) + HEX[counter & 0xff] + '-' +
      HEX[((pool[at] as number) & 0x3f) | 0x80] + hex(1) + '-' +
      hex(2) + hex(3) + hex(4) + hex(5) + hex(6) + hex(7)
    )
  }
}
