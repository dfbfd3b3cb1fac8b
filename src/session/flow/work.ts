/** What takes long for a long text, in pieces of a few milliseconds: between two of them others may have their turn. */
export type Work<T = void> = Generator<undefined, T>

/** All of it at once. */
export function finish<T>(work: Work<T>): T {
  for (;;) {
    const step = work.next()
    if (step.done === true) return step.value
  }
}
