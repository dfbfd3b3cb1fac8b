import { isIPv4 } from 'node:net'
import type { Kind, Span } from '../matcher.ts'

const IPV4: Kind = { guardrail: 'pii', rule: 'ipv4', category: 'ip_address', score: 0.85 }
const COORDINATES: Kind = { guardrail: 'pii', rule: 'coordinates', category: 'location', score: 0.82 }

const IP_SHAPE = /\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?!\w|[.-]\w)/y
const VERSION = /(?:v|version|release|build|firmware|chapter|section|§)[ :=]{0,3}$/i

/** An IPv4 address that may be somebody's. */
export function ipv4(text: string, at: number): Span | undefined {
  IP_SHAPE.lastIndex = at
  const shape = IP_SHAPE.exec(text)?.[0]
  if (shape === undefined || !isIPv4(shape)) return undefined
  // Loopback and wildcard addresses, networks and masks name nobody; four single digits are a version far more often than a host.
  if (/^(?:0|127|255)\.|^\d\.\d\.\d\.\d$/.test(shape) || VERSION.test(text.slice(Math.max(0, at - 12), at))) return undefined
  if (shape.endsWith('.0') && /^\/\d/.test(text.slice(at + shape.length, at + shape.length + 2))) return undefined
  return { kind: IPV4, start: at, end: at + shape.length }
}

const PAIR = /\d{1,2}\.\d{4,8}°?(?: ?[NS])?,? {0,2}-?\d{1,3}\.\d{4,8}(?:°? ?[EWO])?(?![\w.])/y
const NEAR = /lat|lng|\blon|gps|geo|coord|locat|position|maps|standort|ubicaci|coord|坐标|位置|緯度|координат/i

const HALF = /^\d{1,2}\.\d{4,8}°?(?: ?[NS]?)?,? {0,2}-?\d{0,3}(?:\.\d{0,8})?(?:°? ?[EWO]?)?$/

/** True where the end of what is known may be half a pair of coordinates. */
export function halfPlace(text: string): boolean {
  return text.length < 40 && HALF.test(text)
}

/** Latitude and longitude of at least four decimals (eleven metres), where words or letters say what they are. */
export function coordinates(text: string, at: number): Span | undefined {
  PAIR.lastIndex = at
  const shape = PAIR.exec(text)?.[0]
  if (shape === undefined) return undefined
  const named = /\d ?[NS],? .*[EWO]$/.test(shape) || NEAR.test(text.slice(Math.max(0, at - 48), at))
  if (!named || Math.abs(Number.parseFloat(shape)) > 90) return undefined
  const start = text.charAt(at - 1) === '-' ? at - 1 : at
  return { kind: COORDINATES, start, end: at + shape.length }
}
