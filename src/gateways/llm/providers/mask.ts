import type { Fields } from '../../../contract/arrival.ts'

/** Where providers take their key, by lower-case name. */
const PLACES = new Set(['authorization', 'x-api-key', 'api-key', 'x-goog-api-key'])
/** Shorter ones (`none`, `ollama`) protect nothing, and taking them out would only garble sentences. */
const SHORTEST = 8

/**
 * Takes the credential that went out with `fields` out of what the provider says: some repeat it in their errors, and
 * those reach callers, logs and receipts. Also what is left of it at the end of a text that was cut there.
 */
export function masked(text: string, fields: Fields): string {
  let made = text
  for (const [name, value] of fields) {
    if (!PLACES.has(name.toLowerCase())) continue
    const credential = value.replace(/^bearer /i, '')
    if (credential.length < SHORTEST) continue
    made = made.replaceAll(credential, '[credential]')
    for (let length = Math.min(credential.length - 1, made.length); length >= SHORTEST; length--) {
      if (made.endsWith(credential.slice(0, length))) made = `${made.slice(0, -length)}[credential]`
    }
  }
  return made
}
