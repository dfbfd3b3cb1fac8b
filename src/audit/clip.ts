import { Lexeme } from '../formats/tree.ts'

/** Deeper than any content that the strict reader lets in. */
const DEEPEST = 200

export interface Clipped {
  readonly value: unknown
  readonly truncated: boolean
}

/**
 * What of a payload is kept within `budget` characters: the newest elements of lists whole, the first that no
 * longer fits by its two ends, and a mark for the rest. Walked from the end, because a conversation's newest part
 * is what the exchange added. Trees (Maps, number lexemes) become plain objects.
 */
export function clip(value: unknown, budget: number): Clipped {
  let left = budget
  let truncated = false

  function text(whole: string): string {
    if (whole.length <= left) {
      left -= whole.length
      return whole
    }
    truncated = true
    const half = Math.max(0, Math.floor(left / 2))
    left = 0
    const tail = half === 0 ? '' : whole.slice(-half)
    return `${whole.slice(0, half)}[… ${whole.length - 2 * half} characters left out …]${tail}`.toWellFormed()
  }

  function list(whole: readonly unknown[], depth: number): unknown[] {
    const kept: unknown[] = []
    for (let at = whole.length - 1; at >= 0; at--) {
      if (left <= 0) {
        truncated = true
        kept.push(`[… ${at + 1} elements left out …]`)
        break
      }
      left -= 2
      kept.push(part(whole[at], depth))
    }
    return kept.reverse()
  }

  function fields(whole: Iterable<readonly [string, unknown]>, depth: number): Record<string, unknown> {
    const kept: [string, unknown][] = []
    for (const [key, one] of whole) {
      if (one === undefined) continue
      if (left <= 0) {
        truncated = true
        kept.push(['…', 'fields left out'])
        break
      }
      left -= key.length + 4
      kept.push([key, part(one, depth)])
    }
    return Object.fromEntries(kept)
  }

  function part(one: unknown, depth: number): unknown {
    if (typeof one === 'string') return text(one)
    if (typeof one === 'number' || typeof one === 'boolean' || one === null) {
      left -= 4
      return one
    }
    if (one instanceof Lexeme) return text(one.text)
    if (typeof one !== 'object') return String(one)
    if (depth === DEEPEST) {
      truncated = true
      return '[… too deep …]'
    }
    if (Array.isArray(one)) return list(one, depth + 1)
    if (one instanceof Map) return fields(one as Map<string, unknown>, depth + 1)
    return fields(Object.entries(one), depth + 1)
  }

  const kept = part(value, 0)
  return { value: kept, truncated }
}
