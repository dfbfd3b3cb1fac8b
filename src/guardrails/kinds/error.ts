/** What is wrong with an entry that only shows when its files or variables are looked at; `path` names the key. */
export class KindError extends Error {
  readonly path: readonly (string | number)[]
  constructor(key: string, problem: string, before: readonly (string | number)[] = []) {
    super(problem)
    this.path = [...before, key]
  }
}
