import type { Span } from './rules/matcher.ts'
import { pii } from './pii.ts'
import { forDecoded } from './rules/decoded.ts'
import { compile, scanner } from './rules/scanner.ts'
import type { Scanner } from './rules/scanner.ts'
import { secrets } from './secrets.ts'

let made: Scanner | undefined

function masks(): Scanner {
  made ??= forDecoded(scanner('masking', compile([...(secrets.matchers ?? []), ...(pii.matchers ?? [])])))
  return made
}

/** A text without its secrets and personal data: a mark stands for each. Nobody can undo it. */
export function masked(text: string): string {
  let out = ''
  let from = 0
  const spans: readonly Span[] = masks().scan(text, true).spans
  for (const { kind, start, end } of [...spans].sort((a, b) => a.start - b.start || b.end - a.end)) {
    if (end <= from) continue
    const { threshold, marker } = kind.guardrail === secrets.id ? secrets : pii
    if (kind.score < threshold) continue
    // Of two that overlap the first has its mark, and both are gone.
    if (start >= from) out += text.slice(from, start) + marker(kind.category)
    from = end
  }
  return out + text.slice(from)
}
