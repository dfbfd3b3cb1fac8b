import { boolean, identifier, integer, json, list, map, object, opaque, providerState, text, union } from '../fields.ts'

/** Pieces of field tables that Chat Completions and Responses share. */

export const breakpoint = object({ mode: identifier(), ttl: identifier() })

export const cacheOptions = object({
  mode: identifier(),
  ttl: identifier(),
  prewarm: boolean(),
  comparison_response_id: providerState(identifier()),
})

const moderated = object({ mode: identifier() })

export const moderation = object({ model: identifier(), policy: object({ input: moderated, output: moderated }) })

/** Sixteen short strings for the provider's own dashboards: they leave the house like everything else. */
export const metadata = map(text('body'))

export const location = {
  city: text('body'),
  country: text('body'),
  region: text('body'),
  timezone: text('body'),
}

export const grammar = union('type', {
  text: object({}),
  grammar: object({ grammar: json('tool_definition'), definition: text('tool_definition'), syntax: identifier() }),
})

/** What compatible servers (OpenRouter) and this gateway use to carry signed and sealed reasoning. */
export const reasoningDetails = list(
  object({
    type: identifier(),
    text: text('reasoning'),
    summary: text('reasoning'),
    signature: opaque('reasoning'),
    data: opaque('reasoning'),
    id: identifier(),
    format: identifier(),
    index: integer(),
  }),
)

