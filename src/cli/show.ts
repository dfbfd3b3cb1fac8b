/** Rows under headings, columns aligned, for people. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = headings.map((heading, i) => Math.max(heading.length, ...rows.map((row) => printable(row[i] ?? '').length)))
  const line = (cells: readonly string[]): string => cells.map((cell, i) => printable(cell).padEnd(widths[i] ?? 0)).join('  ').trimEnd()
  return `${[headings, ...rows].map(line).join('\n')}\n`
}

/** `2026-11-21 04:05:06` in UTC. */
export function moment(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace('T', ' ')
}

export function day(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}

// Names come from callers, and must not move the cursor or colour the screen.
const controls = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g

/** Text that came from elsewhere, without what a terminal would obey. */
export function printable(text: string): string {
  return text.replace(controls, '\ufffd')
}

// What a terminal draws as nothing, as a blank that is none, or over its neighbours: all that can hide text in text.
const unseen = /[\p{C}\p{Zl}\p{Zp}\u00a0\u034f\u115f\u1160\u17b4\u17b5\u1680\u180b-\u180f\u2000-\u200a\u202f\u205f\u2800\u3000\u3164\ufe00-\ufe0f\uffa0\u{e0100}-\u{e01ef}]|(?<=\p{M}{2})\p{M}/gu

/**
 * Text of an agent, quoted: as a JSON string in which everything that is not plainly visible is escaped, so that what
 * is read is what there is. Long runs of blanks, which push what follows off the screen, are counted instead.
 */
export function quoted(text: string): string {
  return visible(JSON.stringify(text))
}

/** The same for text that is JSON already. */
export function visible(json: string): string {
  return json.replace(unseen, (found) => [...Array(found.length).keys()].map((at) => `\\u${found.charCodeAt(at).toString(16).padStart(4, '0')}`).join('')).replace(/ {12,}/g, (blanks) => `[${blanks.length} blanks]`)
}

/** Shows how far long work has come, on a terminal only; `done` takes it away again. */
export function progressOn(io: { readonly terminal: boolean; err(text: string): void }, what: string): { at(done: number, of: number): void; done(): void } {
  let last = -1
  return {
    at(done, of) {
      const percent = of === 0 ? 100 : Math.floor((done * 100) / of)
      if (!io.terminal || percent === last) return
      last = percent
      io.err(`\r\x1b[K${what} ${percent} %`)
    },
    done() {
      if (io.terminal && last >= 0) io.err('\r\x1b[K')
    },
  }
}
