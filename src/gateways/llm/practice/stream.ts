import type { Completion, Delta } from '../conversation.ts'

/** A completion as the steps in which a real model would stream it: word by word, arguments in pieces. */
export function* deltasOf({ id, model, created, choices, usage }: Completion): Generator<Delta> {
  yield { t: 'start', id, model, ...(created !== undefined && { created }), ...(usage && { usage: { ...usage, output: 0, reasoning: 0 } }) }
  for (const [choice, { parts, stop }] of choices.entries()) {
    for (const [block, part] of parts.entries()) {
      if (part.kind === 'call') {
        yield { t: 'open', choice, block, part: 'call', id: part.id, name: part.name }
        for (const text of pieces(part.args, 7)) yield { t: 'text', choice, block, text }
      } else if (part.kind === 'text' || part.kind === 'reasoning' || part.kind === 'refusal') {
        yield { t: 'open', choice, block, part: part.kind }
        for (const text of part.text.split(/(?<= )/)) yield { t: 'text', choice, block, text }
        if (part.kind === 'reasoning' && part.signature !== undefined) yield { t: 'signature', choice, block, signature: part.signature }
      }
      yield { t: 'close', choice, block }
    }
    yield { t: 'finish', choice, stop }
  }
  if (usage !== undefined) yield { t: 'usage', usage }
  yield { t: 'end' }
}

/** Cuts text into pieces of whole characters: half a surrogate pair is no text. */
function pieces(text: string, size: number): string[] {
  const characters = [...text]
  return Array.from({ length: Math.ceil(characters.length / size) }, (_, at) => characters.slice(at * size, (at + 1) * size).join(''))
}
