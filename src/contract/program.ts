/** A program that is started once and spoken to, line by line, over its standard streams. */
export interface ProgramSpec {
  /** A path, or a name that is looked for along `env.PATH`; no shell reads it. */
  readonly command: string
  readonly args: readonly string[]
  /** All of its environment: nothing of ours is added but a mark by which what it starts is found. */
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string
  /** A folder that is made where it is missing, for its owner alone. */
  readonly home: string
  /** Longest line, in bytes, that it may write. */
  readonly lineBytes: number
  readonly confinement?: Confinement
}

/** What a program sees, reaches and uses up. */
export interface Confinement {
  /** Absent = it sees what whoever runs Sallyport sees. */
  readonly sandbox?: Sandbox
  readonly limits: Limits
}

/** Absolute paths throughout. Besides these, the system and the program's own package are seen, and its `home` is its own. */
export interface Sandbox {
  readonly network: boolean
  readonly read: readonly string[]
  readonly write: readonly string[]
  /** Never seen, whatever they lie in. */
  readonly hidden: readonly string[]
}

export interface Limits {
  /** Of all its processes together, shared files not counted; each alone is refused 1 GiB more than that. */
  readonly memoryBytes: number
  readonly processes: number
  /** Open at once, of one process. */
  readonly files: number
  /** Largest file that it may write. */
  readonly fileBytes: number
  /** That one process may use up in its life; absent = no end. */
  readonly cpuSeconds?: number
}

/** What the program does. Nothing is told after `ended`. */
export interface ProgramEvents {
  /** A whole line, without its end. */
  line(bytes: Uint8Array): void
  /** A line was longer than allowed and is gone; what it began and ended with remains. */
  oversized(head: string, tail: string): void
  /** Something on standard error, cut and stripped of control characters. */
  said(text: string): void
  /** Its streams are closed and nothing of its process group is left. Once. */
  ended(why: string): void
}

export interface Program {
  /** False where it takes nothing any more, or has not read what it was sent before. */
  write(line: string): boolean
  /** Ends it with everything that it started: asked first, then killed. Resolves when it has ended. */
  stop(): Promise<void>
}

/** Never throws: a program that cannot be started ends at once. */
export type StartProgram = (spec: ProgramSpec, events: ProgramEvents) => Program

/** What is run when a program is started, as far as it can be known from the disk: what a pin holds on to. */
export interface PackageFacts {
  /** Of the package, or the file's own name where it belongs to none. */
  readonly name: string
  /** The exact version of what lies there. */
  readonly version?: string
  /** `sha512-…` of the package as it was fetched, or else `sha256-…` of the file that is run. Absent while it has not been fetched, or cannot be known. */
  readonly integrity?: string
  /** `sha256-…` of the file that is run, as it lies there now. */
  readonly file?: string
  /** `sha256-…` over names, versions and integrity of all that was fetched with it. */
  readonly dependencies?: string
  /** Nothing that the settings say keeps it from being another one next time. */
  readonly floating: boolean
}

/** Never rejects: what cannot be known is absent. What npx fetches is known once the program has been started. */
export type PackageOf = (spec: ProgramSpec) => Promise<PackageFacts>
