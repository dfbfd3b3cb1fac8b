/**
 * Request fields that a translation leaves out, because the answer means the same without them. Everything else that
 * another dialect cannot say is refused by its name.
 */
export const HINTS: Readonly<Record<string, string>> = {
  service_tier: 'how fast and at what price the provider queues the call; the target has tiers of its own',
  speed: 'how fast and at what price the provider works; the target has tiers of its own',
  cache_control: 'where a cached prefix ends (at the top: that one is wanted at all)',
  betas: 'which of Anthropic\'s previews may be used; the fields of a preview are judged one by one',
  eager_input_streaming: 'how early arguments of a call are sent',
}

/** The same for what other dialects say and Anthropic cannot. */
export const LEFT_OUT: Readonly<Record<string, string>> = {
  'messages.content.annotations': 'where an earlier answer took its words from, in another maker\'s form; the words themselves stand',
  'reasoning of another maker': 'Anthropic takes back only thinking that it signed itself, and thinking is no part of the answer',
}
