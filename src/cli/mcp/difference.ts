/** One place at which two definitions differ; `undefined` = it is not there. */
export interface Difference {
  /** Dotted, with indexes in brackets; empty for the whole. */
  readonly path: string
  readonly before: unknown
  readonly after: unknown
}

/** Where two plain JSON values differ, as deep inside as it goes. */
export function differences(before: unknown, after: unknown, path = ''): readonly Difference[] {
  if (isPlain(before) && isPlain(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort()
    return keys.flatMap((key) => differences(before[key], after[key], path === '' ? key : `${path}.${key}`))
  }
  if (Array.isArray(before) && Array.isArray(after)) {
    return Array.from({ length: Math.max(before.length, after.length) }).flatMap((_, at) => differences(before[at], after[at], `${path}[${at}]`))
  }
  if (before === undefined && isPlain(after) && path === '') return differences({}, after)
  return JSON.stringify(before) === JSON.stringify(after) ? [] : [{ path, before, after }]
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
