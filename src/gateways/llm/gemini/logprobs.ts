import { isObject, object, type Tree, type TreeObject } from '../../../formats/tree.ts'

/** Google's `logprobsResult` in the neutral form, which is OpenAI's: one entry a token, with its rivals. */
export function logprobsFrom(result: Tree | undefined): Tree | undefined {
  const chosen = isObject(result) ? result.get('chosenCandidates') : undefined
  if (!Array.isArray(chosen) || !isObject(result)) return undefined
  const rivals = result.get('topCandidates')
  const content = chosen.filter(isObject).map((token, index) => {
    const top = Array.isArray(rivals) ? rivals[index] : undefined
    const list = isObject(top) ? top.get('candidates') : undefined
    const made = entryFrom(token)
    made.set('top_logprobs', Array.isArray(list) ? list.filter(isObject).map(entryFrom) : [])
    return made
  })
  return object({ content })
}

function entryFrom(token: TreeObject): TreeObject {
  return object({ token: token.get('token') ?? '', logprob: token.get('logProbability') ?? 0, bytes: null })
}

export function logprobsTo(logprobs: Tree | undefined): TreeObject | undefined {
  const content = isObject(logprobs) ? logprobs.get('content') : undefined
  if (!Array.isArray(content)) return undefined
  const tokens = content.filter(isObject)
  return object({
    chosenCandidates: tokens.map(entryTo),
    topCandidates: tokens.map((token) => {
      const top = token.get('top_logprobs')
      return object({ candidates: Array.isArray(top) ? top.filter(isObject).map(entryTo) : [] })
    }),
  })
}

function entryTo(token: TreeObject): TreeObject {
  return object({ token: token.get('token'), logProbability: token.get('logprob') })
}
