/**
 * Request fields that a translation leaves out, because the answer means the same without them. Everything else that
 * another dialect cannot say is refused by its name.
 */
export const HINTS: Readonly<Record<string, string>> = {
  service_tier: 'how fast and at what price the provider queues the call; the target has tiers of its own',
  prompt_cache_key: 'where the provider looks for a cached prefix',
  prompt_cache_retention: 'how long the provider keeps a cached prefix',
  prompt_cache_options: 'whether the provider caches a prefix',
  prompt_cache_breakpoint: 'where a cached prefix ends',
  cache_control: 'Anthropic\'s mark of where a cached prefix ends; OpenAI caches without being asked',
  prediction: 'text that lets the provider generate faster',
  'stream_options.include_obfuscation': 'padding against observers of packet sizes',
  'reasoning.summary': 'Chat Completions shows the reasoning that the model shows, and takes no wish about it',
  'include.reasoning.encrypted_content': 'sealed reasoning is always asked for and carried',
  'messages.content.annotations': 'where an earlier answer took its words from; the words themselves stand',
  'reasoning items of another maker': 'Responses takes back only what it sealed itself, and thinking is no part of the answer',
}
