/**
 * Tokens that a text costs as input, estimated from its length and its bytes alone: this runs for every leaf of every
 * call, so it is no tokenizer. A token is three characters, which is what code comes to and less than English does; it
 * errs on the high side, because budgets reserve by it.
 */
export function estimateTokens(text: string): number {
  if (text === '') return 0
  // Native and fast: every byte beyond one per code unit belongs to a character that is no ASCII.
  const wide = Buffer.byteLength(text) - text.length
  return Math.ceil(text.length / 3 + wide / 2)
}

/** What the frame around each message costs. */
const PER_SEGMENT = 4
/** Inline media is charged by tiles and pages, which its bytes only hint at; below this no image comes away. */
const LEAST_MEDIA = 1_600
const MEDIA_BYTES_PER_TOKEN = 500

/** Input tokens of a whole request. */
export function estimateInput(segments: readonly { readonly text: string }[], mediaBytes: number): number {
  let sum = PER_SEGMENT * segments.length
  for (const { text } of segments) sum += estimateTokens(text)
  return sum + (mediaBytes === 0 ? 0 : Math.max(LEAST_MEDIA, Math.ceil(mediaBytes / MEDIA_BYTES_PER_TOKEN)))
}
