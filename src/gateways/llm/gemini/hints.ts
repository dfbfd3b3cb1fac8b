/**
 * Request fields that a translation leaves out, because the answer means the same without them. Everything else that
 * another dialect cannot say is refused by its name.
 */
export const HINTS: Readonly<Record<string, string>> = {
  serviceTier: 'how fast and at what price the provider queues the call; the target has tiers of its own',
  labels: 'names under which Google lists the call on its bill',
}

/** The same for what other dialects say and Gemini cannot. */
export const LEFT_OUT: Readonly<Record<string, string>> = {
  cache_control: 'where a cached prefix ends; Gemini caches without being asked',
  user: 'who the end user is, for the provider\'s watch on abuse',
  'messages.content.citations': 'where an earlier answer took its words from; the words themselves stand',
  'reasoning of another maker': 'Gemini takes back only thoughts that it signed itself, and thinking is no part of the answer',
}
