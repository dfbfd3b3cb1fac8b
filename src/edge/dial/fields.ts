import type { Fields } from '../../contract/arrival.ts'

/** RFC 9110 §7.6.1, plus what the connection itself decides: these never travel from one hop to the next. */
const HOP = new Set(['connection', 'keep-alive', 'proxy-connection', 'proxy-authenticate', 'proxy-authorization', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'http2-settings'])
/** Written by the dialer itself. */
const OURS = new Set(['host', 'content-length', 'expect', 'accept-encoding'])

/** Request fields as a flat list; `accept-encoding: identity`, because what comes back must be inspected. */
export function outgoing(fields: Fields): string[] {
  const named = connectionNames(fields)
  const flat = ['accept-encoding', 'identity']
  for (const [name, value] of fields) {
    const lower = name.toLowerCase()
    if (!HOP.has(lower) && !OURS.has(lower) && named?.has(lower) !== true) flat.push(name, value)
  }
  return flat
}

/** Reply fields from the raw list of names and values, in order, without those that belong to this hop. */
export function incoming(raw: readonly (string | Buffer)[], decoded: boolean): Fields {
  const fields: (readonly [string, string])[] = []
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = latin1(raw[at])
    const lower = name.toLowerCase()
    if (HOP.has(lower) && lower !== 'connection') continue
    if (decoded && (lower === 'content-encoding' || lower === 'content-length')) continue
    fields.push([name, latin1(raw[at + 1])])
  }
  const named = connectionNames(fields)
  if (named === undefined) return fields
  return fields.filter(([name]) => {
    const lower = name.toLowerCase()
    return lower !== 'connection' && !named.has(lower)
  })
}

function latin1(text: string | Buffer | undefined): string {
  return typeof text === 'object' ? text.toString('latin1') : (text ?? '')
}

/** Names that a Connection field makes hop-by-hop; undefined when there is no such field. */
function connectionNames(fields: Fields): ReadonlySet<string> | undefined {
  let names: Set<string> | undefined
  for (const [name, value] of fields) {
    if (name.length !== 10 || name.toLowerCase() !== 'connection') continue
    names ??= new Set()
    for (const word of value.split(',')) names.add(word.trim().toLowerCase())
  }
  return names
}
