import type { DialectId } from './conversation.ts'
import type { Surveyed } from './dialect.ts'
import type { Walked } from './walk.ts'

/** What a dialect reads off a request besides its field table. */
export interface Read {
  readonly dialect: DialectId
  readonly model: string
  readonly stream: boolean
  readonly choices: number
  readonly maxTokens: number | undefined
  /** Further clear facts for policy. */
  readonly facts?: Surveyed['parameters']
}

/** A walked request as the spine sees it; policy finds the same facts under the same names in every dialect. */
export function surveyed(walked: Walked, { dialect, model, stream, choices, maxTokens, facts }: Read): Surveyed {
  return {
    model,
    stream,
    segments: walked.segments,
    effects: walked.effects,
    subordinates: walked.subordinates,
    parameters: {
      messages: 0,
      tools: 0,
      images: 0,
      ...walked.parameters,
      ...facts,
      model,
      dialect,
      stream,
      choices,
      ...(maxTokens === undefined ? {} : { max_tokens: maxTokens }),
    },
    ...(maxTokens === undefined ? {} : { maxTokens }),
    choices,
    mediaBytes: walked.mediaBytes,
  }
}
