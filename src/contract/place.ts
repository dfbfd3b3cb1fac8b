/** Where settings that name files and variables are read. */
export interface Place {
  /** Folder that relative paths start from. */
  readonly base: string
  readonly env: Readonly<Record<string, string | undefined>>
}
