/** One line of input, or that it was longer than allowed (what there was of it is dropped). */
export type Line = { readonly text: string } | { readonly tooLong: true }

/**
 * Cuts bytes into lines and gives those of each chunk together, so that a writer can answer when its reader waits.
 * Never keeps more than `limit` bytes of an unfinished line. A last line without its end counts too; bytes that are
 * not UTF-8 come out as U+FFFD.
 */
export async function* linesOf(chunks: AsyncIterable<Uint8Array>, limit: number): AsyncGenerator<readonly Line[]> {
  let parts: Uint8Array[] = []
  let held = 0
  let skipping = false

  function end(last: Uint8Array): Line {
    const tooLong = skipping || held + last.length > limit
    const text = tooLong ? '' : Buffer.concat([...parts, last]).toString('utf8').replace(/\r$/, '')
    parts = []
    held = 0
    skipping = false
    return tooLong ? { tooLong } : { text }
  }

  for await (const chunk of chunks) {
    const lines: Line[] = []
    let from = 0
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, from)) {
      lines.push(end(chunk.subarray(from, at)))
      from = at + 1
    }
    const rest = chunk.subarray(from)
    held += rest.length
    skipping ||= held > limit
    if (skipping) parts = []
    else if (rest.length > 0) parts.push(rest)
    if (lines.length > 0) yield lines
  }
  if (held > 0) yield [end(new Uint8Array())]
}
