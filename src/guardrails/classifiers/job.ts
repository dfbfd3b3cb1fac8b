/** What the pool asks a worker. Texts are windows; each is cut further where it has too many tokens for one run. */
export type Job =
  | { readonly kind: 'guard'; readonly texts: readonly string[]; readonly channel: string }
  | { readonly kind: 'tags'; readonly texts: readonly string[] }
  | { readonly kind: 'embed'; readonly texts: readonly string[] }
  | { readonly kind: 'custom'; readonly folder: string; readonly texts: readonly string[] }

export type Ask = { readonly id: number; readonly job: Job } | { readonly cancel: number } | { readonly end: true }

/**
 * `rows` holds one row of numbers for each text: logits (guard), sentence embedding (embed) or label probabilities
 * (custom); for tags three numbers for each word that is no `O`: tag, start, end, then its probability.
 */
export type Answer =
  | { readonly id: number; readonly rows: readonly Float32Array[]; readonly labels?: readonly string[] }
  | { readonly id: number; readonly error: string }
