import { isObject, object, type Tree, type TreeObject } from '../../../formats/tree.ts'
import { Inexpressible } from '../dialect.ts'

/**
 * Citations of an answer's text in the neutral form are what Responses says: flat objects with `type`. Chat
 * Completions nests the same fields below the type's name.
 */
export function fromChat(annotations: Tree | undefined): Tree | undefined {
  if (!Array.isArray(annotations) || annotations.length === 0) return undefined
  return annotations.map((annotation) => {
    const type = isObject(annotation) ? annotation.get('type') : undefined
    const inner = isObject(annotation) && typeof type === 'string' ? annotation.get(type) : undefined
    return isObject(inner) ? new Map<string, Tree>([['type', type as string], ...inner]) : annotation
  })
}

/** @throws {Inexpressible} for citations of another maker. */
export function toChat(citations: Tree | undefined): Tree[] | undefined {
  const own = ownOf(citations)
  return own?.map((citation) => {
    const rest = new Map(citation)
    rest.delete('type')
    const type = citation.get('type') as string
    return object({ type, [type]: rest })
  })
}

/** @throws {Inexpressible} for citations of another maker. */
export function toResponses(citations: Tree | undefined): TreeObject[] {
  return ownOf(citations) ?? []
}

const TYPES = new Set<Tree | undefined>(['url_citation', 'file_citation', 'container_file_citation', 'file_path'])

function ownOf(citations: Tree | undefined): TreeObject[] | undefined {
  if (!Array.isArray(citations) || citations.length === 0) return undefined
  return citations.map((citation) => {
    if (!isObject(citation) || !TYPES.has(citation.get('type'))) throw new Inexpressible('answer.citations', 'OpenAI has other kinds of citations')
    return citation
  })
}
