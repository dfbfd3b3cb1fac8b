/** What is wrong with the settings, and where. `line` and `column` count from 1; 0 = the file as a whole. */
export interface Problem {
  readonly file: string
  readonly line: number
  readonly column: number
  /** Dotted path of the key, as people write it: `routes.default.targets[0].model`. Empty for the document itself. */
  readonly path: string
  readonly message: string
  /** What was probably meant. */
  readonly hint?: string
}

/** `sallyport.yaml:12:5 routes.default.stratgy: is not a setting. Did you mean "strategy"?` */
export function problemLine(problem: Problem): string {
  const place = problem.line === 0 ? problem.file : `${problem.file}:${problem.line}:${problem.column}`
  const what = problem.path === '' ? problem.message : `${problem.path}: ${problem.message}`
  return `${place} ${what}${problem.hint === undefined ? '' : ` ${problem.hint}`}`
}

export function pathText(path: readonly PropertyKey[]): string {
  return path.map((key, i) => (typeof key === 'number' ? `[${key}]` : `${i === 0 ? '' : '.'}${String(key)}`)).join('')
}

/** The known word that is closest to `word`, when it is close enough to have been meant. */
export function closest(word: string, known: readonly string[]): string | undefined {
  const most = Math.max(1, Math.floor(word.length / 3))
  let best: string | undefined
  let least = most + 1
  for (const one of known) {
    const away = distance(word.toLowerCase(), one.toLowerCase(), least)
    if (away < least) {
      least = away
      best = one
    }
  }
  return best
}

/** Edits between two words, a swap of neighbours counting as one (optimal string alignment); `limit` = far. */
function distance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit || a.length > 100) return limit
  let before: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1
      let least = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + same)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) least = Math.min(least, (before[j - 2] ?? 0) + 1)
      row.push(least)
    }
    before = last
    last = row
  }
  return last[b.length] ?? limit
}
